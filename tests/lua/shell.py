"""A Lua interpreter with a front end in memory, for tests that need no Jupyter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from llmspell_kernel.errors import StdinUnavailableError
from llmspell_kernel.interpreter import ErrorReport, MimeBundle, Outcome, StreamName
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.state import LuaSettings

LANGUAGES = ("lua54", "lua55", "luajit")


class MemoryFrontend:
    """Keeps what cells write, in order; answers input from `answers` (None ends the input)."""

    def __init__(self) -> None:
        self.written: list[tuple[StreamName, bytes]] = []
        self.answers: list[str | None] | None = None
        self.asked: list[tuple[str, bool]] = []
        self.on_read: Callable[[], None] = lambda: None

    def write(self, stream: StreamName, data: bytes) -> None:
        if self.written and self.written[-1][0] == stream:
            data = self.written.pop()[1] + data
        self.written.append((stream, data))

    def flush(self) -> None:
        """Nothing is held back."""

    def display(self, bundle: MimeBundle, *, display_id: str | None = None, update: bool = False) -> None:
        self.write("stdout", f"<{bundle.data}>".encode())

    def can_update(self) -> bool:
        return True

    def clear_output(self, *, wait: bool) -> None:
        self.written.clear()

    def read_line(self, prompt: str, *, password: bool) -> str:
        self.asked.append((prompt, password))
        self.on_read()
        if self.answers is None:
            raise StdinUnavailableError("this front end cannot be asked for input")
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            raise EOFError
        return answer

    def current_cell(self) -> object:
        return self

    @contextmanager
    def _here(self) -> Iterator[None]:
        yield

    def output_to(self, cell: object) -> AbstractContextManager[None]:
        return self._here()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        raise NotImplementedError("nothing here runs between cells")

    def wake(self) -> None:
        """Nothing of ours blocks."""


class CellRunner:
    """Runs cells one after the other over a front in memory and answers what they came to."""

    frontend: MemoryFrontend

    def outcome(self, code: str) -> Outcome:
        """Runs a cell."""
        raise NotImplementedError("a runner says what runs its cells")

    def run(self, code: str) -> str | None:
        """The result of a cell as text; it must not fail."""
        outcome = self.outcome(code)
        assert outcome.error is None, "\n".join(outcome.error.traceback)
        return None if outcome.result is None else str(outcome.result.data["text/plain"])

    def fail(self, code: str) -> ErrorReport:
        """The error of a cell, which must fail."""
        outcome = self.outcome(code)
        assert outcome.error is not None, f"no error, but {outcome.result}"
        return outcome.error

    def output(self) -> str:
        """All text written since the last call; both streams in order."""
        written, self.frontend.written = self.frontend.written, []
        return b"".join(data for _, data in written).decode(errors="backslashreplace")


class LuaShell(CellRunner):
    """Runs cells in an interpreter."""

    def __init__(self, language: str = "lua54", **settings: Any) -> None:
        self.frontend = MemoryFrontend()
        self.interpreter = LuaInterpreter(self.frontend, LuaSettings(language=language, **settings))
        self.language = language
        self.number = 0

    def outcome(self, code: str, *, store: bool = True) -> Outcome:
        """Runs a cell."""
        self.number += store
        return self.interpreter.run(code, number=self.number, store=store)

    def streams(self) -> list[tuple[StreamName, bytes]]:
        """What was written since the last call, neighbours of one stream as one."""
        written, self.frontend.written = self.frontend.written, []
        return written


def plain(report: ErrorReport) -> str:
    """The traceback as text without colours."""
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(report.traceback))
