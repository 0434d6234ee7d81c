"""What a REPL does with an input."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from llmspell_kernel.cli.repl.interrupts import Interrupts
from llmspell_kernel.cli.repl.lines import is_word
from llmspell_kernel.cli.repl.link import Link
from llmspell_kernel.cli.repl.options import Options
from llmspell_kernel.cli.repl.screen import Screen
from llmspell_kernel.errors import ClientError, KernelDiedError, KernelTimeoutError, LLMSpellError

if TYPE_CHECKING:
    from llmspell_kernel.cli.repl.history import HistoryFile
    from llmspell_kernel.cli.repl.settings import Settings
    from llmspell_kernel.client.call import Call, Message, ReadLine
    from llmspell_kernel.client.execution import Execution
    from llmspell_kernel.interpreter import Script

_LEAVING = frozenset(("exit", "quit", "%exit", "%quit", "exit()", "quit()"))
_EXIT = "os.exit(0) ended this cell"
_ANSWER_SECONDS = 0.5


class Entry(NamedTuple):
    """A piece of code that this session has run.

    Attributes:
        number: of its cell.
        failed: whether it ended with an error.
    """

    number: int
    code: str
    failed: bool


class Session:
    """Runs inputs, one after the other, on the main thread.

    Attributes:
        link: leads to the kernel.
        screen: shows what there is to be seen.
        entries: the code of this one.
        number: of the next cell.
        status: the exit status, once the session is over; None before.
        failed: whether the last input has failed.
        next_input: what the next prompt begins with.
        read_line: reads what code asks for.
        interactive: whether somebody sits there.
    """

    def __init__(self, options: Options, link: Link, screen: Screen) -> None:
        self.options = options
        self.link = link
        self.screen = screen
        self.entries: list[Entry] = []
        self.number = 1
        self.status: int | None = None
        self.failed = False
        self.next_input = ""
        self.interactive = False
        self.read_line: ReadLine | None = None
        self._settings: Settings | None = None
        self._interrupts = Interrupts(screen.note, screen.note_echo)

    @property
    def settings(self) -> Settings:
        """Those of the REPL itself."""
        if self._settings is None:
            from llmspell_kernel.cli.repl.settings import Settings

            self._settings = Settings(self.options, self.screen)
        return self._settings

    @cached_property
    def history(self) -> HistoryFile:
        """The inputs of all sessions."""
        from llmspell_kernel.cli.repl.history import HistoryFile

        return HistoryFile(self.options.history_file, self.options.history_size)

    def run(self, text: str) -> None:
        """Runs an input: a word with a dot, or code. What goes wrong is shown, and noted in `failed`.

        Raises:
            BrokenPipeError: nobody reads the output any more.
        """
        self.failed = False
        code = text.strip()
        if not code:
            return
        if code in _LEAVING:
            self.status = 0
            return
        try:
            if is_word(code):
                from llmspell_kernel.cli.repl.commands import perform

                perform(self, code)
            else:
                self.execute(text)
        except LLMSpellError as error:
            self.failed = True
            self.screen.complain(self._advised(error))
        except KeyboardInterrupt:  # of a command that waits
            if not self.interactive:
                raise
            self.failed = True
            self.screen.fresh_line()

    def _advised(self, error: LLMSpellError) -> str:
        if isinstance(error, KernelDiedError) or (isinstance(error, ClientError) and not self._is_alive):
            how = "starts a new one, empty" if self.link.is_embedded else "connects again, once it runs anew"
            return f"{error}\nhelp:  .reset {how}"
        return str(error)

    @property
    def _is_alive(self) -> bool:
        client = self.link.ready
        return client is not None and client.is_alive

    def execute(self, code: str, *, script: Script | None = None, counts: bool = True) -> Execution | None:
        """Runs code and shows what it does; None if the user does not wait for its end.

        Args:
            code: Lua or magics.
            script: the code is a script.
            counts: it becomes part of the session.

        Raises:
            LLMSpellError: there is no kernel.
        """
        call = self.link.client.execute_stream(
            code, script=script, store_history=counts, read_line=self._read if self.read_line else None
        )
        execution = self._follow(call)
        self.screen.fresh_line()
        if execution is None:
            return None
        self.failed = execution.status != "ok"
        if execution.execution_count and counts:
            self.number = execution.execution_count + 1
            if script is None:
                self.entries.append(Entry(execution.execution_count, code, self.failed))
        if self._settings is not None and self._settings.timing and self.interactive:
            self.screen.note(shown_seconds(execution.duration))
        self._take_payload(execution, ends_here=self._ends_at_exit and script is None)
        if script is not None and execution.exit_code is not None and self.link.is_embedded:
            self.screen.note(f"{script.name} has ended with status {execution.exit_code}")
        return execution

    def _follow(self, call: Call[Execution]) -> Execution | None:
        """Shows a call's messages as they come."""
        seen = 0
        with self._interrupts.during(call):
            while True:
                try:
                    for message in islice(call.stream(), seen, None):
                        seen += 1
                        self._show(message)
                    return call.result()
                except KeyboardInterrupt:
                    if self._interrupts.is_enough:
                        self.failed = True
                        self.screen.note(
                            "not waiting any longer; the code goes on in its kernel. "
                            ".reset leaves it behind and starts another one"
                            if self.link.is_embedded
                            else "not waiting any longer; the code goes on in the kernel"
                        )
                        return None

    @property
    def _ends_at_exit(self) -> bool:
        """Whether os.exit ends the REPL: with its own kernel, or as the script that comes from a pipe."""
        return self.link.is_embedded or not self.interactive

    def _show(self, message: Message) -> None:
        if not (self._ends_at_exit and _tells_of_exit(message)):
            self.screen.show(message)

    def _read(self, prompt: str, password: bool) -> str:
        assert self.read_line is not None
        with self._interrupts.reading():
            line = self.read_line(prompt, password)
        assert isinstance(line, str)
        return line

    def _take_payload(self, execution: Execution, *, ends_here: bool) -> None:
        """With `ends_here`, os.exit ends the REPL as it ends `lua`."""
        for item in execution.payload:
            match item.get("source"):
                case "page":
                    self.screen.line(self.screen.text_of(item["data"]))
                case "set_next_input":
                    self.next_input = str(item["text"]).removesuffix("\n")
                case "ask_exit":
                    self.status = 0
                case "exit" if ends_here:
                    self.status = int(item["code"]) & 0xFF

    def is_complete(self, code: str) -> tuple[bool, str]:
        """Whether Enter should run code, and the indentation of the next line if not.

        A kernel that is busy for somebody else does not answer: then an empty line ends the code.
        """
        try:
            answer = self.link.client.is_complete(code, timeout=_ANSWER_SECONDS)
        except KernelTimeoutError:
            return not code.rpartition("\n")[2].strip() or "\n" not in code, ""
        except ClientError:
            return True, ""  # running it will say why
        return answer.get("status") != "incomplete", answer.get("indent", "")

    def close(self) -> None:
        """Ends the kernel of this process."""
        self.link.close()


def _tells_of_exit(message: Message) -> bool:
    """Whether this says that os.exit has ended no more than a cell, or a script."""
    content = message["content"]
    if message["msg_type"] == "error":
        return bool(content.get("ename") == "Exit")
    return message["msg_type"] == "stream" and str(content["text"]).startswith(_EXIT)


def shown_seconds(seconds: float) -> str:
    """A time as people say it."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
