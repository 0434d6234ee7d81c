"""What the tests of guards and of the tools behind them share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.surroundings import Surroundings

Audit = list[tuple[str, dict[str, Any]]]


def settings(*roots: Path | str, tools: Mapping[str, Any] | None = None, **security: bool) -> Settings:
    """Settings by which tools may use these folders; `tools` is a table as in a file of settings."""
    table: dict[str, Any] = dict(tools or {})
    files = {**table.get("file_operations", {}), "allowed_paths": [str(each) for each in roots]}
    table["file_operations"] = files
    return msgspec.convert({"tools": table, "runtime": {"security": security}}, Settings)


def surroundings(
    *roots: Path | str, tools: Mapping[str, Any] | None = None, audit: Audit | None = None, **security: bool
) -> Surroundings:
    """The world as a tool sees it that may use these folders."""
    noted = [] if audit is None else audit
    return Surroundings(
        settings(*roots, tools=tools, **security),
        "some-tool",
        audit=lambda act, facts: noted.append((act, facts)),
    )


class Caller:
    """Calls tools as scripts do, with settings."""

    def __init__(self, given: Settings) -> None:
        self.services = Services(lambda: given)

    def __call__(self, tool: str, **parameters: Any) -> Any:
        """The result of a call that succeeds."""
        envelope = self.services.tools.call(tool, parameters)
        assert envelope.success, envelope
        return envelope.result

    def close(self) -> None:
        self.services.close()
