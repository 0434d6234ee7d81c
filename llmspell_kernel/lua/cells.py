"""From the text of a cell to a Lua function that runs it.

Two rewritings make a cell more than a chunk, and neither moves a line: a last statement that is an
expression returns its values, and each top-level `local` statement is followed by a call that keeps its
variables alive for later cells (the Lua side, `prelude/cells.lua`, says how they stay the same
variables).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmspell_kernel.errors import LuaSyntaxError
from llmspell_kernel.lua.binding import LuaFunction
from llmspell_kernel.lua.lexer import Token, tokenize
from llmspell_kernel.lua.state import KEEP_NAME, SHOW_NAME, LuaState
from llmspell_kernel.lua.syntax import Statement, free_names, statements
from llmspell_kernel.lua.syntax_hints import const_name, explained

_SHEBANG = re.compile(r"\A#!")

_NAMES_A_CALL = 50
"""Locals that one call keeps; a function of LuaJIT may have 60 upvalues."""

_UNKEPT = frozenset(("_", "_ENV"))
"""Locals that end with their cell: `_` is the last result; `_ENV` would hide every global for good."""


class CellCompiler:
    """Compiles the cells of one Lua state and knows the locals they leave behind."""

    def __init__(self, state: LuaState) -> None:
        self._state = state
        self._plain = state.cells[b"plain"]
        self._wrapped = state.cells[b"wrapped"]
        self._enclosed = state.cells[b"enclosed"]
        self._kept: dict[str, str] = {}  # name of a local -> chunk that declared it
        self.prepare: Callable[[str, str], list[tuple[int, str]]] | None = None
        """Of the debugger's: what to insert into a code whose chunk name is the second argument."""
        self.ended_locals: dict[str, str] = {}
        """Top-level locals that ended with their cell, and that cell's chunk name, while keeping is off."""

    def compile(self, code: str, chunk: str, *, keep: bool = False) -> LuaFunction:
        """The Lua function that runs `code`; in messages and frames its place is `chunk`.

        With `keep`, top-level locals are kept even where the settings say otherwise, until `forget`.

        Raises:
            LuaSyntaxError: Lua refuses the code.
        """
        code = _without_file_head(code)
        tokens = tokenize(code, comments=False)
        parts = statements(tokens)
        declaring = [part for part in parts if part.names]
        name = b"=" + chunk.encode()
        if not (keep or self._state.settings.persistent_locals):
            self._note_ended(declaring, chunk)
            declaring = []
        used = self._kept and free_names(tokens) & self._kept.keys()
        last = parts[-1] if parts else None
        shows = last is not None and last.kind in ("call", "expression")
        breaks = self.prepare(code, chunk) if self.prepare is not None else []
        if not (declaring or used or shows or breaks):
            return self._load(code, name, code)
        return self._rewritten(code, name, tokens, declaring, used or set(), last if shows else None, breaks)

    def syntax_error(self, code: str) -> str | None:
        """Lua's message about code it refuses, None if it accepts it; runs nothing."""
        code = _without_file_head(code)
        function, message = _pair(self._plain(code.encode(errors="surrogateescape"), b"=input"))
        return None if function is not None else (message or b"").decode(errors="backslashreplace")

    def _rewritten(
        self,
        code: str,
        name: bytes,
        tokens: list[Token],
        declaring: list[Statement],
        used: set[str],
        shown: Statement | None,
        breaks: list[tuple[int, str]],
    ) -> LuaFunction:
        edits = breaks + [(part.end, _keep_call(part)) for part in declaring if _keep_call(part)]
        if shown is not None:
            edits += _show_edits(shown)
        source = _apply(code, edits)
        candidates = ",".join(sorted(used)).encode()
        function, message = _pair(self._wrapped(source.encode(errors="surrogateescape"), name, candidates))
        if function is None and message and b"const variable" in message:
            raise self._const_error(message.decode(errors="backslashreplace"), declaring)
        if function is None:
            # Either the code itself is wrong, then Lua says so in its own words, or the rewriting went over
            # one of Lua's limits (200 locals, 255 upvalues, 60 in LuaJIT).
            function, _ = _pair(self._enclosed(source.encode(errors="surrogateescape"), name, candidates))
        if function is None:
            return self._load(code, name, _apply(code, _show_edits(shown)) if shown else code)
        for part in declaring:
            self._kept.update((local, name[1:].decode()) for local, _ in part.names if local not in _UNKEPT)
        return function

    def _load(self, code: str, name: bytes, alternative: str) -> LuaFunction:
        function, message = _pair(self._plain(code.encode(errors="surrogateescape"), name))
        if function is None and alternative is not code:
            text = alternative.replace(SHOW_NAME, "", 1)
            function, _ = _pair(self._plain(text.encode(errors="surrogateescape"), name))
        if function is None:
            raise self._refused((message or b"").decode(errors="backslashreplace"), code, name[1:].decode())
        return function

    def _const_error(self, message: str, declaring: list[Statement]) -> LuaSyntaxError:
        name = const_name(message)
        own = any(name == local for part in declaring for local, _ in part.names)
        if name is None or own or name not in self._kept:
            return LuaSyntaxError(message)
        hint = f"{name} is a constant local of {self._kept[name]}; `local {name} = ...` makes a new one"
        return LuaSyntaxError(message, hint)

    def _refused(self, message: str, code: str, chunk: str) -> LuaSyntaxError:
        if message.startswith(f"{chunk}:"):
            return LuaSyntaxError(*explained(message, code))
        # Lua says no place where its own stack has ended: the first line that takes it so far is the one.
        lines = code.splitlines(keepends=True)
        enough, too_few = len(lines), 0
        while enough - too_few > 1:
            middle = (enough + too_few) // 2
            if self.syntax_error("".join(lines[:middle])) == message:
                enough = middle
            else:
                too_few = middle
        return LuaSyntaxError(
            f"{chunk}:{enough}: {message}", "Too many levels of parentheses, tables, functions or operators"
        )

    def _note_ended(self, declaring: list[Statement], chunk: str) -> None:
        for part in declaring:
            for local, _ in part.names:
                self.ended_locals[local] = chunk

    @property
    def kept(self) -> list[str]:
        """Names of the locals of earlier cells, sorted."""
        names = self._state.cells[b"names"]().decode()
        return sorted(names.split(",")) if names else []

    def forget(self, name: str | None = None) -> None:
        """Ends one local of earlier cells, or all of them."""
        self._state.cells[b"forget"](name.encode() if name else None)


