"""Help on one name, as Markdown for notebooks and as plain text for terminals.

Both the standard library's help and doc comments are turned into a `HelpPage`, so all help looks alike.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

WIDTH = 80
"""Columns that plain text is wrapped to; code is left as it is."""

_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_BACKTICKS = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, a result or a field; every part may be empty."""

    name: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What there is to say about a name; texts are Markdown, empty parts are left out.

    Attributes:
        signature: one or more lines of Lua-like code.
        notes: remarks such as a deprecation, shown before the description.
        example: Lua code.
        place: where it comes from, shown last.
    """

    signature: str
    summary: str = ""
    notes: tuple[str, ...] = ()
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    returns: tuple[Parameter, ...] = ()
    fields: tuple[Parameter, ...] = ()
    example: str = ""
    see: tuple[str, ...] = ()
    place: str = ""

    def markdown(self) -> str:
        """The page as CommonMark: a fenced signature first, the place in italics last."""
        parts = [
            fenced(self.signature),
            self.summary,
            *(f"*{note}*" for note in self.notes),
            self.description,
        ]
        parts += _markdown_list("Parameters", self.parameters)
        parts += _markdown_list("Fields", self.fields)
        parts += _markdown_list("Returns", self.returns)
        if self.example:
            parts += ["**Example**", fenced(self.example)]
        if self.see:
            parts.append("**See also** " + ", ".join(code(name) for name in self.see))
        if self.place:
            parts.append(f"*{_escaped(self.place)}*")
        return "\n\n".join(part for part in parts if part)

    def plain(self) -> str:
        """The page as text of at most `WIDTH` columns, where code and long words allow it."""
        parts = [self.signature, _wrapped(self.summary), *(_wrapped(note) for note in self.notes)]
        parts.append(_wrapped(self.description))
        parts += _plain_list("Parameters", self.parameters)
        parts += _plain_list("Fields", self.fields)
        parts += _plain_list("Returns", self.returns)
        if self.example:
            parts.append("Example:\n" + textwrap.indent(self.example, "    "))
        if self.see:
            parts.append(_wrapped("See also: " + ", ".join(self.see)))
        parts.append(self.place)
        return "\n\n".join(part for part in parts if part)


def fenced(source: str) -> str:
    """`source` as a Lua code block, also if it holds backticks itself; nothing for nothing."""
    if not source:
        return ""
    longest = max(map(len, _BACKTICKS.findall(source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}lua\n{source}\n{fence}"


def code(text: str) -> str:
    """`text` as inline code, also if it holds backticks itself."""
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (max(map(len, _BACKTICKS.findall(text))) + 1)
    return f"{fence} {text} {fence}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)


def _head(item: Parameter) -> str:
    return f"{item.name}: {item.type}" if item.name and item.type else item.name or item.type


def _markdown_list(title: str, items: Iterable[Parameter]) -> list[str]:
    """A title and a list; a single item without a name needs no list."""
    items = tuple(items)
    if not items:
        return []
    lines = []
    for item in items:
        head = _head(item)
        text = item.description.replace("\n", "\n  ")
        lines.append(" — ".join(part for part in (code(head) if head else "", text) if part))
    if len(items) == 1 and not items[0].name:
        return [f"**{title}** {lines[0]}"]
    return [f"**{title}**", "\n".join(f"- {line}" for line in lines)]


def _plain_list(title: str, items: Iterable[Parameter]) -> list[str]:
    items = tuple(items)
    if not items:
        return []
    if len(items) == 1 and not items[0].name:
        text = " — ".join(part for part in (items[0].type, items[0].description) if part)
        return [_wrapped(f"{title}: {text}")]
    lines = [f"{title}:"]
    for item in items:
        text = " — ".join(part for part in (_head(item), " ".join(item.description.split())) if part)
        lines.append(textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="        "))
    return ["\n".join(lines)]


def _wrapped(text: str) -> str:
    return "\n".join(_wrapped_lines(text.splitlines()))


def _wrapped_lines(lines: Iterable[str]) -> Iterator[str]:
    """Each line wrapped by itself, list items with a hanging indent, code blocks untouched."""
    in_code = False
    for line in lines:
        if _FENCE.match(line):
            in_code = not in_code
            yield line
        elif in_code or not line.strip():
            yield line.rstrip()
        else:
            item = _LIST_ITEM.match(line)
            indent = " " * (len(item[0]) if item else len(line) - len(line.lstrip()))
            yield textwrap.fill(
                line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
