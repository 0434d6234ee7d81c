"""Handlebars templates: interpreted, never compiled into Python code.

Values, `{{{raw}}}`, comments, `#if`, `#unless`, `#each`, `#with`, `else` with chains, `../`, `this`,
`@index`, `@key`, `@first`, `@last`, `@root`, block parameters (`as |x|`), subexpressions, `~`, sections of
Mustache, and the helpers `lookup`, `eq`, `ne`, `lt`, `gt`, `lte`, `gte`, `and`, `or`, `not`, `len`. There are
no partials: a template is alone.
"""

from __future__ import annotations

import html
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

MAX_DEPTH = 50

_TAG = re.compile(
    r"\\?(?:\{\{\{(?P<raw>.*?)\}\}\}|\{\{(?P<left>~?)(?P<comment>!--.*?--)(?P<cright>~?)\}\}"
    r"|\{\{(?P<tilde>~?)(?P<tag>[^{}]*?)(?P<right>~?)\}\})",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"[^\"]*\"|'[^']*')|(?P<number>-?[0-9]+(?:\.[0-9]+)?)(?=[\s)]|$)|(?P<open>\()|(?P<close>\))"
    r"|(?P<path>[^\s()=|\"']+)|(?P<bars>\|[^|]*\|))"
)
_BLANK = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_PART = re.compile(r"\[([^\]]*)\]|([^./\[\]]+)|(\.\.)|([./])")


class HandlebarsError(Exception):
    """The template makes no sense; the message has its line."""


class _Scope(NamedTuple):
    """What names mean: the current value, block parameters and `@` data, and what is around."""

    value: Any
    names: Mapping[str, Any]
    data: Mapping[str, Any]
    parent: _Scope | None


class _Call(NamedTuple):
    """A name, with what it is called with."""

    head: _Term
    arguments: tuple[_Term, ...]
    line: int


class _Path(NamedTuple):
    up: int
    parts: tuple[str, ...]
    at: bool
    text: str


class _Literal(NamedTuple):
    value: Any


_Term = _Path | _Literal | _Call


class _Text(NamedTuple):
    text: str


class _Output(NamedTuple):
    call: _Call
    escaped: bool


class _Block(NamedTuple):
    call: _Call
    inverted: bool
    parameters: tuple[str, ...]
    body: list[_Node]
    otherwise: list[_Node]


_Node = _Text | _Output | _Block


def render(template: str, context: Mapping[str, Any]) -> str:
    """Fills it in.

    Raises:
        HandlebarsError: it makes no sense.
    """
    scope = _Scope(context, {}, {"root": context}, None)
    parts: list[str] = []
    _render(_Reader(template).read(), scope, parts)
    return "".join(parts)


