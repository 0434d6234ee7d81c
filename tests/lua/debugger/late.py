"""Breakpoints that come after their code was compiled."""

from __future__ import annotations

from llmspell_kernel.lua.debugger.model import SourceBreakpoint

from .session import Session


def late(session: Session, code: str, *marks: str | SourceBreakpoint) -> None:
    """Runs a cell and sets breakpoints in it, at the lines with these marks or as given, afterwards."""
    code = code.strip("\n")
    path = session.next_path()
    session.run(code)
    assert all(status.verified for status in session.set_breakpoints(path, code, *marks))


def stops(session: Session, code: str, lines: list[int]) -> str | None:
    """The result of a cell that stops at these lines."""
    cell = session.start(code)
    for line in lines:
        session.wait_stop()
        assert session.line() == line
        session.resume()
    return session.finish(cell)
