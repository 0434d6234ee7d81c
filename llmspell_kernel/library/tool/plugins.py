"""Tools that other distributions bring."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from llmspell_kernel.library.tool.contract import Tool
from llmspell_kernel.library.tool.entries import ClassEntry, Entry

GROUP = "llmspell.tools"
"""Their entry points: name = "module:Class", where the class is a `Tool` of that name."""

_log = logging.getLogger("llmspell.tools")


def plugins() -> dict[str, Callable[[], Entry | None]]:
    """The tools by name; each is imported when it is called for, and None if it is broken."""
    return {point.name: partial(_load, point) for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> Entry | None:
    distribution = point.dist.name if point.dist is not None else point.module
    try:
        tool = point.load()
        if not (isinstance(tool, type) and issubclass(tool, Tool)):
            raise TypeError(f"{point.value} is no subclass of Tool")
        if tool.name != point.name:
            raise TypeError(f"its class calls it {tool.name!r}")
        return ClassEntry(tool, distribution)
    except Exception as error:  # noqa: BLE001 - the border to others' code: a broken tool costs only itself
        _log.warning(
            "The tool %r of %s is left out: %s: %s", point.name, distribution, type(error).__name__, error
        )
        return None
