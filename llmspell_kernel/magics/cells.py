"""Cells whose output is something else: markup, or kept back."""

from __future__ import annotations

import re

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import MimeBundle, Outcome
from llmspell_kernel.lua.lexer import KEYWORDS
from llmspell_kernel.lua.values import to_lua
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, Captured, CapturingFrontend
from llmspell_kernel.records import replaced

GROUP = "Output"
_NAME = re.compile(rf"(?!(?:{'|'.join(sorted(KEYWORDS))})\Z)[A-Za-z_]\w*", re.ASCII)


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


@magic("%%capture [--no-stdout] [--no-stderr] [--no-display] [VARIABLE]", group=GROUP, takes="lua")
def capture(call: Call) -> Outcome | None:
    """Runs the cell and keeps what it shows, in a Lua variable if you name one.

    The variable gets a table: `stdout` and `stderr` are strings, `outputs` is a list of what was displayed,
    each a table of data by MIME type; the cell's value is the last of them. What `--no-stdout`,
    `--no-stderr` and `--no-display` name is shown as always. If the cell fails, all its text is shown.
    """
    frontend = call.session.lua.frontend
    if not isinstance(frontend, CapturingFrontend):
        raise MagicError("this front cannot keep output back")
    name = call.values[0] if call.values else ""
    if name and not _NAME.fullmatch(name):
        raise MagicError(f"{name!r} is no name of a Lua variable")
    takes = [what for what in ("stdout", "stderr", "display") if not call.arguments.flag(f"no-{what}")]
    captured = Captured(takes)
    try:
        with frontend.capture(captured):
            outcome = call.run_given()()
    except BaseException:
        call.write(captured.stdout)
        call.write(captured.stderr, "stderr")
        raise
    if outcome.result is not None and captured.add_output(outcome.result):
        outcome = replaced(outcome, result=None)
    if name:
        _assign(call, name, captured)
    return outcome


def _assign(call: Call, name: str, captured: Captured) -> None:
    lua = call.session.lua
    value = {
        "stdout": captured.stdout.encode(errors="surrogateescape"),
        "stderr": captured.stderr.encode(errors="surrogateescape"),
        "outputs": [bundle.data for bundle in captured.outputs],
    }
    lua.state.call(lua.compiler.compile(f"{name} = ...", call.cell.chunk), to_lua(lua.state.runtime, value))
