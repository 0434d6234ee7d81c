"""What ran in a session as one Lua script, that does again what the cells did."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmspell_kernel.library.session.records import Run
from llmspell_kernel.lua.syntax import Statement, statements
from llmspell_kernel.magics.builtin import load
from llmspell_kernel.magics.parsing import Part, lone_word, split
from llmspell_kernel.magics.registry import CELL_MAGICS, LINE_MAGICS

_MOST_LOCALS = 150
"""A function of Lua may have 200."""

_SHEBANG = re.compile(r"\A#[^\n]*\n?")


def as_script(runs: Sequence[Run]) -> str:
    """Valid Lua.

    Locals of cells are locals of the script, as long as it may have more. Values that cells showed are
    printed. What has failed is called by `pcall`, and is a comment if it was no Lua or did not end by itself;
    magics are comments.
    """
    load()
    writer = _Writer()
    return "\n\n".join("\n".join(writer.lines(run)) for run in runs) + "\n"


class _Writer:
    """Writes one run after the other."""

    def __init__(self) -> None:
        self._locals = 0

    def lines(self, run: Run) -> Iterator[str]:
        """The lines for a run."""
        failure = run.text("error") if run.failed else ""
        head = failure.strip().split("\n")[0]
        yield f"-- {run.script or f'cell {run.number}'}" + (f" has failed: {head}" if head else "")
        if run.failed and not failure.startswith("LuaError"):
            yield _comment(run.code)
        elif not run.is_cell:
            yield from _script(run)
        elif run.failed:
            yield from self._failing(run.code)
        else:
            yield from self._pieces(run.code)

    def _pieces(self, code: str) -> Iterator[str]:
        for part in _parts(code):
            if part.kind == "lua":
                yield self._lua(part.text)
            else:
                yield from self._magic(part, code[part.start : part.end])

    def _magic(self, part: Part, text: str) -> Iterator[str]:
        known = (CELL_MAGICS if part.kind == "cell" else LINE_MAGICS).get(part.name)
        if part.kind not in ("cell", "line") or known is None or known.takes != "lua":
            yield _comment(text)
        elif part.kind == "cell":
            yield _comment(text.removesuffix(part.body))
            yield from self._pieces(part.body)
        elif part.name == "time":
            yield _comment(f"%{part.name}")
            yield self._lua(part.text)
        else:
            yield _comment(text)

    def _lua(self, code: str) -> str:
        found = statements(code)
        count = sum(len(each.names) for each in found)
        keeps = self._locals + count <= _MOST_LOCALS
        self._locals += count if keeps else 0
        return _lua(code, found, keeps_locals=keeps)

    def _failing(self, code: str) -> Iterator[str]:
        """Its locals are those of the script, too: it may have come that far."""
        names = dict.fromkeys(
            name
            for part in _parts(code)
            if part.kind == "lua"
            for each in statements(part.text)
            for name, _ in each.names
        )
        if names and self._locals + len(names) <= _MOST_LOCALS:
            self._locals += len(names)
            yield f"local {', '.join(names)}"
        yield "pcall(function(...)"
        before, self._locals = self._locals, _MOST_LOCALS  # from here on none is declared
        yield from self._pieces(code)
        self._locals = before
        yield "end)"


def _parts(code: str) -> list[Part]:
    word = lone_word(code)
    return [word] if word is not None else split(code, LINE_MAGICS)


def _script(run: Run) -> Iterator[str]:
    """A script has its own locals, and may return anywhere."""
    arguments = [_quoted(each) for each in run.arguments]
    if arguments:
        yield f"arg = {{[0] = {', '.join([_quoted(run.script), *arguments])}}}"
        yield "ARGS = arg"
    called = "pcall(" if run.failed else "assert(pcall("
    yield f"{called}function(...)"
    yield _SHEBANG.sub("", run.code).rstrip()
    yield ", ".join(["end", *arguments]) + (")" if run.failed else "))")


def _lua(code: str, found: Sequence[Statement], *, keeps_locals: bool) -> str:
    """Lua of a cell as statements that others may follow."""
    pieces, position = [], 0
    for each in found:
        text = code[each.start : each.end]
        if each is found[-1]:
            text = _last(text, each)
        if each.names and not keeps_locals:
            text = _without_local(text, each)
        pieces += [code[position : each.start], text]
        position = each.end
    lua = "".join([*pieces, code[position:]]).strip("\r\n")
    # What begins with a parenthesis would go on with the statement before.
    return f"do end {lua}" if found and lua.lstrip().startswith("(") else lua


def _last(text: str, statement: Statement) -> str:
    if statement.kind == "return":
        values = text.removeprefix("return").strip()
        return f"print({values})" if values else "do end"
    if statement.kind == "expression":
        return f"_ = {text}" if statement.semicolon else f"print({text})"
    return text


def _without_local(text: str, statement: Statement) -> str:
    if statement.kind == "local_function":
        return re.sub(r"\Alocal\s+", "", text)
    _, is_assigned, values = text.partition("=")
    names = ", ".join(name for name, _ in statement.names)
    return f"{names} = {values.strip() if is_assigned else 'nil'}"


def _comment(text: str) -> str:
    return "\n".join(f"-- {line}".rstrip() for line in text.strip("\r\n").splitlines())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f]", lambda found: f"\\{ord(found[0]):03d}", escaped) + '"'
