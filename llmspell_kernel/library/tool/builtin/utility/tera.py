"""Tera templates, on Jinja: what the two languages differ in. Imports Jinja."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import quote

import jinja2
import jinja2.sandbox
from jinja2 import nodes

from llmspell_kernel.library.tool.builtin.utility.templates import encoded
from llmspell_kernel.library.tool.builtin.utility.tera_syntax import (
    GLOBALS,
    Globals,
    Missing,
    TeraSyntax,
    share_globals,
)

_Value = Any  # of a template's expression


class Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """One without files and with Tera's filters, tests and functions."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """`{% for key, value in map %}` goes through the entries of a mapping."""
        tree = super()._parse(source, name, filename)
        share_globals(tree)
        for loop in tree.find_all(nodes.For):
            if isinstance(loop.target, nodes.Tuple) and len(loop.target.items) == 2:
                loop.iter = nodes.Filter(loop.iter, "_pairs", [], [], None, None)
        return tree


def environment(context: Mapping[str, Any]) -> Environment:
    """A fresh one, for one template that is filled in with this context."""
    made = Environment(
        undefined=Missing,
        autoescape=False,
        finalize=_shown,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.loopcontrols", TeraSyntax],
    )
    made.filters.update(FILTERS)
    made.tests.update(TESTS)
    kept = {name: made.globals[name] for name in ("cycler", "joiner", "namespace")}
    made.globals.clear()
    made.globals.update({**kept, **FUNCTIONS, GLOBALS: Globals(context)})
    return made


def _shown(value: _Value) -> _Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(str(_shown(each)) for each in value)}]"
    if isinstance(value, Mapping):
        return "[object]"
    return "" if value is None else value


def _pairs(value: _Value) -> _Value:
    return list(value.items()) if isinstance(value, Mapping) else value


def _text(value: _Value) -> str:
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises: it is missing
    return value if isinstance(value, str) else str(value)


def _replace(value: _Value, old: str | None = None, new: str | None = None, **named: str) -> str:
    return _text(value).replace(named.get("from", old or ""), named.get("to", new or ""))


def _truncate(value: _Value, length: int = 255, end: str = "…") -> str:
    text = _text(value)
    return text if len(text) <= length else text[:length] + end


def _default(found: _Value, other: _Value = "", boolean: bool = False, **named: _Value) -> _Value:
    missing = isinstance(found, jinja2.Undefined) or (boolean and not found)
    return named.get("value", other) if missing else found


def _join(value: Sequence[_Value], separator: str = "", sep: str | None = None) -> str:
    return (separator if sep is None else sep).join(map(_text, value))


def _date(value: _Value, format: str = "%Y-%m-%d", timezone: str = "UTC") -> str:
    from llmspell_kernel.library.tool.builtin.utility.dates import DatetimeHandler

    handler = DatetimeHandler()
    given = DatetimeHandler.Parameters(
        input=value.isoformat() if isinstance(value, datetime) else value, format=format, timezone=timezone
    )
    answer: Any = DatetimeHandler.operations["parse"].function(handler, given, None)
    return str(answer["parsed"])


def _round(value: float, first: _Value = 0, method: str = "common", precision: int | None = None) -> float:
    digits = precision if precision is not None else int(first)
    scale = 10.0**digits
    rounding: Callable[[float], float] = {"ceil": math.ceil, "floor": math.floor}.get(method, round)
    found = rounding(value * scale) / scale
    return int(found) if digits <= 0 else found


