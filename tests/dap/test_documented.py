from __future__ import annotations

import re
from pathlib import Path

import msgspec

from llmspell_kernel.dap.adapter import COMMANDS
from llmspell_kernel.dap.framing import BODY_LIMIT
from llmspell_kernel.dap.protocol import Arguments
from llmspell_kernel.dap.server import CLIENT_LIMIT
from llmspell_kernel.dap.stack import FRAME_LIMIT

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "debug-adapter.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def named_in(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_the_page_names_every_request_and_no_other() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section("Requests"), re.MULTILINE)
    assert named_in(" ".join(rows)) == set(COMMANDS)


def test_the_page_says_what_is_answered_early_and_to_whom() -> None:
    early = {name for name, command in COMMANDS.items() if command.early}
    assert early <= named_in(section("Order"))
    steering = {
        name
        for name, command in COMMANDS.items()
        if command.steers(
            msgspec.defstruct("Console", [("context", str)], bases=(Arguments,))(context="repl")
        )
    }
    assert steering <= named_in(section("Several clients"))


def test_the_page_gives_the_limits() -> None:
    assert f"| {CLIENT_LIMIT}; another" in PAGE and f"| {BODY_LIMIT >> 20} MB;" in PAGE
    assert f"at most {FRAME_LIMIT} frames" in PAGE
