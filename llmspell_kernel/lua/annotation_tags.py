"""What a doc comment says: LuaLS annotations (`@param name type text`) and the prose between them.

Everything here takes any text and never raises: what cannot be understood is left out or taken as prose.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from llmspell_kernel.lua.help_page import Parameter, code

_TAG = re.compile(r"\s*@(\w+)\s*(.*)")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_STRUCTURE = re.compile(r"\s*(?:[-*+#>]\s|\d+[.)]\s)")
_NAME = re.compile(r"(\.\.\.|[^\W\d]\w*)(\?)?(?=\s|$)\s*")
_SCOPE = re.compile(r"(?:private|protected|public|package)\s+(?=\S+\s+\S)")
_FIELD_NAME = re.compile(r"(\[[^\]]*\]|[^\W\d]\w*)(\?)?\s*")
_CLASS = re.compile(r"(?:\(\w+\)\s*)?([\w.\-*]+(?:<[^>]*>)?)\s*(?::\s*(.*))?")
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}

FUNCTION_TYPE = re.compile(r"(?:async\s+)?fun\s*(?=\()")
"""What a function type begins with."""


@dataclass(frozen=True, slots=True)
class DocComment:
    """What a doc comment says; texts are Markdown. An optional parameter's name ends with `?`.

    Attributes:
        summary: the first paragraph.
        description: the paragraphs after it.
        deprecated: none, or what is said about it, which may be nothing.
        class_name: of `@class`, with its type parameters; `parents` are the classes it derives from.
        type: of `@type`.
        generics: of `@generic`, as written.
        overloads: function types, as written.
        see: names or links.
        example: code of `@usage` or `@example`.
    """

    summary: str = ""
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    returns: tuple[Parameter, ...] = ()
    fields: tuple[Parameter, ...] = ()
    deprecated: str | None = None
    class_name: str = ""
    parents: tuple[str, ...] = ()
    type: str = ""
    generics: tuple[str, ...] = ()
    overloads: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    example: str = ""
    is_async: bool = False
    nodiscard: bool = False


def parse(lines: Iterable[str]) -> DocComment:
    """The doc comment made of `lines`, from which the dashes are gone."""
    reader = _Reader()
    reader.read(lines)
    return reader.doc_comment()


class _Reader:
    """Collects tags and prose; a line after a tag goes on with that tag until a blank line."""

    def __init__(self) -> None:
        self._prose: list[str] = []
        self._items: dict[str, list[Parameter]] = {"param": [], "return": [], "field": []}
        self._texts: dict[str, list[str]] = {}
        self._code: list[str] = []
        self._go_on: Callable[[str], None] | None = None

    def read(self, lines: Iterable[str]) -> None:
        """Take all lines; what looks like a tag inside a code block is code."""
        in_code = False
        for line in lines:
            tag = None if in_code else _TAG.match(line)
            if tag:
                self._tag(tag[1], tag[2].strip())
            elif self._go_on and (line.strip() or in_code):
                self._go_on(line)
            else:
                self._go_on = None
                self._prose.append(line)
            if not tag and _FENCE.match(line):
                in_code = not in_code

    def doc_comment(self) -> DocComment:
        """What was read."""
        texts = {tag: tuple(filter(None, values)) for tag, values in self._texts.items()}
        named = _CLASS.match(texts["class"][-1]) if texts.get("class") else None
        parents = named[2].split(",") if named and named[2] else ()
        types = texts.get("type", ())
        summary, description = _paragraphs(self._prose)
        return DocComment(
            summary=summary,
            description=description,
            parameters=tuple(self._items["param"]),
            returns=tuple(self._items["return"]),
            fields=tuple(self._items["field"]),
            deprecated=" ".join(texts["deprecated"]) if "deprecated" in texts else None,
            class_name=named[1] if named else "",
            parents=tuple(parent.strip() for parent in parents if parent.strip()),
            type=split_type(types[-1])[0] if types else "",
            generics=texts.get("generic", ()),
            overloads=texts.get("overload", ()),
            see=texts.get("see", ()),
            example=textwrap.dedent("\n".join(self._code)).strip("\n"),
            is_async="async" in texts,
            nodiscard="nodiscard" in texts,
        )

    def _tag(self, tag: str, text: str) -> None:
        self._go_on = None
        if tag == "vararg":
            tag, text = "param", f"... {text}"
        if tag in self._items:
            item = {"param": _parameter, "return": _result, "field": _field}[tag](text)
            if item:
                self._items[tag].append(item)
                self._go_on = self._describe(self._items[tag])
        elif tag in ("usage", "example"):
            self._code.append(text)
            self._go_on = self._add_code
        else:
            self._texts.setdefault(tag, []).append(text)

    @staticmethod
    def _describe(items: list[Parameter]) -> Callable[[str], None]:
        """What goes on with the description of the last of the items."""

        def more(line: str) -> None:
            text = f"{items[-1].description}\n{_choice(line)}".strip()
            items[-1] = replace(items[-1], description=text)

        return more

    def _add_code(self, line: str) -> None:
        if not _FENCE.match(line):
            self._code.append(line)


def _choice(line: str) -> str:
    """A line `|"value" # text`, which lists a possible value, as a list item; others as they are."""
    if not line.lstrip().startswith("|"):
        return line.strip()
    value, _, text = line.strip().lstrip("|>+ ").partition("#")
    return f"- {code(value.strip())} {text.strip()}".rstrip()


def _paragraphs(lines: list[str]) -> tuple[str, str]:
    """The first paragraph as one line, and the rest."""
    text = "\n".join(lines).strip("\n").splitlines()
    end = 0
    while end < len(text) and text[end].strip() and not (end and _STRUCTURE.match(text[end])):
        if _FENCE.match(text[end]):
            break
        end += 1
    return " ".join(line.strip() for line in text[:end]), "\n".join(text[end:]).strip("\n")


def _parameter(text: str) -> Parameter | None:
    """`name? type text`."""
    name = _NAME.match(text)
    if not name:
        return None
    type_, rest = split_type(text[name.end() :])
    return Parameter(name[1] + (name[2] or ""), type_, _description(rest))


def _result(text: str) -> Parameter | None:
    """`type name text`, or `type # text`."""
    type_, rest = split_type(text)
    name = _NAME.match(rest)
    if name:
        rest = rest[name.end() :]
    return Parameter(name[1] + (name[2] or "") if name else "", type_, _description(rest)) if type_ else None


def _field(text: str) -> Parameter | None:
    """`[scope] name? type text`, or `[key type] type text`."""
    scope = _SCOPE.match(text)
    text = text[scope.end() :] if scope else text
    name = _FIELD_NAME.match(text)
    if not name:
        return None
    type_, rest = split_type(text[name.end() :])
    return Parameter(name[1] + (name[2] or ""), type_, _description(rest))


def _description(text: str) -> str:
    return text[1:].strip() if text[:1] in ("#", "@") else text


def split_type(text: str) -> tuple[str, str]:
    """The type that `text` begins with, and what follows it. An open bracket or quote takes the rest."""
    text = text.strip()
    index, open_brackets = 0, []
    in_function = bool(FUNCTION_TYPE.match(text))
    while index < len(text):
        char = text[index]
        if char in "\"'`":
            closing = text.find(char, index + 1)
            index = closing if closing >= 0 else len(text)
        elif char in _CLOSING:
            open_brackets.append(_CLOSING[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
        elif char.isspace() and not open_brackets and not _goes_on(text, index, in_function):
            break
        index += 1
    return text[:index].strip(), text[index:].strip()


def _goes_on(text: str, index: int, in_function: bool) -> bool:
    """Whether the type goes on after the blanks at `index`, outside of brackets."""
    before, after = text[:index].rstrip(), text[index:].lstrip()
    if before.endswith("|") or after.startswith("|"):
        return True
    if before == "async":
        return after.startswith("fun")
    return in_function and (before.endswith((":", ",", "fun")) or after.startswith(":"))
