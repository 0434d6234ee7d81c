"""The console: waits for the script to stop and asks what to do."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmspell_kernel.cli.debug_console.breakpoints import Place
from llmspell_kernel.cli.debug_console.commands import COMMANDS, Command, find
from llmspell_kernel.cli.debug_console.lines import LineInput
from llmspell_kernel.cli.debug_console.prompt import Prompt
from llmspell_kernel.errors import DebuggerError, UsageError
from llmspell_kernel.lua.debugger.debugger import Debugger
from llmspell_kernel.lua.debugger.model import BreakpointStatus, ExceptionFilter, OutputCategory, Source, Stop

PROMPT = "(debug) "
_ADVICE = "quit ends the script, continue goes on"
_PATIENCE_SECONDS = 1.0
"""When to say something about a script that does not pause."""

UNCAUGHT: tuple[ExceptionFilter, ...] = ("uncaught",)


@dataclass(frozen=True, slots=True)
class _Interrupted:
    """Ctrl-C."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The script has ended."""


class Console:
    """A client of the debugger in a terminal.

    The Lua thread tells it of stops (it is a `Listener`), any thread of Ctrl-C and of the end; `run` belongs
    to a thread of its own.
    """

    def __init__(
        self, debugger: Debugger, lines: LineInput, say: Callable[[str], None], end: Callable[[], None]
    ) -> None:
        """`say` shows a line; `end` has the script end, from any thread."""
        self._debugger = debugger
        self._lines = lines
        self._say = say
        self._end = end
        self._news: queue.SimpleQueue[Stop | _Interrupted | _Ended] = queue.SimpleQueue()
        self._prompt = Prompt(debugger, self, say)
        self._last = ""
        self._asking = False
        self._pausing = False
        self._is_over = False

    @property
    def has_quit(self) -> bool:
        """Whether the user has ended the script."""
        return self._prompt.has_quit

    # What others tell

    def stopped(self, stop: Stop) -> None:
        """The code has stopped."""
        self._news.put(stop)

    def continued(self) -> None:
        """The code goes on."""

    def output(self, category: OutputCategory, text: str, path: str, line: int) -> None:
        """A log point, or a remark of the debugger's."""
        self._say(text.removesuffix("\n"))

    def breakpoint_changed(self, status: BreakpointStatus) -> None:
        """A breakpoint has moved or was found."""
        self._prompt.book.changed(status)

    def source_loaded(self, source: Source) -> None:
        """Nothing to show."""

    def interrupted(self) -> None:
        """Ctrl-C.

        It ends what a command runs. Running code is paused, and ended by the next Ctrl-C if it has not
        stopped by then.
        """
        if self._asking:
            self._say(f"\n{_ADVICE}\n{PROMPT}{self._lines.typed_so_far()}")
        elif not self._prompt.is_over:
            self._debugger.cancel()
        elif self._pausing:
            self._end()
        else:
            self._news.put(_Interrupted())

    def ended(self) -> None:
        """The script has ended, and so does `run`."""
        self._is_over = True
        if self._asking:
            self._say("\nthe script has ended; Enter leaves")
        self._news.put(_Ended())

    # The console's thread

    def prepare(self, places: Sequence[str], here: str) -> None:
        """Attaches and sets the breakpoints that were asked for; lines alone are of the file `here`.

        Raises:
            UsageError: a breakpoint that cannot be.
            DebuggerError: the debugger does not answer.
        """
        self._debugger.attach(self)
        self._debugger.set_exception_filters(self, UNCAUGHT)
        for place in places:
            _, described = self._prompt.book.add(Place.parse(place, here), [])
            self._say(f"breakpoint {described}")

    def run(self) -> None:
        """Asks at each stop, until the script has ended."""
        while True:
            try:
                news = self._news.get(timeout=_PATIENCE_SECONDS if self._pausing else None)
            except queue.Empty:
                self._say("the script has not paused yet: it waits for something; Ctrl-C again ends it")
                news = self._news.get()
            if isinstance(news, _Ended):
                return
            if isinstance(news, _Interrupted):
                self._pause()
            elif not self.has_quit:
                self._pausing = False
                self._serve(news)

    def _pause(self) -> None:
        if self._debugger.state == "idle":
            self._end()  # it waits for a timer, or is about to end anyway
            return
        self._pausing = True
        try:
            self._debugger.pause()
        except DebuggerError as error:
            self._say(str(error))

    def _serve(self, stop: Stop) -> None:
        try:
            self._prompt.arrive(stop)
        except (DebuggerError, UsageError) as error:
            self._say(str(error))
        while not (self._prompt.is_over or self._is_over):
            self._asking = True
            try:
                line = self._lines.read_command(PROMPT, self._complete).strip()
            except KeyboardInterrupt:
                self._say(_ADVICE)
                continue
            except EOFError:
                line = "quit"
            finally:
                self._asking = False
            if not self._is_over:
                self._obey(line or self._last)
        if self.has_quit:
            self._end()

    def _obey(self, line: str) -> None:
        if not line:
            return
        try:
            command, argument = _parse(line)
            self._last = line if command.repeats else ""
            command.act(self._prompt, argument)
        except (DebuggerError, UsageError) as error:
            self._say(str(error))

    def _complete(self, line: str, cursor: int) -> tuple[int, list[str]]:
        word, blank, argument = line[:cursor].partition(" ")
        if not blank:
            return 0, [f"{command.names[0]} " for command in COMMANDS if command.names[0].startswith(word)]
        try:
            offset = len(word) + 1
            found = self._debugger.complete(argument, len(argument), self._prompt.frame.id)
        except DebuggerError:
            return 0, []
        return offset + found.start, [match.text for match in found.matches]


def _parse(line: str) -> tuple[Command, str]:
    """The command of a line and its argument; `!` needs no blank behind it."""
    if line.startswith("!"):
        return find("!"), line[1:].strip()
    word, _, argument = line.partition(" ")
    return find(word), argument.strip()
