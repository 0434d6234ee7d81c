"""What magics work with: the Lua state, the front end, and what a front offers them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import MimeBundle, Outcome, StreamName
from llmspell_kernel.magics.arguments import Arguments
from llmspell_kernel.magics.settings import Setting

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter
    from llmspell_kernel.magics.registry import Magic

Show = Callable[[], Outcome]
"""Makes the outcome of code that has run; apart, so that showing is not timed."""


class History(Protocol):
    """The input history that a front keeps.

    Rows are (session, line, input), or (session, line, (input, output)).
    """

    def tail(self, n: int, *, output: bool = False) -> Sequence[tuple[int, int, Any]]:
        """The last `n` cells over all sessions, oldest first."""

    def search(
        self, pattern: str = "*", *, n: int | None = None, unique: bool = False, output: bool = False
    ) -> Sequence[tuple[int, int, Any]]:
        """The last `n` cells whose input matches a glob, oldest first."""

    def range(
        self, session: int = 0, start: int = 1, stop: int | None = None, *, output: bool = False
    ) -> Sequence[tuple[int, int, Any]]:
        """Lines `start` up to and without `stop` of a session: 0 is this one, -1 the one before."""


@dataclass(slots=True)
class Captured:
    """What code showed while it was captured, where `takes` names it; the rest was shown."""

    takes: Collection[str] = ("stdout", "stderr", "display")
    stdout: str = ""
    stderr: str = ""
    outputs: list[MimeBundle] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)

    def add_text(self, stream: StreamName, text: str) -> bool:
        """Keeps text; false if it is to be shown."""
        if stream not in self.takes:
            return False
        setattr(self, stream, getattr(self, stream) + text)
        return True

    def add_output(self, bundle: MimeBundle, display_id: str | None = None, *, update: bool = False) -> bool:
        """Keeps a bundle, or replaces an earlier one of that id; false if it is to be shown."""
        if "display" not in self.takes or (update and display_id not in self.ids):
            return False
        if update and display_id is not None:
            self.outputs[self.ids[display_id]] = bundle
            return True
        if display_id is not None:
            self.ids[display_id] = len(self.outputs)
        self.outputs.append(bundle)
        return True

    def clear(self) -> bool:
        """Forgets what was kept; false if there is nothing of the kind here."""
        if "display" not in self.takes:
            return False
        self.stdout = self.stderr = ""
        self.outputs.clear()
        self.ids.clear()
        return True


@runtime_checkable
class CapturingFrontend(Protocol):
    """A front end that can keep output back."""

    def capture(self, captured: Captured) -> AbstractContextManager[None]:
        """Within it, what the running cell shows is added to `captured`, also by its child processes."""


@dataclass(slots=True)
class Session:
    """All that lasts from cell to cell.

    Attributes:
        variables: the functions of `variables.lua`.
        settings: what `%config` lists.
        history: None where the front keeps none.
        services: what stands behind the library's globals.
    """

    lua: LuaInterpreter
    variables: LuaTable
    settings: Callable[[], Sequence[Setting]]
    history: History | None = None
    services: Services | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    """What a magic remembers from call to call, by its name."""

    def write(self, text: str, stream: StreamName = "stdout") -> None:
        """Appends to a stream of the running cell."""
        self.lua.frontend.write(stream, text.encode(errors="surrogateescape"))


@dataclass(frozen=True, slots=True)
class Cell:
    """The cell that runs: its chunk name, the number that `Out` knows it under (None to be forgotten)."""

    chunk: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a magic.

    Attributes:
        line: of the cell, on which the magic stands.
        body: the lines below a cell magic; `body_line` is the first one's number.
        is_last: whether its result is the cell's.
        run_parts: runs cell text (its first line's number comes second) and answers what shows its result.
    """

    session: Session
    cell: Cell
    magic: Magic
    arguments: Arguments
    line: int
    body: str
    body_line: int
    is_last: bool
    run_parts: Callable[[str, int, bool], Show]

    def run(self, code: str, line: int | None = None) -> Show:
        """Runs Lua (and magics) that stand in this cell from `line` on."""
        return self.run_parts(code, line or self.line, self.is_last)

    def run_given(self) -> Show:
        """Runs the code that the magic was given: the cell below it, or what follows on its line."""
        return self.run(self.body, self.body_line) if self.magic.usage.is_cell else self.run(self.text)

    @property
    def text(self) -> str:
        """What follows the options, as typed."""
        return self.arguments.text

    @property
    def values(self) -> tuple[str, ...]:
        """The words that are no options."""
        return self.arguments.values

    def write(self, text: str, stream: StreamName = "stdout") -> None:
        """Appends to a stream of the cell."""
        self.session.write(text, stream)


def run_lua(session: Session, cell: Cell, code: str, line: int, number: int | None) -> Show:
    """Runs Lua that stands from `line` on in its cell, so that errors name the lines of the cell.

    Raises:
        LuaSyntaxError, LuaCallError: as the interpreter does.
    """
    lua = session.lua
    packed = lua.run_main(lua.compiler.compile("\n" * (line - 1) + code, cell.chunk, keep=True))
    return partial(lua.show_results, packed, number)


def text_result(text: str, markdown: str = "") -> Outcome:
    """A result of the magic itself, which is no Lua value."""
    return Outcome(
        result=MimeBundle({"text/plain": text, **({"text/markdown": markdown} if markdown else {})})
    )


def page(text: str, markdown: str = "") -> Outcome:
    """An outcome that opens the front end's pager."""
    data = {"text/plain": text, **({"text/markdown": markdown} if markdown else {})}
    return Outcome(payload=({"source": "page", "data": data, "start": 0},))


def os_failure(what: str, error: OSError) -> MagicError:
    """Says what the operating system refused."""
    return MagicError(f"{what}: {error.strerror or error}")
