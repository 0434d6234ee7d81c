"""The rules that `data-validator` checks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from llmspell_kernel.library.tool.builtin.support import needed

PATTERN_SECONDS = 2.0
"""How long a pattern may try."""

MAX_PATTERN = 1000

_EMAIL = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64})*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]\Z"
)

_Error = dict[str, str]


class RuleError(Exception):
    """A rule that makes no sense."""


def has_pattern(rules: Any) -> bool:
    """Whether a pattern of somebody is among the rules."""
    stack = [rules]
    while stack:
        each = stack.pop()
        if isinstance(each, Mapping):
            if str(each.get("type")).lower() == "pattern":
                return True
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return False


class Checker:
    """Collects what is wrong, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._errors: list[_Error] = []

    def check(self, value: Any, rules: Any) -> list[_Error]:
        """What is wrong, as {field, rule, message}; the field is a path such as `items[1].name`.

        Raises:
            RuleError: a rule makes no sense.
        """
        self._apply(value, rules, "")
        return self._errors

    def _apply(self, value: Any, rules: Any, path: str) -> None:
        for rule in _listed(rules):
            if len(self._errors) >= self._limit:
                return
            if not isinstance(rule, Mapping) or not isinstance(rule.get("type"), str):
                raise RuleError(f"a rule must be a table with a `type`, not {rule!r:.80}")
            kind = rule["type"].lower()
            check = _RULES.get(kind)
            if check is None:
                raise RuleError(f"there is no rule {kind!r}; there are {', '.join(_RULES)}")
            if value is None and kind != "required":
                continue
            message = check(self, value, rule, path)
            if message:
                text = str(rule.get("message") or message)
                self._errors.append({"field": path, "rule": kind, "message": text})

    def _array(self, value: Any, rule: Mapping[str, Any], path: str) -> str:
        if value == {}:
            value = []
        if not isinstance(value, list):
            return f"must be a list, not {_type(value)}"
        least, most = _bounds(rule, "min", "max", "min_items", "max_items", "min_length", "max_length")
        if rule.get("unique") and len({repr(each) for each in value}) < len(value):
            return "must not have the same element twice"
        if items := rule.get("items"):
            for at, each in enumerate(value):
                self._apply(each, items, f"{path}[{at + 1}]")
        return _outside(len(value), least, most, "elements")

    def _object(self, value: Any, rule: Mapping[str, Any], path: str) -> str:
        if value == []:
            value = {}
        if not isinstance(value, Mapping):
            return f"must be an object, not {_type(value)}"
        properties = rule.get("properties") or {}
        if not isinstance(properties, Mapping):
            raise RuleError("`properties` of the rule object must be rules by names")
        required = rule.get("required") or []
        if missing := [name for name in required if value.get(name) is None]:
            return f"lacks {', '.join(map(str, missing))}"
        additional = rule.get("additional", rule.get("additional_properties", True))
        if additional is False and (unknown := [str(name) for name in value if name not in properties]):
            return f"must not have {', '.join(unknown)}"
        for name, rules in properties.items():
            self._apply(value.get(name), rules, f"{path}.{name}" if path else str(name))
        return ""


