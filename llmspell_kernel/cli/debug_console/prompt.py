"""What the console's commands work on: one stop after the other."""

from __future__ import annotations

from collections.abc import Callable

from llmspell_kernel.cli.debug_console import view
from llmspell_kernel.cli.debug_console.breakpoints import BreakpointBook
from llmspell_kernel.cli.debug_console.watches import Watches
from llmspell_kernel.errors import DebuggerError, UsageError
from llmspell_kernel.lua.debugger.debugger import Debugger
from llmspell_kernel.lua.debugger.model import Context, Listener, StackFrame, Stop

_MOST_FRAMES = 200


class Prompt:
    """The state of the console at a stop, for its commands; used on the console's thread.

    Attributes:
        debugger: the core.
        owner: the listener whose breakpoints these are.
        book: the breakpoints.
        watches: the watched expressions.
        thread: the selected Lua thread.
        selected: number of the selected call, from the innermost.
        listed: the last line that `list` has shown; 0 if none.
        is_over: whether the code goes on, or ends: no more commands until it stops again.
        has_quit: whether the user wants the script to end.
    """

    def __init__(self, debugger: Debugger, owner: Listener, say: Callable[[str], None]) -> None:
        """`say` shows a line of text."""
        self.debugger = debugger
        self.owner = owner
        self.say = say
        self.book = BreakpointBook(debugger, owner)
        self.watches = Watches()
        self.thread = 1
        self.selected = 0
        self.listed = 0
        self.is_over = True
        self.has_quit = False
        self.frames: list[StackFrame] = []
        self._told = ""
        self._texts: dict[str, list[str]] = {}

    def arrive(self, stop: Stop) -> None:
        """The code has stopped: shows why and where."""
        self.is_over = False
        self._texts.clear()
        numbers = [number for number in stop.breakpoints if number in self.book.numbers]
        why = view.reason(stop, numbers)
        if why:
            self.say(why)
        self.select_thread(stop.thread)
        self.show_frame()
        self.show_watches()

    def select_thread(self, thread: int) -> None:
        """Looks at another Lua thread; its innermost call of the user's is selected.

        Raises:
            DebuggerError: there is no such thread.
        """
        frames, total = self.debugger.stack(thread, 0, _MOST_FRAMES)
        if not frames:
            raise UsageError(f"thread {thread} has no calls: it has not begun, or it has ended")
        self.thread, self.frames = thread, frames
        self.select(next((number for number, frame in enumerate(frames) if not frame.subtle), 0))
        if total > len(frames):
            self.say(f"({total - len(frames):,} outer calls are not shown)")

    def select(self, number: int) -> None:
        """Looks at another call.

        Raises:
            UsageError: there is none of that number.
        """
        if not 0 <= number < len(self.frames):
            raise UsageError(f"there is no call {number}; they count from 0 to {len(self.frames) - 1}")
        self.selected, self.listed = number, 0

    @property
    def frame(self) -> StackFrame:
        """The selected call.

        Raises:
            UsageError: there is none.
        """
        if not self.frames:
            raise UsageError("no call is selected here")
        return self.frames[self.selected]

    @property
    def path(self) -> str:
        """The source of the selected call; "" if it has none."""
        source = self.frame.source if self.frames else None
        return source.path if source is not None else ""

    def show_frame(self) -> None:
        """Says where the selected call stands, unless that was said just before, and shows the line."""
        frame = self.frame
        self.say(view.place(frame))
        if frame.source is not None and frame.line:
            for line in view.excerpt(
                self.source_lines(),
                frame.line,
                frame.line,
                current=frame.line,
                breakpoints=self.book.lines_of(self.path),
            ):
                self.say(line)

    def source_lines(self) -> list[str]:
        """The text of the selected call's source.

        Raises:
            UsageError: it has none.
        """
        source = self.frame.source
        if source is None:
            raise UsageError("this call has no source: it is not Lua")
        if source.path not in self._texts:
            try:
                text = self.debugger.sources.text(source.reference or source.path)
            except DebuggerError as error:
                text = ""
                self.say(str(error))
            self._texts[source.path] = text.splitlines()
        return self._texts[source.path]

    def evaluate(self, expression: str, context: Context) -> str:
        """The value of an expression in the selected call, as text.

        Raises:
            DebuggerError: it failed.
        """
        return self.debugger.evaluate(expression, self.frame.id, context).value

    def value_or_error(self, expression: str) -> str:
        """The same in short; a failure is the text."""
        try:
            return self.evaluate(expression, "watch")
        except DebuggerError as error:
            return f"<{error}>"

    def show_watches(self) -> None:
        """Shows the watched expressions."""
        for number in self.watches.numbers:
            self.say(self.watches.line(number, self.value_or_error))

    def go_on(self, how: Callable[[], None]) -> None:
        """Has the code go on; no more commands until it stops again.

        Raises:
            DebuggerError: it cannot go on so.
        """
        self.is_over = True
        try:
            how()
        except DebuggerError:
            self.is_over = False
            raise

    def quit(self) -> None:
        """The script is to end."""
        self.is_over = self.has_quit = True
