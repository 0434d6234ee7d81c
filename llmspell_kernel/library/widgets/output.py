"""Sending output into an Output widget.

ipywidgets does it through IPython; here the front end names the request that output belongs to, and the
widget asks its view to show what answers that request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llmspell_kernel.interpreter import MimeBundle

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter


@runtime_checkable
class Redirecting(Protocol):
    """A front end whose clients can show output somewhere else."""

    def redirectable(self) -> AbstractContextManager[str]:
        """Within it, output belongs to the request whose id it gives."""


@contextmanager
def captured(lua: LuaInterpreter, output: Any) -> Iterator[None]:
    """Within it, what is printed and displayed is shown by the Output widget `output`.

    Nests, also in itself. A front end that cannot redirect shows the output as usual.
    """
    frontend = lua.frontend
    if not isinstance(frontend, Redirecting):
        yield
        return
    with frontend.redirectable() as request:
        before = output.msg_id
        if before == request:
            yield
            return
        frontend.flush()
        output.msg_id = request
        try:
            yield
        finally:
            with lua.gate.shut():  # a second interrupt must not leave the output redirected
                frontend.flush()
                output.msg_id = before


def clear(lua: LuaInterpreter, output: Any, *, wait: bool) -> None:
    """Clears what the widget shows; with `wait`, only when something new comes."""
    with captured(lua, output):
        lua.frontend.clear_output(wait=wait)


def append_bundle(output: Any, bundle: MimeBundle) -> None:
    """Shows a bundle below what the widget shows already."""
    shown = {"output_type": "display_data", "data": bundle.data, "metadata": bundle.metadata}
    output.outputs += (shown,)