def _without_file_head(code: str) -> str:
    """Code with a blank for a byte order mark and a comment for a `#!` line, as Lua loads files."""
    if code.startswith("\ufeff"):
        return " " + _SHEBANG.sub("--", code[1:], count=1)
    return _SHEBANG.sub("--", code, count=1)


def _pair(result: object) -> tuple[LuaFunction, bytes | None]:
    """Lua's (function) or (nil, message) as lupa answers it."""
    if isinstance(result, tuple):
        return result[0], result[1]
    return result, None


def _keep_call(part: Statement) -> str:
    """The call behind a `local` statement that keeps its variables; empty if there is none to keep."""
    names = [(name, attrib) for name, attrib in part.names if attrib != "close" and name not in _UNKEPT]
    calls = []
    for start in range(0, len(names), _NAMES_A_CALL):
        group = names[start : start + _NAMES_A_CALL]
        values = ",".join(name for name, _ in group)
        listed = ",".join(f"{name}:const" if attrib else name for name, attrib in group)
        calls.append(f' {KEEP_NAME}(function()return {values} end,"{listed}")')
    return "".join(calls)


def _show_edits(part: Statement) -> list[tuple[int, str]]:
    """Makes an expression the cell's result, or, with a `;` behind it, lets its values go nowhere.

    A call goes through a function, so that it is no tail call and the cell's frame is in tracebacks; and so
    that what `io.write` answers is not shown.
    """
    if part.semicolon:
        return [(part.start, "local _ = "), (part.end, "")] if part.kind == "expression" else []
    if part.kind == "expression":
        return [(part.start, "return ")]
    return [(part.start, f"return {SHOW_NAME}("), (part.end, ")")]


def _apply(code: str, edits: list[tuple[int, str]]) -> str:
    """Inserts each text at its offset (offsets ascending)."""
    pieces, position = [], 0
    for offset, text in sorted(edits, key=lambda edit: edit[0]):
        pieces += [code[position:offset], text]
        position = offset
    pieces.append(code[position:])
    return "".join(pieces)