def _slugify(value: _Value) -> str:
    import unicodedata

    plain = unicodedata.normalize("NFKD", _text(value)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _attribute(value: _Value, path: str) -> _Value:
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _filter(items: Sequence[_Value], attribute: str, **named: _Value) -> list[_Value]:
    found = [(each, _attribute(each, attribute)) for each in items]
    if "value" in named:
        return [each for each, part in found if part == named["value"]]
    return [each for each, part in found if part is not None]


def _map(value: Sequence[_Value], attribute: str) -> list[_Value]:
    parts = (_attribute(each, attribute) for each in value)
    return [part for part in parts if part is not None]


def _group_by(value: Sequence[_Value], attribute: str) -> dict[str, list[_Value]]:
    groups: dict[str, list[_Value]] = {}
    for each in value:
        part = _attribute(each, attribute)
        if part is not None:
            groups.setdefault(_text(part), []).append(each)
    return groups


def _sort(value: Sequence[_Value], attribute: str = "", reverse: bool = False) -> list[_Value]:
    return sorted(
        value, key=(lambda each: _attribute(each, attribute)) if attribute else None, reverse=reverse
    )


def _unique(value: Sequence[_Value], attribute: str = "", case_sensitive: bool = True) -> list[_Value]:
    found: dict[str, _Value] = {}
    for each in value:
        key = encoded(_attribute(each, attribute) if attribute else each)
        found.setdefault(key if case_sensitive else key.lower(), each)
    return list(found.values())


def _get(value: Mapping[str, _Value], key: str, **named: _Value) -> _Value:
    if key not in value and "default" not in named:
        raise KeyError(f"the filter get found no key {key!r}")
    return value.get(key, named.get("default"))


def _concat(value: Sequence[_Value], **named: _Value) -> list[_Value]:
    other = named["with"]
    return [*value, *(other if isinstance(other, list) else [other])]


def _indent(value: _Value, prefix: str = "    ", first: bool = False, blank: bool = False) -> str:
    lines = _text(value).splitlines(keepends=True)
    return "".join(
        prefix + line if (first or at) and (blank or line.strip()) else line for at, line in enumerate(lines)
    )


def _matching(value: _Value, regex: str) -> bool:
    try:
        return re.search(regex, _text(value)) is not None
    except re.error as error:
        raise ValueError(f"{regex!r} is no regular expression: {error}") from error


def _random(*, end: int, start: int = 0) -> int:
    import random

    return random.randrange(start, end)


def _range(first: int | None = None, *, start: int = 0, end: int | None = None, step_by: int = 1) -> range:
    stop = end if end is not None else first
    if stop is None:
        raise TypeError("range needs end=")
    found = range(start, stop, step_by)
    if len(found) > jinja2.sandbox.MAX_RANGE:
        raise OverflowError(f"range is longer than {jinja2.sandbox.MAX_RANGE:,}")
    return found


def _throw(message: str) -> NoReturn:
    raise ValueError(message)


FILTERS: dict[str, Callable[..., Any]] = {
    "_pairs": _pairs,
    "replace": _replace,
    "truncate": _truncate,
    "default": _default,
    "join": _join,
    "date": _date,
    "round": _round,
    "slugify": _slugify,
    "json_encode": lambda value, pretty=False: encoded(value, 2 if pretty else 0),
    "split": lambda value, pat=" ": _text(value).split(pat),
    "filter": _filter,
    "map": _map,
    "group_by": _group_by,
    "sort": _sort,
    "unique": _unique,
    "get": _get,
    "concat": _concat,
    "first": lambda value: value[0] if value else "",
    "last": lambda value: value[-1] if value else "",
    "reverse": lambda value: value[::-1],
    "indent": _indent,
    "nth": lambda value, n: value[n] if n < len(value) else "",
    "slice": lambda value, start=0, end=None: value[start:end],
    "capitalize": lambda value: _text(value).capitalize(),
    "trim": lambda value: _text(value).strip(),
    "trim_start": lambda value: _text(value).lstrip(),
    "trim_end": lambda value: _text(value).rstrip(),
    "trim_start_matches": lambda value, pat: _text(value).removeprefix(pat),
    "trim_end_matches": lambda value, pat: _text(value).removesuffix(pat),
    "linebreaksbr": lambda value: _text(value).replace("\r\n", "<br>").replace("\n", "<br>"),
    "spaceless": lambda value: re.sub(r">\s+<", "><", _text(value)),
    "addslashes": lambda value: re.sub(r"([\\\"'])", r"\\\1", _text(value)),
    "urlencode_strict": lambda value: quote(_text(value), safe=""),
    "urlencode": lambda value: quote(_text(value), safe="/"),
    "pluralize": lambda value, singular="", plural="s": singular if abs(value) == 1 else plural,
    "as_str": _text,
}

TESTS: dict[str, Callable[..., bool]] = {
    "starting_with": lambda value, part: _text(value).startswith(part),
    "ending_with": lambda value, part: _text(value).endswith(part),
    "matching": _matching,
    "divisibleby": lambda value, divisor: value % divisor == 0,
    "containing": lambda value, part: part in value,
    "object": lambda value: isinstance(value, Mapping),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "range": _range,
    "now": lambda timestamp=False, utc=True: (
        int(datetime.now(UTC).timestamp()) if timestamp else datetime.now(UTC).isoformat()
    ),
    "get_random": _random,
    "throw": _throw,
}
