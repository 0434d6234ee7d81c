"""Tools that other distributions bring."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from llmspell_kernel.errors import ToolError
from llmspell_kernel.library.tool.contract import Tool
from llmspell_kernel.library.tool.entries import ClassEntry, Entry

GROUP = "llmspell.tools"
"""Their entry points: name = "module:Class", where the class is a `Tool` of that name."""


def plugins() -> dict[str, Callable[[], Entry]]:
    """What makes each of the tools, by name; it raises ToolError if the tool is broken."""
    return {point.name: partial(_load, point) for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> Entry:
    distribution = point.dist.name if point.dist is not None else point.module
    try:
        tool = point.load()
        if not (isinstance(tool, type) and issubclass(tool, Tool)):
            raise TypeError(f"{point.value} is no subclass of Tool")
        if tool.name != point.name:
            raise TypeError(f"its class calls it {tool.name!r}")
        return ClassEntry(tool, distribution)
    except Exception as error:  # the border to others' code: a broken tool costs only itself
        reason = f"{type(error).__name__}: {error}"
        raise ToolError(f"the tool {point.name!r} of {distribution} cannot be loaded: {reason}") from error
