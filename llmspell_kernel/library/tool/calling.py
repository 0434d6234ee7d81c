"""A call of a tool and all that goes with it: hooks, events, approval, limits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.errors import (
    CancelledError,
    MissingExtraError,
    NotAllowedError,
    ParameterError,
    ScriptError,
    ToolError,
    ToolTimeoutError,
    UnknownToolError,
)
from llmspell_kernel.library.tool.approval import Approvals
from llmspell_kernel.library.tool.audit import AuditLog
from llmspell_kernel.library.tool.entries import Entry
from llmspell_kernel.library.tool.envelope import Envelope, is_envelope
from llmspell_kernel.library.tool.running import Running

if TYPE_CHECKING:
    from llmspell_kernel.library.hook.contract import Decision
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.tool.registry import Registry

_REDIRECTS = 5
"""How often hooks may send a call on to another tool."""

_DEEPEST = 16
"""So many calls may be within each other: tools of scripts call tools."""

_MINUTE = 60.0

_depth: ContextVar[int] = ContextVar("tool_depth", default=0)


class _Again(NamedTuple):
    """A hook wants the call done again."""

    delay: float
    attempts: int


class _Elsewhere(NamedTuple):
    """A hook wants another tool called."""

    target: str
    params: dict[str, Any]


_Outcome = Envelope | _Again | _Elsewhere


class Calling:
    """Calls tools by name.

    Attributes:
        approvals: who may be asked whether a call is allowed.
        audit: where privileged acts are noted.
    """

    def __init__(self, services: Services, registry: Registry) -> None:
        self._services = services
        self._registry = registry
        self.audit = AuditLog(lambda: services.settings)
        self.approvals = Approvals(services)
        self._running = Running(services, self.audit)
        self._recent: deque[float] = deque()

    def call(self, name: str, params: Mapping[str, Any], seconds: float | None) -> Envelope:
        """See `Tools.call`."""
        entry = self._registry.get(name)
        depth = _depth.get()
        if depth >= _DEEPEST:
            raise ToolError(
                f"{entry.name}: tools call each other more than {_DEEPEST} deep; does one call itself?"
            )
        token = _depth.set(depth + 1)
        try:
            with self._services.events.correlated() as correlation_id:
                return self._followed(entry, dict(params), seconds, correlation_id)
        finally:
            _depth.reset(token)

    def _followed(
        self, entry: Entry, params: dict[str, Any], seconds: float | None, correlation_id: str
    ) -> Envelope:
        """The call, done again or elsewhere as hooks want it."""
        attempt, redirects = 1, 0
        while True:
            outcome = self._once(entry, params, seconds, correlation_id, attempt)
            if isinstance(outcome, Envelope):
                return outcome
            if isinstance(outcome, _Again):
                self._wait(outcome.delay)
                attempt += 1
                continue
            redirects += 1
            if redirects > _REDIRECTS:
                raise ToolError(
                    f"{entry.name}: hooks have redirected the call more than {_REDIRECTS} times, at last to "
                    f"{outcome.target!r}"
                )
            entry, params, attempt = self._registry.get(outcome.target), outcome.params, 1

    def _once(
        self, entry: Entry, params: dict[str, Any], seconds: float | None, correlation_id: str, attempt: int
    ) -> _Outcome:
        events, source = self._services.events, f"tool:{entry.name}"
        began = time.perf_counter()
        about: dict[str, Any] = {"tool": entry.name, "operation": str(params.get("operation", entry.name))}
        try:
            self._check_rate(entry)
            checked, given = entry.check(params)
            about["operation"] = entry.operation(given)
            before = self._before(entry, checked, about)
            if not isinstance(before, dict):
                return before
            if before is not checked:
                checked, given = entry.check(before)
                about["operation"] = entry.operation(given)
            self._authorize(entry, checked, given, correlation_id)
            events.publish("tool.started", dict(about), source=source)
            envelope = self._running.run(entry, checked, given, seconds)
        except CancelledError as error:
            self._tell_failure(about, error, source, began)
            raise
        except ScriptError as error:
            self._tell_failure(about, error, source, began)
            return self._after_error(entry, params, about, error, attempt)
        if not envelope.success:
            failure = ToolError(str((envelope.error or {}).get("message", "it did not succeed")))
            self._tell_failure(about, failure, source, began)
            return self._after_error(entry, params, about, failure, attempt, envelope)
        about |= {"success": True, "duration_ms": _since(began)}
        events.publish("tool.completed", about, source=source)
        return self._after(entry, checked, about, envelope, attempt)

    def _tell_failure(self, about: dict[str, Any], error: ScriptError, source: str, began: float) -> None:
        told = {
            **about,
            "success": False,
            "error": str(error),
            "error_type": error_type(error),
            "duration_ms": _since(began),
        }
        self._services.events.publish("tool.failed", told, source=source)

    # Hooks

    def _before(
        self, entry: Entry, params: dict[str, Any], about: dict[str, Any]
    ) -> dict[str, Any] | _Outcome:
        """The parameters as hooks have left them, or what they want instead."""
        hooks = self._services.hooks
        for point in ("ToolValidation", "BeforeToolExecution"):
            if not hooks.wants(point):
                continue
            decision = hooks.run(point, _told(entry, params, about))
            changed = _dict(decision.data.get("params"), params)
            if decision.action == "redirect":
                return _Elsewhere(decision.target, changed)
            if decision.action in ("replace", "skip"):
                return _replaced(decision, about)
            if decision.action == "retry":
                self._wait(decision.delay)
            params = changed
        return params

    def _after(
        self, entry: Entry, params: dict[str, Any], about: dict[str, Any], envelope: Envelope, attempt: int
    ) -> _Outcome:
        hooks = self._services.hooks
        if not hooks.wants("AfterToolExecution"):
            return envelope
        table = envelope.as_dict()
        told = _told(entry, params, about) | {"result": table, "attempt": attempt}
        decision = hooks.run("AfterToolExecution", told)
        if decision.action == "redirect":
            return _Elsewhere(decision.target, params)
        if decision.action == "retry" and attempt < decision.attempts:
            return _Again(decision.delay, decision.attempts)
        if decision.action == "replace":
            return _replaced(decision, about)
        changed = decision.data.get("result")
        return envelope if changed is table or changed is None else _envelope(changed, about)

    def _after_error(
        self,
        entry: Entry,
        params: dict[str, Any],
        about: dict[str, Any],
        error: ScriptError,
        attempt: int,
        envelope: Envelope | None = None,
    ) -> _Outcome:
        """What hooks make of a failure: the answer of a tool that did not succeed, or an error."""
        hooks = self._services.hooks
        if hooks.wants("ToolError"):
            told = _told(entry, params, about)
            told |= {"error": str(error), "error_type": error_type(error), "attempt": attempt}
            decision = hooks.run("ToolError", told)
            if decision.action == "redirect":
                return _Elsewhere(decision.target, params)
            if decision.action == "retry" and attempt < decision.attempts:
                return _Again(decision.delay, decision.attempts)
            if decision.action == "replace":
                return _replaced(decision, about)
            if decision.action == "skip" and envelope is None:
                return Envelope(about["operation"], False, None, "", {"message": str(error)}, {})
        if envelope is None:
            raise error
        return envelope

    # Permission

    def _check_rate(self, entry: Entry) -> None:
        limit = self._services.settings.tools.rate_limit_per_minute
        if not limit:
            return
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - _MINUTE:
            self._recent.popleft()
        if len(self._recent) >= limit:
            wait = self._recent[0] + _MINUTE - now
            raise NotAllowedError(
                f"{entry.name}: more than {limit} calls of tools a minute (tools.rate_limit_per_minute): the "
                f"next one may come in {wait:.1f} s"
            )
        self._recent.append(now)

    def _authorize(self, entry: Entry, params: dict[str, Any], given: Any, correlation_id: str) -> None:
        """Asks whoever has to be asked; a privileged call is noted.

        Raises:
            NotAllowedError: they do not allow it.
        """
        operation = entry.operation(given)
        try:
            asked = self.approvals.check(entry, operation, params, acts=entry.acts(given))
        except NotAllowedError as error:
            details = {"operation": operation, "allowed": False, "reason": str(error)}
            self.audit.write(entry.name, "tool.call", details, correlation_id)
            raise
        if asked or entry.level == "privileged":
            details = {"operation": operation, "params": params}
            self.audit.write(entry.name, "tool.call", details, correlation_id)

    def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        waits = self._services.waits
        if waits is not None and waits.thread == threading.get_ident():
            waits.sleep(seconds)
        else:
            time.sleep(seconds)


def error_type(error: BaseException) -> str:
    """The kind of a failure, in the words of tool_request's replies."""
    if isinstance(error, ParameterError):
        return "validation_error"
    if isinstance(error, UnknownToolError):
        return "not_found"
    if isinstance(error, ToolTimeoutError):
        return "timeout"
    if isinstance(error, NotAllowedError | MissingExtraError):
        return "configuration_error"
    return "execution_error"


def _told(entry: Entry, params: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """What hooks get at every point of a call."""
    return {**about, "params": params, "category": entry.category, "security_level": entry.level}


def _replaced(decision: Decision, about: dict[str, Any]) -> Envelope:
    """The answer that a hook gives in place of the tool's."""
    if decision.action == "skip":
        return Envelope(about["operation"], True, None, "skipped by a hook", None, {"skipped": True})
    return _envelope(decision.value, about)


def _envelope(value: Any, about: dict[str, Any]) -> Envelope:
    if isinstance(value, Envelope):
        return value
    if is_envelope(value):
        return Envelope.of(value, about["operation"])
    return Envelope(about["operation"], True, value, "", None, {})


def _dict(value: Any, otherwise: dict[str, Any]) -> dict[str, Any]:
    return value if isinstance(value, dict) else otherwise


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
