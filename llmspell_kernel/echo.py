"""An interpreter without a language: what goes in comes out.

It keeps the whole contract, so that the fronts are tested without Lua too. A cell's text is its result.
Lines that start with a word below do something first: `stdout TEXT`, `stderr TEXT`, `error TEXT`, `input
PROMPT`, `password PROMPT`, `sleep SECONDS`, `display TEXT`, `clear`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from llmspell_kernel.interpreter import (
    Completeness,
    Completion,
    Completions,
    ErrorReport,
    Frontend,
    Interpreter,
    LanguageInfo,
    MimeBundle,
    Outcome,
    SignalGate,
    Waits,
)


class _EchoedError(Exception):
    """The cell asked for an error."""


class EchoInterpreter(Interpreter):
    """Answers each cell with its own text."""

    info = LanguageInfo(
        name="echo",
        version="1",
        implementation="Echo",
        file_extension=".txt",
        mimetype="text/plain",
        pygments_lexer="text",
        codemirror_mode="null",
        banner="Echo: what goes in comes out.",
    )

    def __init__(self, frontend: Frontend) -> None:
        """Needs nothing but the front end."""
        self._frontend = frontend
        self._interrupted = threading.Event()
        self._running = False
        self.gate = SignalGate()
        self.waits = Waits(self._interrupted.is_set)
        self._words: dict[str, Callable[[str], str | None]] = {
            "stdout": lambda text: self._frontend.write("stdout", text.encode() + b"\n"),
            "stderr": lambda text: self._frontend.write("stderr", text.encode() + b"\n"),
            "error": self._fail,
            "input": lambda prompt: self._frontend.read_line(prompt, password=False),
            "password": lambda prompt: self._frontend.read_line(prompt, password=True),
            "sleep": self._sleep,
            "display": lambda text: self._frontend.display(MimeBundle({"text/plain": text})),
            "clear": lambda _: self._frontend.clear_output(wait=False),
        }

    def run(self, code: str, *, number: int, store: bool = True) -> Outcome:
        """Does what the lines say and answers the rest."""
        if not self._running:
            self.expect(True)
        try:
            lines = [self._line(line) for line in code.splitlines()]
        except KeyboardInterrupt:
            return Outcome(error=ErrorReport("KeyboardInterrupt", "interrupted", ["KeyboardInterrupt"]))
        except Exception as error:  # noqa: BLE001 - the contract: run never raises
            name = "EchoError" if isinstance(error, _EchoedError) else type(error).__name__
            return Outcome(error=ErrorReport(name, str(error), [f"{name}: {error}"]))
        finally:
            self._running = False
        text = "\n".join(line for line in lines if line is not None)
        return Outcome(result=MimeBundle({"text/plain": text}) if text else None)

    def _line(self, line: str) -> str | None:
        word, _, rest = line.partition(" ")
        act = self._words.get(word)
        return line if act is None else act(rest)

    def _fail(self, text: str) -> str | None:
        raise _EchoedError(text)

    def _sleep(self, seconds: str) -> str | None:
        self.waits.sleep(float(seconds))
        return None

    def evaluate(self, expression: str) -> Outcome:
        """The expression itself."""
        return self.run(expression, number=0, store=False)

    def complete(self, code: str, cursor: int) -> Completions:
        """The words that lines may start with."""
        start = max(code.rfind(char, 0, cursor) for char in " \n") + 1
        typed = code[start:cursor]
        matches = [Completion(word, "keyword") for word in self._words if word.startswith(typed)]
        return Completions(start, cursor, matches)

    def inspect(self, code: str, cursor: int, *, detail: int = 0) -> MimeBundle | None:
        """The code up to the cursor."""
        return MimeBundle({"text/plain": code[:cursor]}) if code else None

    def is_complete(self, code: str) -> Completeness:
        """Complete unless the last line ends with a backslash."""
        return Completeness("incomplete") if code.endswith("\\") else Completeness("complete")

    def expect(self, expected: bool) -> None:
        """From now on an interrupt counts."""
        self._interrupted.clear()
        self._running = expected

    def interrupt(self) -> bool:
        """Ends a sleep."""
        if self._running:
            self._interrupted.set()
            self.waits.wake()
        return self._running
