"""Runs cells that use magics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import LuaSyntaxError, MagicError, NotAllowedError, StdinUnavailableError
from llmspell_kernel.interpreter import Completions, ErrorReport, MimeBundle, Outcome
from llmspell_kernel.lua.syntax import statements
from llmspell_kernel.lua.tracebacks import Frame
from llmspell_kernel.magics import builtin, pages
from llmspell_kernel.magics.interpolation import interpolated
from llmspell_kernel.magics.parsing import Part, blank_magics, lone_word, split
from llmspell_kernel.magics.registry import CELL_MAGICS, LINE_MAGICS, find
from llmspell_kernel.magics.session import Call, Cell, History, Session, Show, run_lua
from llmspell_kernel.magics.settings import Setting
from llmspell_kernel.magics.shell import run_shell
from llmspell_kernel.records import replaced

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter


builtin.load()


class Magics:
    """The magics of one Lua interpreter; lives on its thread.

    `settings` is read at each use, so a front may add its own later.
    """

    def __init__(
        self,
        lua: LuaInterpreter,
        *,
        variables: LuaTable,
        settings: Callable[[], Sequence[Setting]],
        history: Callable[[], History | None] = lambda: None,
        services: Services | None = None,
    ) -> None:
        """`variables` is what `load_variables` answered."""
        self._lua = lua
        self._history = history
        self._session = Session(lua, variables, settings, services=services)

    def execute(self, code: str, *, number: int, store: bool) -> Outcome | None:
        """Runs a cell as `Interpreter.run` does; None if it uses no magics."""
        parts = self._word(code) or self._split(code)
        if not _uses_magics(parts):
            return None
        self._session.history = self._history()
        chunk = self._lua.remember_cell(code, number=number, store=store)
        cell = Cell(chunk, number if store else None)
        try:
            return self._lua.guard(lambda: self._run(parts, cell))
        finally:
            self._lua.tracebacks.caller = None

    def complete(self, code: str, cursor: int) -> Completions | None:
        """Candidates at the cursor; None if the cell uses no magics."""
        from llmspell_kernel.magics.completion import complete, magic_names

        parts = self._split(code)
        if names := magic_names(code, cursor, parts):
            return names
        if not _uses_magics(parts):
            return None
        return complete(self._session, code, cursor, parts)

    def inspect(self, code: str, cursor: int, *, detail: int) -> MimeBundle | None:
        """Help on the magic or the Lua name at the cursor; None if nothing is known."""
        from llmspell_kernel.magics.completion import lua_behind

        parts = self._split(code)
        here = next((part for part in parts if part.kind != "lua" and part.start <= cursor <= part.end), None)
        if here is None:
            return self._lua.inspect(blank_magics(code, parts), cursor, detail=detail)
        name = here.name.lstrip("%")
        known = (CELL_MAGICS if here.kind == "cell" or here.name.startswith("%%") else LINE_MAGICS).get(name)
        if here.kind == "help" and not here.name.startswith("%"):
            return self._lua.inspect(here.name, len(here.name), detail=detail)
        if known is None or cursor <= code.index(name, here.start) + len(name):
            return pages.magic_help(known) if known else None
        if known.takes != "lua":
            return None
        return self._lua.inspect(lua_behind(code, parts, here), cursor, detail=detail)

    def _word(self, code: str) -> list[Part]:
        """The one part of a cell that is `exit`, `quit`, `help` or `?` and nothing else."""
        part = lone_word(code)
        if part is None or (part.text and self._session.variables[b"defined"](part.text.encode())):
            return []
        return [replace(part, text="")]

    def _split(self, code: str) -> list[Part]:
        return split(code, LINE_MAGICS, self._is_lua)

    def _is_lua(self, code: str) -> bool:
        """Whether Lua accepts a cell, which may end with an expression."""
        found = statements(code)
        if found and found[-1].kind == "expression":
            code = f"{code[: found[-1].start]}return {code[found[-1].start :]}"
        return self._lua.compiler.syntax_error(code) is None

    # Running

    def _run(self, parts: Sequence[Part], cell: Cell) -> Outcome:
        """The outcome of the whole cell. Lua errors pass through to the interpreter's guard."""
        kept = None if self._lua.state.settings.persistent_locals else set(self._lua.compiler.kept)
        try:
            return self._run_parts(parts, cell, 1, True)()
        except LuaSyntaxError as error:
            return Outcome(error=self._lua.tracebacks.syntax_error(str(error), error.hint))
        except _PartError as failure:
            return Outcome(error=failure.report)
        finally:
            if kept is not None:
                self._end_locals(kept, cell)

    def _end_locals(self, kept: set[str], cell: Cell) -> None:
        """Locals last over the parts of a cell, but no longer if the settings say so."""
        compiler = self._lua.compiler
        for name in set(compiler.kept) - kept:
            compiler.forget(name)
            compiler.ended_locals[name] = cell.chunk

    def _run_parts(self, parts: Sequence[Part], cell: Cell, line: int, is_last: bool) -> Show:
        payload: list[Mapping[str, Any]] = []
        show: Show = Outcome
        outer = self._lua.tracebacks.caller
        for part in parts:
            last = is_last and part is parts[-1]
            below = part.body_line + line - 1 if part.body_line else 0
            part = replace(part, line=part.line + line - 1, body_line=below)
            if part.kind == "lua":
                self._lua.tracebacks.caller = outer
                show = run_lua(self._session, cell, part.text, part.line, cell.number if last else None)
                continue
            outcome = self._magic(part, cell, last)
            payload += outcome.payload
            show = partial(_same, replaced(outcome, payload=()))
        return lambda: _with_payload(show(), payload)

    def _run_text(self, cell: Cell, code: str, line: int, is_last: bool) -> Show:
        return self._run_parts(self._split(code), cell, line, is_last)

    def _magic(self, part: Part, cell: Cell, is_last: bool) -> Outcome:
        """What one magic comes to; trouble names its line, also an interrupt that is noticed behind it."""
        place = self._lua.tracebacks.caller = Frame(cell.chunk, part.line, "")
        try:
            if part.kind == "shell":
                run_shell(self._session, self._interpolated(part, cell))
                return Outcome()
            if part.kind == "help":
                return pages.help_page(self._session, part.name, detail=len(part.text) - 1)
            return self._call(part, cell, is_last)
        except (MagicError, NotAllowedError, StdinUnavailableError, OSError) as error:
            name = "MagicError" if isinstance(error, OSError) else type(error).__name__
            raise _PartError(self._lua.tracebacks.report(name, str(error), [place])) from error

    def _interpolated(self, part: Part, cell: Cell) -> str:
        return interpolated(self._session, part.text, cell.chunk, part.line)

    def _call(self, part: Part, cell: Cell, is_last: bool) -> Outcome:
        if part.kind == "cell" and not part.body_line:
            raise MagicError(f"%%{part.name} must be on the first line of its cell")
        magic = find(part.name, cell=part.kind == "cell")
        text = part.text if magic.takes == "lua" else self._interpolated(part, cell)
        call = Call(
            session=self._session,
            cell=cell,
            magic=magic,
            arguments=magic.usage.read(text),
            line=part.line,
            body=part.body,
            body_line=part.body_line,
            is_last=is_last,
            run_parts=partial(self._run_text, cell),
        )
        return magic.body(call) or Outcome()


class _PartError(Exception):
    """A part of the cell failed; `report` is what to show."""

    def __init__(self, report: ErrorReport) -> None:
        super().__init__(report.value)
        self.report = report


def _same(outcome: Outcome) -> Outcome:
    return outcome


def _with_payload(outcome: Outcome, payload: Sequence[Any]) -> Outcome:
    return replaced(outcome, payload=(*payload, *outcome.payload)) if payload else outcome


def _uses_magics(parts: Sequence[Part]) -> bool:
    return any(part.kind != "lua" for part in parts)
