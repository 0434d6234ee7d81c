"""Help on the name at a place in code: signature, doc comment, place, source, and a look at the value.

Nothing of the user's runs for it.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from llmspell_kernel.interpreter import MimeBundle
from llmspell_kernel.lua import annotations as doc_comments
from llmspell_kernel.lua import standard_library
from llmspell_kernel.lua.annotations import DocComment, doc_comment
from llmspell_kernel.lua.chains import Chain, call_at, name_at
from llmspell_kernel.lua.help_page import fenced
from llmspell_kernel.lua.introspection import Description, Introspection, Target
from llmspell_kernel.lua.lexer import KEYWORDS
from llmspell_kernel.lua.outline import definition_line
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

MAX_SOURCE_LINES = 500
MAX_SOURCE_BYTES = 4_000_000
"""A larger file is not read for its comments."""

_LITERAL_WORDS = frozenset(("nil", "true", "false"))
_FIRST_PARAMETER = re.compile(r"\(\w+(?:, |(?=\)))")


class _Help(NamedTuple):
    """What is shown, once as Markdown and once as text."""

    markdown: str
    plain: str

    def bundle(self) -> MimeBundle:
        return MimeBundle({"text/markdown": self.markdown, "text/plain": self.plain})


class Inspector:
    """Explains names in the code of one interpreter. Used on its thread, between cells."""

    def __init__(self, interpreter: LuaInterpreter) -> None:
        self._introspection = Introspection(interpreter)
        self._sources = interpreter.sources
        self._own_files = interpreter.state.own_files
        self._language = interpreter.settings.language

    def inspect(self, code: str, cursor: int, *, detail: int = 0) -> MimeBundle | None:
        """Help on the name at `cursor`, or else on the function whose arguments it is in.

        With `detail` 1 a function's source comes after it.
        """
        cursor = max(0, min(cursor, len(code)))
        for chain in _chains(code, cursor):
            found = self._help(code, chain, detail)
            if found is not None:
                return found.bundle()
        return None

    def _help(self, code: str, chain: Chain, detail: int) -> _Help | None:
        word = chain.prefix
        if not chain.separator and (word in KEYWORDS or not word):
            return self._standard(word)
        path = chain.path if not chain.separator else (*chain.path, word)
        target = self._introspection.target(code, chain, path)
        known = self._introspection.describe(target)
        name = chain.text if chain.root_kind in ("name", "none") else chain.separator.strip('["') + word
        if known is not None and known.object:
            return _object(known, name)
        if known is not None and known.qualified:
            is_named = known.is_function or known.type == "table"
            found = self._standard(known.qualified, "" if is_named else "value")
            if found is not None:
                return found
        if known is not None and known.is_function and not known.builtin:
            return self._function(known, name, detail)
        if known is None or known.type == "nil":
            found = self._typed(code, target, name) or self._standard_word(chain)
            if found is not None:
                return found
        if known is None:
            return None
        is_library = known.qualified and known.type == "table"
        return self._value(known, name, self._members(target, name) if is_library else known.preview)

    def _standard(self, name: str, kind: str = "") -> _Help | None:
        """The help on a name of Lua's own, if it is of that kind."""
        entry = standard_library.lookup(name, self._language) if name else None
        if entry is None or (kind and entry.kind != kind):
            return None
        return _Help(standard_library.markdown(entry), standard_library.plain(entry))

    def _standard_word(self, chain: Chain) -> _Help | None:
        """The help on a topic, or on a metamethod that is being defined."""
        is_topic = not chain.separator or chain.prefix.startswith("__")
        return self._standard(chain.prefix) if is_topic else None

    def _function(self, known: Description, name: str, detail: int) -> _Help:
        """A function written in Lua, or a table that is called like one."""
        source, place = self._source(known.source)
        if known.qualified and ":" not in name:
            name = known.qualified
        doc = doc_comment(source, known.first) if source else None
        signature = doc_comments.signature(source, known.first, name) if source else name
        if known.is_callable_table:
            signature = _FIRST_PARAMETER.sub("(", signature, count=1)
        if "(" not in signature:
            signature = name + known.parameters
        if known.first > 0 and not known.source.startswith("=[llmspell]"):
            place += f", line {known.first}"
        page = _page(doc, signature, place)
        text = _lines(source, known.first, known.last) if detail else ""
        if not text:
            return page
        return _Help(
            f"{page.markdown}\n\n**Source**\n\n{fenced(text)}",
            f"{page.plain}\n\nSource:\n{textwrap.indent(text, '    ')}",
        )

    def _members(self, target: Target, name: str) -> str:
        """The fields of a library."""
        members = self._introspection.fields(target, ".", "")
        return "\n".join(
            sorted(f"{name}.{decode(each.key)}{each.detail}" for each in members if each.key[:1] != b"_")
        )

    def _value(self, known: Description, name: str, preview: str) -> _Help:
        """A value that is no function: its type, what its doc comment says, and a look at it."""
        kind = f"{known.metatable} ({known.type})" if known.metatable else known.type
        is_library = known.qualified and known.type == "table"
        doc = self._doc_of_library(known.qualified) if is_library else self._doc_of_variable(name)
        page = _page(doc, name if doc and doc.type else f"{name}: {kind}", "")
        if not preview:
            return page
        return _Help(f"{page.markdown}\n\n{fenced(preview)}", f"{page.plain}\n\n{preview}")

    def _typed(self, code: str, target: Target, name: str) -> _Help | None:
        """What is defined in the code that is being typed and has not run."""
        for known_as in filter(None, (target.name, name)):
            line = definition_line(code, known_as)
            if line is not None:
                signature = doc_comments.signature(code, line, name)
                return _page(doc_comment(code, line), signature, f"Not run yet, line {line}")
        return None

    def _doc_of_variable(self, name: str) -> DocComment | None:
        """The doc comment at the last definition of a variable in a cell that ran, or in a file of ours."""
        own = _read(self._own_files.get(f"[llmspell] {name}"))
        for source in (*reversed(self._sources.values()), own):
            line = definition_line(source, name)
            if line is not None:
                return doc_comment(source, line)
        return None

    def _doc_of_library(self, name: str) -> DocComment | None:
        """The doc comment of a global of ours, whose file is called like it."""
        source = _read(self._own_files.get(f"[llmspell] {name.lower()}"))
        line = definition_line(source, name)
        doc = doc_comment(source, line) if line is not None else None
        return replace(doc, class_name="") if doc is not None else None

    def _source(self, chunk: str) -> tuple[str, str]:
        """The text of a chunk, empty if it is lost, and where it is."""
        if chunk.startswith("=[llmspell]"):
            return _read(self._own_files.get(chunk[1:])), "LLMSpell"
        if chunk.startswith("@"):
            return _read(chunk[1:]), chunk[1:]
        if chunk.startswith("="):
            return self._sources.get(chunk[1:], ""), chunk[1:]
        return chunk, "a string that was loaded"


