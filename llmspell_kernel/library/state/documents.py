"""Values of `State` as JSON and TOML, without losing anything.

What these have no word for is an object with one key: `$bytes` (Base64), `$float` (`nan`, `inf`, `-inf`),
`$table` (pairs of key and value, for a table whose keys are not all text, or have a `$` in front); in TOML
also `$null` (true).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.state.scopes import split
from llmspell_kernel.lua.values import MAX_DEPTH

if TYPE_CHECKING:
    from llmspell_kernel.library.state.service import State

FORMAT = "llmspell-state"
_LEAST, _GREATEST = -(2**63), 2**63 - 1
BYTES, FLOAT, TABLE, NULL = "$bytes", "$float", "$table", "$null"

Form = Literal["json", "toml"]


def plain(value: Any) -> Any:
    """An exact value as JSON can say it."""
    if isinstance(value, bytes):
        return {BYTES: base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {FLOAT: str(value)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: plain(each) for key, each in value.items()}
        return {TABLE: [[plain(key), plain(each)] for key, each in value.items()]}
    return value


def exact(value: Any, depth: int = 0) -> Any:
    """The value that `plain` has made so; `depth` is how many others it is within.

    Raises:
        ScriptError: it is nothing that can be kept.
    """
    if isinstance(value, list):
        inner = _deeper(depth)
        return [exact(each, inner) for each in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, content),) = value.items()
            if name in _MARKS:
                return _marked(name, content, depth)
        inner = _deeper(depth)
        return {key: exact(each, inner) for key, each in value.items()}
    if isinstance(value, int) and not isinstance(value, bool):
        if not _LEAST <= value <= _GREATEST:
            raise _beyond("an integer" if value.bit_length() > 1000 else str(value))
        return value
    if value is None or isinstance(value, str | int | float):
        return value
    raise ScriptError(f"{value!r} is a {type(value).__name__}, which cannot be kept; write it as text")


_MARKS = (BYTES, FLOAT, TABLE, NULL)


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise ScriptError(f"the value is nested deeper than {MAX_DEPTH} levels")
    return depth + 1


def _marked(name: str, content: Any, depth: int) -> Any:
    try:
        if name == BYTES:
            return base64.b64decode(content, validate=True)
        if name == FLOAT:
            return float(content)
        if name == NULL:
            return None
        inner = _deeper(depth)
        return {exact(key, inner): exact(each, inner) for key, each in content}
    except (TypeError, ValueError, binascii.Error) as error:
        raise ScriptError(f"{name} cannot stand before {content!r}: {error}") from None


def document(state: State, scope: str | None = None) -> dict[str, Any]:
    """The values of a scope, or of all, with when they end."""
    from msgspec import msgpack

    scopes: dict[str, dict[str, Any]] = {}
    ends: dict[str, dict[str, float]] = {}
    for entry in state.entries(scope):
        place, key = split(entry.key)
        scopes.setdefault(place, {})[key] = plain(msgpack.decode(entry.value))
        if entry.expires_at is not None:
            ends.setdefault(place, {})[key] = entry.expires_at
    return {"format": FORMAT, "version": 1, "scopes": scopes, **({"expires_at": ends} if ends else {})}


def as_text(shown: dict[str, Any], form: Form) -> str:
    """A document as text."""
    if form == "json":
        return json.dumps(shown, ensure_ascii=False, indent=2) + "\n"
    import tomlkit

    return tomlkit.dumps(_marking_nulls(shown))


def _marking_nulls(shown: Any) -> Any:
    """The same for TOML, which has no null."""
    if isinstance(shown, dict):
        return {key: _marking_nulls(each) for key, each in shown.items()}
    if isinstance(shown, list):
        return [_marking_nulls(each) for each in shown]
    return {NULL: True} if shown is None else shown


def from_json(text: str) -> Any:
    """What a JSON text says: `NaN` and the like, which Python would take, are none.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
        ScriptError: a number in it would not be the same any more.
    """
    return json.loads(text, parse_constant=_no_json, parse_float=_float, parse_int=_integer)


def _no_json(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number) or (number == 0 and digits.lower().partition("e")[0].strip("-0.")):
        raise _beyond(digits)
    return number


def _integer(digits: str) -> int:
    if len(digits) > len(str(_LEAST)) or not _LEAST <= int(digits) <= _GREATEST:
        raise _beyond(digits)
    return int(digits)


def _beyond(number: str) -> ScriptError:
    shown = number if len(number) <= 40 else f"{number[:20]}… ({len(number):,} characters)"
    return ScriptError(
        f"{shown} is beyond the numbers that can be kept: integers of 64 bits, others from 5e-324 to 1.8e308"
    )


def from_text(text: str, form: Form) -> dict[str, Any]:
    """The document that a text is.

    Raises:
        ScriptError: it is none.
    """
    import tomllib

    try:
        found = from_json(text) if form == "json" else tomllib.loads(text)
    except ScriptError as error:
        raise ScriptError(f"nothing that can be read without a loss: {error}") from None
    except ValueError as error:
        raise ScriptError(f"no {form.upper()}: {error}") from None
    except RecursionError:
        raise ScriptError(f"no {form.upper()} that can be read: it is nested too deeply") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not _has_scopes(found):
        raise ScriptError(
            f'no exported state: `format = "{FORMAT}"` and `scopes` are what it has; '
            "`llmspell state export` writes one"
        )
    if found.get("version") != 1:
        raise ScriptError(f"an exported state of version {found.get('version')!r}; this program reads 1")
    return found


def _has_scopes(found: dict[str, Any]) -> bool:
    scopes = found.get("scopes")
    return isinstance(scopes, dict) and all(isinstance(each, dict) for each in scopes.values())


class Written(NamedTuple):
    """What the values of a document have changed.

    Attributes:
        imported: how many there are.
        removed: the keys that its scopes had beside them, by scope.
    """

    imported: int
    removed: dict[str, list[str]]


def beside(state: State, found: dict[str, Any], scope: str | None = None) -> dict[str, list[str]]:
    """The keys that a document's scopes have and it has not, by scope; with `scope`, only of that one."""
    now = time.time()
    keys: dict[str, list[str]] = {}
    for place, values in found["scopes"].items():
        if values and (scope is None or place == scope):
            stay = {key for key in values if _seconds(found, place, key, now) > 0}
            keys[place] = [key for key in state.keys(place) if key not in stay]
    return {place: some for place, some in keys.items() if some}


def _seconds(found: dict[str, Any], scope: str, key: str, now: float) -> float:
    """How long a document's value still lasts."""
    return float(found.get("expires_at", {}).get(scope, {}).get(key, math.inf)) - now


def write(state: State, found: dict[str, Any], *, merge: bool, scope: str | None = None) -> Written:
    """Writes a document's values: all or none. Without `merge` its scopes lose what else they have.

    With `scope`, only that one.
    """
    from msgspec import msgpack

    now = time.time()
    values = {
        (place, key): msgpack.encode(exact(value))
        for place, keys in found["scopes"].items()
        for key, value in keys.items()
        if scope is None or place == scope
    }

    def run() -> Written:
        removed = {} if merge else beside(state, found, scope)
        for place, keys in removed.items():
            for key in keys:
                state.delete(place, key)
        count = 0
        for (place, key), value in values.items():
            seconds = _seconds(found, place, key, now)
            if seconds > 0:
                state.set_packed(place, key, value, expires_in=None if seconds == math.inf else seconds)
                count += 1
        return Written(count, removed)

    return state.transaction(run)
