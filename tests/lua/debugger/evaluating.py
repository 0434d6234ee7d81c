"""Code that has stopped, and what is evaluated and completed in its frame."""

from __future__ import annotations

import pytest

from llmspell_kernel.errors import DebuggerError
from llmspell_kernel.lua.debugger.model import Context, Variable

from .session import Cell, Session

CODE = """
local up = "captured"
shared = 3
local function f(a, b, ...)
  local t = {10, 20, name = "x", nested = {deep = {1}}}
  local text, none = "str", nil
  return up, shared, a, t, ... -- here
end
return f(1, 2, "v", nil)
"""


def stop(session: Session, code: str = CODE) -> int:
    """The frame in which a cell has stopped, at its line that ends in `-- here`."""
    started(session, code)
    return session.frames()[0].id


def started(session: Session, code: str = CODE) -> Cell:
    cell = session.start(code, "here")
    session.wait_stop()
    return cell


def evaluate(session: Session, code: str, context: Context = "repl", frame: int | None = -1) -> Variable:
    """The result of code in the frame that has stopped, or as given."""
    return session.debugger.evaluate(code, session.frames()[0].id if frame == -1 else frame, context)


def failure(session: Session, code: str, context: Context = "repl") -> str:
    with pytest.raises(DebuggerError) as caught:
        evaluate(session, code, context)
    return str(caught.value)


def complete(session: Session, text: str, frame: int | None) -> list[str]:
    return [match.text for match in session.debugger.complete(text, len(text), frame).matches]
