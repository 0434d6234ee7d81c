"""A runtime with magics and a front end in memory."""

from __future__ import annotations

from typing import Any

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.state import LuaSettings
from llmspell_kernel.runtime import Runtime, RuntimeSettings

from ..lua.shell import CellRunner, MemoryFrontend

LANGUAGES = ("lua54", "lua55", "luajit")


class Console(CellRunner):
    """Runs cells one after the other."""

    def __init__(self, language: str = "lua54", **settings: Any) -> None:
        self.frontend = MemoryFrontend()
        self.runtime = Runtime(self.frontend, RuntimeSettings(LuaSettings(language=language, **settings)))
        self.number = 0

    def outcome(self, code: str) -> Outcome:
        self.number += 1
        return self.runtime.execute(code, number=self.number)

    def page(self, code: str) -> str:
        """What a cell shows in the pager, as text."""
        (payload,) = self.outcome(code).payload
        assert payload["source"] == "page" and payload["start"] == 0
        return str(payload["data"]["text/plain"])

    def stderr(self) -> str:
        """What was written to stderr since the last call."""
        written, self.frontend.written = self.frontend.written, []
        return b"".join(data for stream, data in written if stream == "stderr").decode()

    def complete(self, code: str) -> list[str]:
        """The candidates at the end of the code, as whole lines."""
        found = self.runtime.complete(code, len(code))
        assert found.end == len(code)
        return [match.text for match in found.matches]