class _Reader:
    def __init__(self, template: str) -> None:
        self._template = template
        self._pieces = list(self._scan())
        self._at = 0
        self._depth = 0

    def read(self) -> list[_Node]:
        nodes, ended = self._nodes()
        if ended is not None:
            raise HandlebarsError(f"line {ended[1]}: {{{{{ended[0]}}}}} without its beginning")
        return nodes

    def _scan(self) -> Iterator[tuple[str, str, int]]:
        """Pieces as (kind, text, line); kinds are text, raw and tag."""
        template, at, line, counted, trimming = self._template, 0, 1, 0, False
        for match in _TAG.finditer(template):
            line += template.count("\n", counted, match.start())
            counted = match.start()
            text, end = template[at : match.start()], match.end()
            if match[0].startswith("\\"):
                yield "text", (text.lstrip() if trimming else text) + match[0][1:], line
                at, trimming = end, False
                continue
            if alone := _alone(template, at, match):
                text, end = alone
            text = text.lstrip() if trimming else text
            yield "text", text.rstrip() if match["tilde"] or match["left"] else text, line
            at, trimming = end, bool(match["right"] or match["cright"])
            if match["raw"] is not None:
                yield "raw", match["raw"].strip(), line
            elif match["comment"] is None and not match["tag"].startswith("!"):
                yield "tag", match["tag"].strip(), line
        rest = template[at:]
        if "{{" in rest.replace("\\{{", ""):
            line += template.count("\n", counted, at + rest.index("{{"))
            raise HandlebarsError(f"line {line}: {{{{ is never closed")
        yield "text", rest.lstrip() if trimming else rest, line

    def _nodes(self) -> tuple[list[_Node], tuple[str, int] | None]:
        """What comes up to an end or else, and that."""
        nodes: list[_Node] = []
        while self._at < len(self._pieces):
            kind, text, line = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                nodes.append(_Text(text))
            elif kind == "raw":
                nodes.append(_Output(_call(text, line), escaped=False))
            elif kind == "tag":
                if text[:1] == "/" or text == "^" or text == "else" or text.startswith("else "):
                    return nodes, (text, line)
                if text[:1] in "#^" and text:
                    nodes.append(self._block(text[1:].strip(), line, inverted=text[0] == "^"))
                elif text[:1] == ">":
                    raise HandlebarsError(f"line {line}: there are no partials here: {{{{{text}}}}}")
                elif text[:1] == "&":
                    nodes.append(_Output(_call(text[1:].strip(), line), escaped=False))
                else:
                    nodes.append(_Output(_call(text, line), escaped=True))
        return nodes, None

    def _block(self, text: str, line: int, *, inverted: bool, closed_as: str = "") -> _Block:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise HandlebarsError(f"line {line}: blocks are nested more than {MAX_DEPTH} deep")
        text, parameters = _parameters(text)
        call = _call(text, line)
        name = closed_as or text.split()[0]
        body, ended = self._nodes()
        otherwise: list[_Node] = []
        if ended is not None and ended[0][0] != "/":
            if chained := ended[0].removeprefix("else").removeprefix("^").strip():
                # What follows an `else if` ends with the block it belongs to.
                inner = self._block(chained, ended[1], inverted=False, closed_as=name)
                self._depth -= 1
                return _Block(call, inverted, parameters, body, [inner])
            otherwise, ended = self._nodes()
        if ended is None:
            raise HandlebarsError(f"line {line}: the block {name!r} is never closed with {{{{/{name}}}}}")
        if ended[0][1:].strip() != name:
            raise HandlebarsError(f"line {ended[1]}: {{{{{ended[0]}}}}} does not close the block {name!r}")
        self._depth -= 1
        return _Block(call, inverted, parameters, body, otherwise)


def _alone(template: str, at: int, match: re.Match[str]) -> tuple[str, int] | None:
    """For a block's tag or a comment alone on its line: the text before, and where the next begins."""
    tag = match["tag"] or ""
    if match["comment"] is None and tag[:1] not in tuple("#/^!") and tag.split()[:1] != ["else"]:
        return None
    start = template.rfind("\n", at, match.start()) + 1
    if not start:
        if at and template[at - 1] != "\n":
            return None
        start = at
    rest = _BLANK.match(template, match.end())
    if template[start : match.start()].strip(" \t") or rest is None:
        return None
    return template[at:start], rest.end()


def _parameters(text: str) -> tuple[str, tuple[str, ...]]:
    match = re.search(r"\s+as\s+\|([^|]*)\|\s*\Z", text)
    return (text[: match.start()], tuple(match[1].split())) if match else (text, ())


def _call(text: str, line: int) -> _Call:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            raise HandlebarsError(f"line {line}: cannot read {{{{{text}}}}}")
        group = match.lastgroup or ""
        tokens.append((group, match[group]))
        at = match.end()
    stack: list[list[_Term]] = [[]]
    for kind, token in tokens:
        if kind == "open":
            stack.append([])
            if len(stack) > MAX_DEPTH:
                raise HandlebarsError(f"line {line}: parentheses are nested more than {MAX_DEPTH} deep")
        elif kind == "close":
            inner = stack.pop()
            if not stack or not inner:
                raise HandlebarsError(f"line {line}: parentheses do not match in {{{{{text}}}}}")
            stack[-1].append(_Call(inner[0], tuple(inner[1:]), line))
        else:
            stack[-1].append(_term(kind, token))
    if len(stack) != 1 or not stack[0]:
        raise HandlebarsError(f"line {line}: a name was expected in {{{{{text}}}}}")
    return _Call(stack[0][0], tuple(stack[0][1:]), line)


def _term(kind: str, token: str) -> _Term:
    if kind == "string":
        return _Literal(token[1:-1])
    if kind == "number":
        return _Literal(float(token) if "." in token else int(token))
    if token in ("true", "false", "null", "undefined"):
        return _Literal({"true": True, "false": False}.get(token))
    at = token.startswith("@")
    up, parts = 0, []
    for quoted, name, above, _ in _PART.findall(token.removeprefix("@")):
        if above:
            up += 1
        elif quoted or (name and name != "this"):
            parts.append(quoted or name)
    return _Path(up, tuple(parts), at, token)


