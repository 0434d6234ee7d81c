"""Candidates for what is being typed: words, fields, methods, keys, modules and files. No user code runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING

from llmspell_kernel.interpreter import Completion, Completions
from llmspell_kernel.lua.chains import Chain, Separator, StringAt, constructor_at, expression_before
from llmspell_kernel.lua.introspection import Found, Introspection, encode
from llmspell_kernel.lua.lexer import RESERVED
from llmspell_kernel.lua.outline import labels
from llmspell_kernel.lua.scopes import visible_locals
from llmspell_kernel.lua.string_completion import file_matches, key_end, key_text, module_matches

if TYPE_CHECKING:
    from llmspell_kernel.lua.interpreter import LuaInterpreter

MAX_MATCHES = 1000
"""More than a reader looks through; JupyterLab takes long to show them."""

_METAMETHODS = (
    "__index __newindex __call __tostring __name __len __eq __lt __le __concat __unm __add __sub __mul __div "
    "__mod __pow __idiv __band __bor __bxor __shl __shr __bnot __close __gc __mode __metatable __pairs "
    "__mimebundle __jsontype"
).split()
_GOTO = re.compile(r"\bgoto\s+\Z")
_ATTRIBUTE = re.compile(r"\b(?:local|global)\s+(?:[^\W\d]\w*\s*(?:<\s*\w+\s*>\s*)?,\s*)*[^\W\d]\w*\s*<\s*\Z")
_SINCE_54 = frozenset("__idiv __band __bor __bxor __shl __shr __bnot __close __pairs".split())


class Completer:
    """Completes code of one interpreter, on its thread between cells unless `introspection` can do more."""

    def __init__(self, interpreter: LuaInterpreter, introspection: Introspection | None = None) -> None:
        """`introspection` says which variables there are."""
        self._introspection = introspection or Introspection(interpreter)
        self._language = interpreter.settings.language
        self._may_see_files = interpreter.settings.files
        self._argument_words = interpreter.argument_words
        self._signatures: dict[tuple[str, str], str] = {}
        version = interpreter.state.version
        self._keywords: frozenset[str] = RESERVED | ({"goto"} if version != 501 else set())
        if version >= 505:
            self._keywords |= {"global"}
        self._has_attributes = version >= 504
        self._metamethods = [
            Found(name.encode(), "metamethod")
            for name in _METAMETHODS
            if version >= 504 or name not in _SINCE_54
        ]

    def complete(self, code: str, cursor: int) -> Completions:
        """Candidates at `cursor`, at most `MAX_MATCHES`: locals first, private names last."""
        cursor = max(0, min(cursor, len(code)))
        at = expression_before(code, cursor)
        if at is None:
            return Completions(cursor, cursor)
        if isinstance(at, StringAt):
            return self._in_string(at, cursor)
        if at.separator == "" and (only := self._only(code, at)):
            found = _matching([Found(encode(word), "keyword") for word in only], at.prefix)
            matches = [self._completion(name, each, "") for name, each in found]
        elif at.separator == "":
            matches = self._words(code, at)
        elif at.separator == '["':
            matches = self._keys(code, at)
        else:
            matches = self._fields(code, at)
        return Completions(at.start, at.end, matches[:MAX_MATCHES])

    def _only(self, code: str, at: Chain) -> list[str]:
        """The words of which one must stand here: labels after `goto`, attributes of a local after `<`."""
        before = code[: at.start]
        if _GOTO.search(before):
            return labels(code)
        return ["const", "close"] if self._has_attributes and _ATTRIBUTE.search(before) else []

    def _words(self, code: str, at: Chain) -> list[Completion]:
        """Variables and keywords."""
        found: dict[str, Found] = {word: Found(word.encode(), "keyword") for word in self._keywords}
        found |= {_text(each.key): each for each in self._metamethods}
        found |= {_text(each.key): each for each in self._introspection.variables(at.prefix)}
        for name, local in visible_locals(code, at.end).items():
            known = found.get(name)
            if known is None or local.kind == "parameter" or not known.kind.startswith("local "):
                kind = "function" if local.kind == "function" else "instance"
                found[name] = Found(encode(name), f"local {kind}")
        words = _matching(found.values(), at.prefix)
        words.sort(key=lambda word: not word[1].kind.startswith("local "))
        entries = _matching(self._attributes(code, at), at.prefix)
        return [
            *(self._completion(name, each, ".") for name, each in entries),
            *(self._completion(name, each, "") for name, each in words[:MAX_MATCHES]),
        ]

    def _attributes(self, code: str, at: Chain) -> list[Found]:
        """What can be set in the braces of a call that makes an object."""
        function = constructor_at(code, at.end)
        if function is None:
            return []
        path = (*function.path, function.prefix) if function.separator else function.path
        target = self._introspection.target(code, function, path)
        return self._introspection.fields(target, "{", at.prefix)

    def _fields(self, code: str, at: Chain) -> list[Completion]:
        target = self._introspection.target(code, at, at.path)
        found = self._introspection.fields(target, at.separator, at.prefix)
        if at.separator == "." and at.prefix.startswith("__"):
            known = {each.key for each in found}
            found += [each for each in self._metamethods if each.key not in known]
        matches = _matching(found, at.prefix)[:MAX_MATCHES]
        return [self._completion(name, each, at.separator) for name, each in matches]

    def _keys(self, code: str, at: Chain) -> list[Completion]:
        """Keys as they are written between quotes, with what closes them."""
        target = self._introspection.target(code, at, at.path)
        prefix = "" if "\\" in at.prefix else at.prefix
        written = []
        end = key_end(code, at.start, at.end)
        for each in self._introspection.fields(target, at.separator, prefix):
            text = key_text(each.key, code, at.start, end)
            if text is not None:
                written.append(each._replace(key=encode(text)))
        matches = _matching(written, at.prefix)[:MAX_MATCHES]
        return [self._completion(text, each, at.separator) for text, each in matches]

    def _in_string(self, at: StringAt, cursor: int) -> Completions:
        """Words that the function takes, names of modules for `require`, paths of files everywhere else."""
        call = at.call
        function = call.function.text if call and call.argument == 0 else ""
        if (words := self._argument_words.get(function)) is not None:
            start = at.start
            kinds = [(word, "text") for word in words() if word.startswith(at.content)]
        elif function == "require":
            known, search_path = self._introspection.modules()
            start = at.start
            names = module_matches(at.content, known, search_path if self._may_see_files else "")
            kinds = [(name, "module") for name in names]
        else:
            offset, kinds = file_matches(at.content) if self._may_see_files else (0, [])
            start = at.start + offset
        return Completions(start, cursor, [Completion(text, kind) for text, kind in kinds[:MAX_MATCHES]])

    def _completion(self, text: str, found: Found, separator: Separator) -> Completion:
        kind = found.kind.removeprefix("local ")
        if kind in ("value", "metamethod"):
            kind = "property" if separator else "instance"
        elif kind == "function" and separator == ":":
            kind = "method"
        return Completion(text, kind, self._signature(found.detail, separator) if found.detail else "")

    def _signature(self, detail: str, separator: Separator) -> str:
        """Parameters in brackets, without that which is before a method's colon."""
        if not detail or detail.startswith("("):
            return detail
        known = self._signatures.get((detail, separator))
        if known is None:
            known = self._signatures[detail, separator] = _standard_signature(
                detail, separator, self._language
            )
        return known


