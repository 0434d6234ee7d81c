"""Inputs from pipes and from terminals that cannot move their cursor: plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable

IsComplete = Callable[[str], bool]
"""Whether code can run as it stands."""


class Lines:
    """Reads stdin line by line, for inputs and for what running code asks for. The main thread's.

    Attributes:
        has_prompts: whether somebody sits there.
    """

    def __init__(self, write: Callable[[str], None], is_complete: IsComplete, *, has_prompts: bool) -> None:
        """Prompts are written by `write`."""
        self._write = write
        self._is_complete = is_complete
        self.has_prompts = has_prompts

    def read(self, prompt: str, continuation: str) -> str:
        """The next input: as many lines as make it whole, or as there are.

        Raises:
            EOFError: there is no more.
            KeyboardInterrupt: Ctrl-C.
        """
        lines = [self._line(prompt)]
        while not self._is_whole(lines):
            try:
                lines.append(self._line(continuation))
            except EOFError:
                break
        return "\n".join(lines)

    def _is_whole(self, lines: list[str]) -> bool:
        text = "\n".join(lines)
        return not text.strip() or is_word(text) or self._is_complete(text)

    def read_input(self, prompt: str, password: bool) -> str:
        """A line for the running code.

        Raises:
            EOFError: there is no more.
        """
        if password and sys.stdin.isatty():
            from getpass import getpass

            return getpass(prompt)
        self._write(prompt)
        return self._line("")

    def _line(self, prompt: str) -> str:
        if self.has_prompts:
            self._write(prompt)
        data = sys.stdin.buffer.readline()
        if not data:
            raise EOFError
        return data.decode(errors="surrogateescape").removesuffix("\n").removesuffix("\r")


def is_word(text: str) -> bool:
    """Whether an input is a word with a dot: no Lua begins so."""
    return len(text) > 1 and text[0] == "." and (text[1].isalpha() or text[1] == "?")