def _chains(code: str, cursor: int) -> Iterator[Chain]:
    """What the cursor may ask about, the likeliest first."""
    name, call = name_at(code, cursor), call_at(code, cursor)
    if name is not None and not (call and name.prefix in _LITERAL_WORDS):
        yield name
    if call is not None:
        yield call.function


def _object(known: Description, name: str) -> _Help:
    """An object of ours, an attribute of one, or a function that makes one."""
    signature = f"{name}{{...}} -> {known.object}" if known.is_function else f"{name}: {known.object}"
    page = _page(doc_comments.parse(known.explanation.splitlines()), signature, "")
    rest = known.members or known.preview
    if not rest:
        return page
    return _Help(f"{page.markdown}\n\n{fenced(rest)}", f"{page.plain}\n\n{rest}")


def _page(doc: DocComment | None, signature: str, place: str) -> _Help:
    return _Help(doc_comments.markdown(doc, signature, place), doc_comments.plain(doc, signature, place))


def _read(path: str | None) -> str:
    """The text of a file, empty if it cannot be read."""
    try:
        if path is None or os.stat(path).st_size > MAX_SOURCE_BYTES:
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _lines(source: str, first: int, last: int) -> str:
    """Some lines of a text (from 1), without the indent they share."""
    lines = re.split(r"\r\n?|\n\r?", source)[max(first - 1, 0) : last]
    if len(lines) > MAX_SOURCE_LINES:
        lines[MAX_SOURCE_LINES:] = [f"-- ... {len(lines) - MAX_SOURCE_LINES} more lines"]
    return textwrap.dedent("\n".join(lines))
