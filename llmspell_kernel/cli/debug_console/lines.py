"""Lines that somebody types, or that a pipe brings: the console's commands and the script's input alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Complete = Callable[[str, int], tuple[int, list[str]]]
"""Of a line and a cursor: where the text to be replaced starts, and what may replace it."""

Write = Callable[[str], None]

_INTERRUPTED = "^C"
"""The line that stands for Ctrl-C."""

_BETWEEN_WORDS = " \t\n\"'()[]{},;=<>~+-*/%^#"


class LineInput:
    """Reads stdin line by line. One thread at a time.

    Attributes:
        interactive: whether a person sits there: then lines can be edited and completed.
    """

    def __init__(self, write: Write) -> None:
        """Prompts are written by `write` where there is no terminal."""
        self._write = write
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        if self.interactive:
            import readline

            readline.set_auto_history(False)
            readline.parse_and_bind("tab: complete")
            if self._knows_interrupts:
                readline.parse_and_bind(r'"\C-x\C-k": kill-whole-line')
                readline.parse_and_bind(rf'"\C-c": "\C-x\C-k{_INTERRUPTED}\C-m"')

    @property
    def _knows_interrupts(self) -> bool:
        """Whether Ctrl-C can be a key of the line editor's: libedit has other words for that."""
        import readline

        return "libedit" not in (readline.__doc__ or "")

    def read(self, prompt: str) -> str:
        """A line of the script's input.

        Raises:
            EOFError: there is no more.
        """
        return self._read(prompt, echo=False)

    def read_command(self, prompt: str, complete: Complete) -> str:
        """A command for the console; one from a pipe is shown behind the prompt.

        Raises:
            EOFError: there is no more.
            KeyboardInterrupt: Ctrl-C; what was typed is thrown away.
        """
        if not self.interactive:
            return self._read(prompt, echo=True)
        import readline

        readline.set_completer(_completer(complete))
        readline.set_completer_delims(_BETWEEN_WORDS)
        try:
            with _interrupts_as_keys(self._knows_interrupts):
                line = input(prompt)
        finally:
            readline.set_completer(None)
        if line == _INTERRUPTED:
            raise KeyboardInterrupt
        if line.strip():
            readline.add_history(line)
        return line

    def _read(self, prompt: str, *, echo: bool) -> str:
        if self.interactive:
            return input(prompt)
        self._write(prompt)
        line = sys.stdin.readline()
        if not line:
            if echo:
                self._write("\n")
            raise EOFError
        line = line.removesuffix("\n")
        if echo:
            self._write(f"{line}\n")
        return line

    def typed_so_far(self) -> str:
        """What stands behind the prompt and was not entered yet."""
        if not self.interactive:
            return ""
        import readline

        return readline.get_line_buffer()


@contextmanager
def _interrupts_as_keys(wanted: bool) -> Iterator[None]:
    """Has the terminal hand Ctrl-C on as a key: a signal would not end what another thread reads."""
    if not wanted:
        yield
        return
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    changed = termios.tcgetattr(terminal)
    changed[6][termios.VINTR] = b"\0"
    termios.tcsetattr(terminal, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _completer(complete: Complete) -> Callable[[str, int], str | None]:
    """For readline, which asks for one candidate after the other, each to replace the word at the cursor."""
    found: list[str] = []

    def candidate(_: str, number: int) -> str | None:
        nonlocal found
        if number == 0:
            import readline

            line, word = readline.get_line_buffer(), readline.get_begidx()
            start, names = complete(line, readline.get_endidx())
            found = [(line[:start] + name)[word:] for name in names]
        return found[number] if number < len(found) else None

    return candidate
