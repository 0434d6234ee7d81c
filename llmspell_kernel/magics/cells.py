"""Cells that are no Lua: markup."""

from __future__ import annotations

from llmspell_kernel.interpreter import MimeBundle, Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call

GROUP = "Output"


def _show(call: Call, mime_type: str) -> None:
    call.session.lua.frontend.display(MimeBundle({mime_type: call.body, "text/plain": call.body}))


@magic("%%html", group=GROUP)
def html(call: Call) -> Outcome | None:
    """Shows the cell as HTML."""
    _show(call, "text/html")
    return None


@magic("%%markdown", group=GROUP)
def markdown(call: Call) -> Outcome | None:
    """Shows the cell as Markdown."""
    _show(call, "text/markdown")
    return None


@magic("%%latex", group=GROUP)
def latex(call: Call) -> Outcome | None:
    """Shows the cell as LaTeX."""
    _show(call, "text/latex")
    return None


@magic("%%svg", group=GROUP)
def svg(call: Call) -> Outcome | None:
    """Shows the cell as an SVG picture."""
    _show(call, "image/svg+xml")
    return None
