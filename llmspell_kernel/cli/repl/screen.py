"""What code and kernel have to say, on the process's own stdout and stderr."""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.client.call import Message
    from llmspell_kernel.interpreter import StreamName

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DIM, _RED, _RESET = "\x1b[2m", "\x1b[1;31m", "\x1b[0m"
_CLEAR_LINE = "\r\x1b[2K"


class Screen:
    """Shows a kernel's messages and the REPL's own words. Any thread.

    Attributes:
        colours: whether to use any.
        is_terminal: whether stdout is one whose cursor can be moved: what is updated is rewritten there.
        tables: whether tables of records are drawn as such.
        above: set while a prompt is shown: has a function called that may write above it.
    """

    def __init__(self, *, colours: bool, is_terminal: bool) -> None:
        self.colours = colours
        self.is_terminal = is_terminal
        self.tables = is_terminal
        self.above: Callable[[Callable[[], None]], None] | None = None
        self._partial = ""
        self._last_display: tuple[str | None, int] = (None, 0)
        self._lock = threading.RLock()

    @property
    def columns(self) -> int | None:
        """How wide the terminal is; None if stdout is none."""
        return shutil.get_terminal_size().columns if self.is_terminal else None

    # Text

    def write(self, text: str, stream: StreamName = "stdout") -> None:
        """Writes text as it is.

        Raises:
            BrokenPipeError: nobody reads it.
        """
        target = sys.stdout if stream == "stdout" else sys.stderr
        if target is None or not text:
            return
        with self._lock:
            target.flush()
            try:
                data = text.encode(errors="surrogateescape")
            except UnicodeEncodeError:  # other lone surrogates
                data = text.encode(errors="replace")
            target.buffer.write(data)
            target.buffer.flush()
            self._partial = text.rpartition("\n")[2] if "\n" in text else self._partial + text
            self._last_display = (None, 0)

    def line(self, text: str, stream: StreamName = "stdout") -> None:
        """Writes text on lines of its own."""
        with self._lock:
            self.fresh_line()
            self.write(f"{text}\n", stream)

    def fresh_line(self) -> None:
        """Ends a line that has been begun."""
        if self._partial:
            self.write("\n")

    def take_partial(self) -> str:
        """The line that has been begun, which is wiped out: somebody else will show it."""
        with self._lock:
            text, self._partial = self._partial.rpartition("\r")[2], ""
            if text and self.is_terminal:
                self.write(_CLEAR_LINE)
                self._partial = ""
            return text

    def note_echo(self) -> None:
        """The terminal has shown a key by itself."""
        if self.is_terminal:
            self._partial += "^C"

    def note(self, text: str) -> None:
        """Something by the way."""
        self.line(f"{_DIM}{text}{_RESET}" if self.colours else text)

    def complain(self, text: str) -> None:
        """What is wrong, on stderr."""
        label = f"{_RED}error:{_RESET}" if self.colours else "error:"
        self.line(f"{label} {text}", "stderr")

    def clear(self) -> None:
        """Wipes the terminal."""
        if self.is_terminal:
            self.write("\x1b[H\x1b[2J")
            self._partial = ""

    # Messages

    def show_later(self, message: Message) -> None:
        """Shows a message that came while nothing was running: above the prompt, if there is one."""
        if message["msg_type"] in _SHOWN:
            if self.above is None:
                self._show_aside(message)
            else:
                self.above(partial(self._show_aside, message))

    def _show_aside(self, message: Message) -> None:
        with self._lock:
            self.show(message)
            if self.above is not None:
                self.fresh_line()

    def show(self, message: Message) -> None:
        """Shows an iopub message, if it is one to be seen."""
        shower = _SHOWN.get(message["msg_type"])
        if shower is not None:
            shower(self, message["content"])

    def _stream(self, content: Message) -> None:
        self.write(content["text"], "stderr" if content["name"] == "stderr" else "stdout")

    def _result(self, content: Message) -> None:
        self.line(self.text_of(content["data"]))

    def _display(self, content: Message) -> None:
        text = self.text_of(content["data"])
        self.line(text)
        display = (content.get("transient") or {}).get("display_id")
        self._last_display = (display, text.count("\n") + 1)

    def _update(self, content: Message) -> None:
        """What was shown last is rewritten in its place; everything else is shown once more."""
        display, lines = self._last_display
        if self.is_terminal and display and display == (content.get("transient") or {}).get("display_id"):
            self.write(f"\x1b[{lines}A\r\x1b[J")
        self._display(content)

    def _clear(self, content: Message) -> None:
        if self.is_terminal and not content.get("wait"):
            self.write(_CLEAR_LINE)
            self._partial = ""

    def _error(self, content: Message) -> None:
        text = "\n".join(content.get("traceback") or [f"{content.get('ename')}: {content.get('evalue')}"])
        self.line(text if self.colours else _ANSI.sub("", text), "stderr")

    def text_of(self, data: dict[str, Any]) -> str:
        """MIME data as a terminal shows it."""
        if self.tables and "dataframe" in (html := str(data.get("text/html", ""))):
            from llmspell_kernel.cli.repl.tables import drawn

            table = drawn(html, shutil.get_terminal_size().columns, colours=self.colours)
            if table is not None:
                return table
        text = str(data.get("text/plain", f"<{', '.join(data) or 'nothing'}>"))
        if not self.colours:
            return _ANSI.sub("", text)
        from llmspell_kernel.cli.repl.values import coloured

        return coloured(text)


_SHOWN: dict[str, Callable[[Screen, Any], None]] = {
    "stream": Screen._stream,
    "execute_result": Screen._result,
    "display_data": Screen._display,
    "update_display_data": Screen._update,
    "clear_output": Screen._clear,
    "error": Screen._error,
}