def _listed(rules: Any) -> list[Any]:
    if isinstance(rules, Mapping):
        if "rules" not in rules:
            # A single rule stands for a list of it, an empty table for none.
            return [rules] if rules else []
        rules = rules["rules"] or []
    if not isinstance(rules, list):
        raise RuleError(f"rules must be a list, not {_type(rules)}")
    return rules


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str | bytes):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _bounds(rule: Mapping[str, Any], *names: str) -> tuple[float | None, float | None]:
    """The least and the most; the names alternate between the two."""
    found = []
    for choice in (names[::2], names[1::2]):
        value = next((rule[name] for name in choice if rule.get(name) is not None), None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise RuleError(f"{choice[0]} of the rule {rule['type']} must be a number, not {value!r}")
        found.append(value)
    return found[0], found[1]


def _said(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.15g}"


def _outside(size: float, least: float | None, most: float | None, unit: str) -> str:
    if least is not None and size < least:
        return f"must have at least {_said(least)} {unit}, and has {_said(size)}"
    if most is not None and size > most:
        return f"must have at most {_said(most)} {unit}, and has {_said(size)}"
    return ""


def _required(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    return "is required" if value is None or value == "" else ""


def _type_is(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    expected = rule.get("expected", rule.get("value", rule.get("expected_type")))
    wanted = expected if isinstance(expected, list) else [expected]
    known = {"string", "number", "integer", "boolean", "array", "object", "null", "list", "table"}
    if not wanted or any(each not in known for each in wanted):
        raise RuleError(
            f"`expected` of the rule type must be one of {', '.join(sorted(known))}, not {expected!r}"
        )
    found = {_type(value)}
    if found == {"integer"} or (isinstance(value, float) and value.is_integer()):
        found |= {"integer", "number"}
    found |= {"list", "table"} & ({"list"} if "array" in found else {"table"} if "object" in found else set())
    if value in ([], {}):
        found |= {"array", "list", "object", "table"}
    return "" if found & set(wanted) else f"must be {' or '.join(wanted)}, not {_type(value)}"


def _length(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    if not isinstance(value, str | bytes | list | Mapping):
        return f"must have a length, as strings and lists have; it is {_type(value)}"
    unit = "characters" if isinstance(value, str | bytes) else "elements"
    return _outside(len(value), *_bounds(rule, "min", "max"), unit)


def _range(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return f"must be a number, not {_type(value) if value == value else 'NaN'}"
    least, most = _bounds(rule, "min", "max")
    if least is not None and value < least:
        return f"must be at least {_said(least)}, and is {_said(value)}"
    if most is not None and value > most:
        return f"must be at most {_said(most)}, and is {_said(value)}"
    return ""


def _pattern(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    with needed("data-validator", "regex"):
        import regex

    pattern = rule.get("regex", rule.get("pattern", rule.get("value")))
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        raise RuleError(f"`regex` of the rule pattern must be a string of up to {MAX_PATTERN} characters")
    if not isinstance(value, str):
        return f"must be a string, not {_type(value)}"
    try:
        found = regex.search(pattern, value, timeout=PATTERN_SECONDS)
    except regex.error as error:
        raise RuleError(f"{pattern!r} is no regular expression: {error}") from error
    except TimeoutError as error:
        raise RuleError(
            f"the pattern {pattern!r} did not come to an end within {PATTERN_SECONDS:g} s"
        ) from error
    return "" if found else f"must match the pattern {pattern}"


def _enum(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    values = rule.get("values", rule.get("enum"))
    if not isinstance(values, list):
        raise RuleError("`values` of the rule enum must be a list")
    if any(each == value and isinstance(each, bool) == isinstance(value, bool) for each in values):
        return ""
    return f"must be one of {', '.join(map(str, values))}"


def _email(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    return "" if isinstance(value, str) and _EMAIL.match(value) else "must be an email address"


def _url(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    from urllib.parse import urlsplit

    schemes = rule.get("schemes") or ["http", "https", "ftp", "ftps", "ws", "wss"]
    if not isinstance(value, str) or re.search(r"[\s\x00-\x1f<>\"]", value):
        return "must be a URL"
    try:
        parts = urlsplit(value)
        good = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    return "" if good else "must be a URL with a scheme and a host"


def _date(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    from datetime import datetime

    form = rule.get("format")
    text = value if isinstance(value, str) else ""
    try:
        if form and form != "iso8601":
            datetime.strptime(text, str(form)[:100])
        else:
            datetime.fromisoformat(text)
    except ValueError:
        return f"must be a date in the format {form}" if form else "must be a date such as 2024-01-31"
    return ""


def _luhn(text: str) -> bool:
    digits = [int(each) for each in text if each.isdigit()]
    doubled = [each if at % 2 else 2 * each - 9 * (each > 4) for at, each in enumerate(reversed(digits), 1)]
    return 12 <= len(digits) <= 19 and sum(doubled) % 10 == 0


def _is_uuid(text: str) -> bool:
    return bool(re.fullmatch(r"(?i)[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", text))


def _is_json(text: str) -> bool:
    import msgspec

    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


CUSTOM: dict[str, Callable[[str], bool]] = {
    "alpha": lambda text: text.isalpha(),
    "alphanumeric": lambda text: text.isalnum(),
    "credit_card": _luhn,
    "hex": lambda text: bool(re.fullmatch(r"[0-9a-fA-F]+", text)),
    "ip": _is_address,
    "json": _is_json,
    "lowercase": lambda text: text == text.lower(),
    "no_whitespace": lambda text: not re.search(r"\s", text),
    "not_blank": lambda text: bool(text.strip()),
    "numeric": lambda text: bool(re.fullmatch(r"[+-]?\d+(\.\d+)?", text)),
    "phone": lambda text: bool(re.fullmatch(r"\+?[0-9][0-9 ()./-]{5,24}", text)),
    "slug": lambda text: bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text)),
    "uppercase": lambda text: text == text.upper(),
    "uuid": _is_uuid,
}


def _custom(_: Checker, value: Any, rule: Mapping[str, Any], path: str) -> str:
    name = rule.get("name", rule.get("validator"))
    check = CUSTOM.get(str(name))
    if check is None:
        raise RuleError(f"there is no custom rule {name!r}; there are {', '.join(CUSTOM)}")
    return "" if isinstance(value, str) and check(value) else f"must be {name}"


_RULES: dict[str, Callable[[Checker, Any, Mapping[str, Any], str], str]] = {
    "required": _required,
    "type": _type_is,
    "length": _length,
    "range": _range,
    "pattern": _pattern,
    "enum": _enum,
    "email": _email,
    "url": _url,
    "date": _date,
    "array": Checker._array,
    "object": Checker._object,
    "custom": _custom,
}