def _standard_signature(name: str, separator: Separator, language: str) -> str:
    from llmspell_kernel.lua.standard_library import lookup

    entry = lookup(name, language)
    if entry is None:
        return ""
    _, bracket, rest = entry.signature.partition("\n")[0].partition("(")
    if separator == ":" and ":" not in name:
        first, comma, others = rest.partition(", ")
        rest = others if comma and ")" not in first else ")" + first.partition(")")[2]
    return bracket + rest


def _matching(found: Iterable[Found], prefix: str) -> list[tuple[str, Found]]:
    """What begins with the prefix, or if nothing does, what does so but for upper and lower case.

    Sorted by name whatever the case, private names last; names of metamethods only if they are asked for.
    """
    folded = prefix.lower()
    named = [(_text(each.key), each) for each in found]
    if not prefix.startswith("__"):
        named = [item for item in named if item[1].kind != "metamethod"]
    matching = [item for item in named if item[0].startswith(prefix)]
    if not matching:
        matching = [item for item in named if item[0].lower().startswith(folded)]
    matching.sort(key=_name)
    matching.sort(key=_folded_name)
    if any(name.startswith("_") for name, _ in matching):
        matching.sort(key=lambda item: (item[0].startswith("__"), item[0].startswith("_")))
    return matching


_name = itemgetter(0)


def _folded_name(item: tuple[str, Found]) -> str:
    return item[0].lower()


def _text(key: bytes) -> str:
    return key.decode("utf-8", "backslashreplace")
