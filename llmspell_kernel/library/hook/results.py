"""What the functions of hooks answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.hook.points import CHANGEABLE, OF_ANY_KIND, kind_of

Kind = Literal["continue", "modified", "replace", "cancel", "redirect", "retry", "skip"]

MAX_ATTEMPTS = 10
MAX_DELAY_MS = 60_000


class HookResult(NamedTuple):
    """One answer, understood.

    Attributes:
        kind: what is to happen.
        data: of `modified` what to change, of `replace` the answer to give.
        text: of `cancel` and `skip` the reason, of `redirect` the target.
        delay: of `retry`: seconds to wait before.
        attempts: of `retry`: how often at most.
    """

    kind: Kind
    data: Any = None
    text: str = ""
    delay: float = 0.0
    attempts: int = 0


CONTINUE = HookResult("continue")


def understood(answer: Any) -> HookResult:
    """The meaning of what a function has answered.

    None, true and `continue` mean to go on; `skip` and `skipped` not to do it, without an error; any other
    text is the reason to cancel it. A table says by its `type` what it is: `continue`, `modified` and
    `replace` with `data`, `cancel` and `skipped` with a `reason`, `redirect` with a `target`, `retry` with
    `delay_ms` and `max_attempts`.

    Raises:
        ScriptError: it is nothing of this kind.
    """
    if answer is None or answer is True:
        return CONTINUE
    if isinstance(answer, HookResult):
        return answer
    if isinstance(answer, str):
        return _of_text(answer)
    if isinstance(answer, Mapping):
        return _of_table(answer)
    raise ScriptError(
        f"it answered {_shown(answer)}; answer nothing or 'continue' to go on, 'skip', a reason to cancel, "
        "or a table with a type"
    )


def check_changes(point: str, data: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuses changes of what hooks cannot change at this point, and to what it cannot be.

    Raises:
        ScriptError: with what can be changed there.
    """
    if kind_of(point) == "custom":
        return
    may_change = CHANGEABLE.get(point, frozenset())
    for name, value in changes.items():
        before = data.get(name)
        if name in data and (value is before or value == before):
            continue
        if name not in may_change:
            known = ", ".join(each for each in data if each in may_change)
            raise ScriptError(
                f"it answered 'modified' with {name}, which cannot be changed at {point}; "
                + (f"{known} can" if known else "nothing can")
            )
        if name not in OF_ANY_KIND and before is not None and not _is_alike(value, before):
            raise ScriptError(
                f"it answered 'modified' with {name} = {_shown(value)}; give {_kind(before)}, as it was"
            )


def _is_alike(value: Any, before: Any) -> bool:
    return _kind(value) == _kind(before)


def _kind(value: Any) -> str:
    """As Lua calls it."""
    if isinstance(value, str | bytes):
        return "a string"
    if isinstance(value, Mapping | list | tuple):
        return "a table"
    if isinstance(value, bool):
        return "a boolean"
    return "nil" if value is None else "a number"


def _shown(value: Any) -> str:
    """As scripts write it, but for what is in a table."""
    kind = _kind(value)
    if kind == "a boolean":
        return str(value).lower()
    return kind if kind in ("a table", "nil") else repr(value)


def _of_text(text: str) -> HookResult:
    match text.lower():
        case "continue":
            return CONTINUE
        case "skip" | "skipped":
            return HookResult("skip")
    return HookResult("cancel", text=text or "no reason given")


def _of_table(table: Mapping[str, Any]) -> HookResult:
    kind = str(table.get("type", "")).lower()
    match kind:
        case "continue":
            return CONTINUE
        case "modified" | "modify":
            data = table.get("data")
            if data == []:  # an empty table
                data = {}
            if not isinstance(data, Mapping):
                raise ScriptError("it answered 'modified' without data; give a table of what to change")
            return HookResult("modified", data)
        case "replace":
            return HookResult("replace", table.get("data"))
        case "cancel":
            return HookResult("cancel", text=str(table.get("reason") or "no reason given"))
        case "redirect":
            target = table.get("target")
            if not isinstance(target, str) or not target:
                raise ScriptError("it answered 'redirect' without a target; give a name")
            return HookResult("redirect", text=target)
        case "retry":
            delay, attempts = _number(table, "delay_ms", 1000), _number(table, "max_attempts", 3)
            return HookResult(
                "retry",
                delay=min(max(delay, 0), MAX_DELAY_MS) / 1000,
                attempts=int(min(max(attempts, 0), MAX_ATTEMPTS)),
            )
        case "skip" | "skipped":
            return HookResult("skip", text=str(table.get("reason") or ""))
    named = f"of the type {kind!r}" if kind else "without a type"
    raise ScriptError(
        f"it answered a table {named}; known are continue, modified, replace, cancel, redirect, retry and "
        "skipped"
    )


def _number(table: Mapping[str, Any], name: str, default: float) -> float:
    value = table.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScriptError(f"it answered 'retry' with {name} = {_shown(value)}; give a number")
    return value
