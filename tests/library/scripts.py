"""Scripts over a runtime of their own, with settings as a test wants them."""

from __future__ import annotations

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.state import LuaSettings
from llmspell_kernel.runtime import Runtime, RuntimeSettings

from ..lua.shell import MemoryFrontend


class Scripts:
    """Runs code, cell by cell."""

    def __init__(self, settings: Settings | None = None, lua: LuaSettings | None = None) -> None:
        given = settings or Settings()
        self.frontend = MemoryFrontend()
        self.runtime = Runtime(self.frontend, RuntimeSettings(lua or LuaSettings(), config=lambda: given))
        self.number = 0

    def outcome(self, code: str) -> Outcome:
        """What a cell comes to."""
        self.number += 1
        return self.runtime.execute(code, number=self.number)

    def run(self, code: str) -> str | None:
        """The result of a cell that must not fail."""
        outcome = self.outcome(code)
        assert outcome.error is None, "\n".join(outcome.error.traceback)
        return None if outcome.result is None else str(outcome.result.data["text/plain"])

    def fail(self, code: str) -> str:
        """The message of a cell that must fail."""
        outcome = self.outcome(code)
        assert outcome.error is not None, outcome.result
        return outcome.error.value

    def output(self) -> str:
        """What was written since the last call."""
        written, self.frontend.written = self.frontend.written, []
        return b"".join(data for _, data in written).decode(errors="backslashreplace")