def _render(nodes: list[_Node], scope: _Scope, parts: list[str]) -> None:
    for node in nodes:
        if isinstance(node, _Text):
            parts.append(node.text)
        elif isinstance(node, _Output):
            text = _text(_value(node.call, scope))
            parts.append(html.escape(text) if node.escaped else text)
        else:
            _render_block(node, scope, parts)


def _render_block(block: _Block, scope: _Scope, parts: list[str]) -> None:
    call, name = block.call, block.call.head.text if isinstance(block.call.head, _Path) else ""
    if name in ("if", "unless", "each", "with"):
        if len(call.arguments) != 1:
            raise HandlebarsError(f"line {call.line}: #{name} takes one value")
        value = _value(call.arguments[0], scope)
    else:
        value = _value(call, scope)
    body, otherwise = (block.otherwise, block.body) if block.inverted else (block.body, block.otherwise)
    if name == "unless":
        body, otherwise = otherwise, body
    if _empty(value):
        _render(otherwise, scope, parts)
    elif name == "each" or (not name.startswith(("if", "unless", "with")) and isinstance(value, list)):
        if not isinstance(value, Mapping | list):
            raise HandlebarsError(
                f"line {call.line}: #each takes a list or an object, not {_text(value)[:40]!r}"
            )
        _render_each(block, value, scope, parts)
    elif name == "with" or (isinstance(value, Mapping) and name not in ("if", "unless")):
        names = {**scope.names, **dict(zip(block.parameters, [value], strict=False))}
        _render(body, _Scope(value, names, scope.data, scope), parts)
    else:
        _render(body, scope, parts)


def _render_each(block: _Block, value: Any, scope: _Scope, parts: list[str]) -> None:
    entries = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))
    for index, (key, each) in enumerate(entries):
        data = {
            **scope.data,
            "index": index,
            "key": key,
            "first": index == 0,
            "last": index == len(entries) - 1,
        }
        names = {**scope.names, **dict(zip(block.parameters, [each, key], strict=False))}
        _render(block.body, _Scope(each, names, data, scope), parts)


def _value(term: _Term, scope: _Scope) -> Any:
    if isinstance(term, _Literal):
        return term.value
    if isinstance(term, _Path):
        return _found(term, scope)
    name = term.head.text if isinstance(term.head, _Path) else ""
    if name in HELPERS and term.arguments:
        values = [_value(each, scope) for each in term.arguments]
        try:
            return HELPERS[name](*values)
        except TypeError as error:
            raise HandlebarsError(f"line {term.line}: {name}: {error}") from error
    if term.arguments:
        known = ", ".join(HELPERS)
        raise HandlebarsError(f"line {term.line}: there is no helper {name!r}; these are there: {known}")
    return _value(term.head, scope)


def _found(path: _Path, scope: _Scope) -> Any:
    here: _Scope | None = scope
    for _ in range(path.up):
        here = here.parent if here is not None else None
    if here is None:
        return None
    parts = path.parts
    if path.at:
        return _descend(here.data, parts)
    if parts and parts[0] in here.names and not path.up:
        return _descend(here.names, parts)
    return _descend(here.value, parts)


def _descend(value: Any, parts: tuple[str, ...]) -> Any:
    for part in parts:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list):
            if part == "length":
                value = len(value)
            else:
                value = value[int(part)] if part.isdecimal() and int(part) < len(value) else None
        else:
            value = len(value) if isinstance(value, str) and part == "length" else None
    return value


def _empty(value: Any) -> bool:
    """As Handlebars has it: 0 counts as nothing, an empty object as something for #if only in JavaScript."""
    return (
        value is None
        or value is False
        or value == ""
        or value == 0
        or (isinstance(value, list) and not value)
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, Mapping):
        return "[object]"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _lookup(value: Any, key: Any) -> Any:
    return _descend(value, (str(key),))


HELPERS: dict[str, Callable[..., Any]] = {
    "lookup": _lookup,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
    "and": lambda *values: next((each for each in values if _empty(each)), values[-1]),
    "or": lambda *values: next((each for each in values if not _empty(each)), values[-1]),
    "not": _empty,
    "len": len,
}
