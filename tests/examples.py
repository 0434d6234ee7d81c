"""The Lua examples of Markdown pages: what they say they show, and what they show in a kernel.

A page's ```lua blocks are the cells of one notebook. A comment `--> text` says what is shown: printed lines,
displayed values, the result, and last `error: message`, a line each, in order; `...` in it stands for
anything, and blanks count as one. Where such a comment would be in the way (a magic), a ```text block after
`<!-- shows -->` says the same. A block that promises nothing must only run. Comments before a block:
`<!-- kernel: NAME OPTIONS -->` gives the page a new kernel from there on, `<!-- answers: TEXT -->` types a
line for `io.read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .kernels import Execution

_BLOCK = re.compile(
    r"^<!-- (?P<word>kernel|answers): (?P<value>[^\n]*) -->$"
    r"|^(?P<indent> *)```lua\n(?P<code>.*?)^ *```$(?:\s+<!-- shows -->\n```text\n(?P<shows>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_EXPECTED = re.compile(r"--> ?(.*)$", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Example:
    """One block: where it is, its code, the kernel it wants, and what is typed into it."""

    place: str
    code: str
    shows: str
    kernel: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def expected(self) -> list[str]:
        """The lines that it promises."""
        lines = _EXPECTED.findall(self.code) + self.shows.splitlines()
        return [" ".join(line.split()) for line in lines]

    def mismatch(self, execution: Execution) -> str | None:
        """What differs between the promise and what was shown; none if nothing does."""
        shown, expected = list(shown_lines(execution)), self.expected
        if not expected:
            return None if execution.error is None else f"{self.place}: {shown[-1]}"
        if len(shown) == len(expected) and all(map(_matches, expected, shown)):
            return None
        return f"{self.place}: promises\n  " + "\n  ".join(expected) + "\nbut shows\n  " + "\n  ".join(shown)


def examples_in(file: Path, name: str) -> list[Example]:
    """The examples of a page, in order."""
    text = file.read_text("utf-8")
    found: list[Example] = []
    kernel: tuple[str, ...] = ("llmspell",)
    answers: tuple[str, ...] = ()
    for block in _BLOCK.finditer(text):
        if block["word"] == "kernel":
            kernel = tuple(block["value"].split())
        elif block["word"] == "answers":
            answers = (*answers, block["value"])
        else:
            line = text.count("\n", 0, block.start()) + 1
            code = re.sub(f"^{block['indent']}", "", block["code"], flags=re.MULTILINE)
            found.append(Example(f"{name}:{line}", code, block["shows"] or "", kernel, answers))
            answers = ()
    return found


def shown_lines(execution: Execution) -> Iterator[str]:
    """What a cell showed as text, without blank lines, the error last."""
    for message in execution.messages:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                text = content["text"]
            case "display_data" | "execute_result":
                text = content["data"].get("text/plain", "")
            case "error":
                text = f"error: {content['evalue']}"
            case _:
                continue
        yield from (" ".join(line.split()) for line in _COLOURS.sub("", text).splitlines() if line.strip())


def _matches(expected: str, shown: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split("...")), shown) is not None
