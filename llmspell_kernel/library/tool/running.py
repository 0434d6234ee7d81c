"""Running a tool with checked parameters, where it has to run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import NotAllowedError, ScriptError, ToolError, ToolMemoryError, ToolTimeoutError
from llmspell_kernel.library.made_once import made_once
from llmspell_kernel.library.tool.contract import Answer, ToolFailedError
from llmspell_kernel.library.tool.entries import ClassEntry, Entry
from llmspell_kernel.library.tool.envelope import Envelope, is_envelope, plain
from llmspell_kernel.library.tool.places import in_thread
from llmspell_kernel.library.tool.surroundings import Surroundings

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.tool.audit import AuditLog
    from llmspell_kernel.library.tool.workers import Workers


class Running:
    """Runs tools: on this thread, on another, or in a worker process."""

    def __init__(self, services: Services, audit: AuditLog) -> None:
        self.making = services.making
        self._services = services
        self._audit = audit

    @made_once
    def workers(self) -> Workers:
        """The processes in which tools run that may break them."""
        from llmspell_kernel.library.tool.workers import Workers

        workers = Workers(lambda: self._services.settings, lambda: self._services.waits)
        self._services.at_close(workers.close)
        return workers

    def run(self, entry: Entry, params: dict[str, Any], given: Any, seconds: float | None) -> Envelope:
        """Runs a tool with parameters that have been checked.

        Raises:
            ToolError: it could not do it, or took too long.
            NotAllowedError: a guard forbids it.
            KeyboardInterrupt: the cell has been asked to end.
        """
        settings = self._services.settings
        limit = entry.limit(given) or settings.tools.timeout_seconds
        if seconds is not None:
            limit = min(limit, seconds)
        began = time.perf_counter()
        place = entry.place(given)
        surroundings = Surroundings(
            settings,
            entry.name,
            deadline=time.monotonic() + limit,
            audit=self._audit.of(entry.name, self._services.events.correlation_id),
        )
        operation = entry.operation(given)
        try:
            if place == "process" and isinstance(entry, ClassEntry):
                answer = self.workers.call(entry.tool, params, surroundings)
            elif place == "thread":
                answer = in_thread(
                    lambda: perform(entry, given, surroundings), surroundings, self._services.waits
                )
            else:
                answer = perform(entry, given, surroundings)
        except ToolMemoryError:
            memory = entry.memory_limit or settings.tools.max_memory_mb * 1024 * 1024
            self._services.limit_exceeded("tool_memory", memory, tool=entry.name, operation=operation)
            raise
        except ToolTimeoutError:
            self._services.limit_exceeded("tool_time", limit, tool=entry.name, operation=operation)
            raise
        except NotAllowedError as error:
            details = {"operation": operation, "allowed": False, "reason": str(error)}
            surroundings.audit("tool.refused", **details)
            self._services.security_violation("tool", tool=entry.name, operation=operation, reason=str(error))
            raise
        except MemoryError as error:
            raise ToolError(f"{entry.name}: there is not enough memory for it") from error
        except ToolFailedError as error:
            facts = dict(error.details)
            result = facts.pop("result", None)
            return Envelope(operation, False, result, "", {"message": str(error), **facts}, _elapsed(began))
        if entry.answers_envelopes and is_envelope(answer):
            envelope = Envelope.of(answer, operation)
            return envelope._replace(metadata={**envelope.metadata, **_elapsed(began)})
        return enveloped(answer, operation, _elapsed(began))


def perform(entry: Entry, given: Any, surroundings: Surroundings) -> Any:
    """What the tool answers, as plain values; `Answer` stays one.

    Raises:
        ScriptError: it did not succeed, whatever has gone wrong.
    """
    try:
        answer = entry.run(given, surroundings)
    except (ScriptError, MemoryError):
        raise
    except (
        Exception
    ) as error:  # the border to tools and the libraries they use: a failure is one of this call
        raise ToolError(f"{entry.name}: {type(error).__name__}: {error}") from error
    if isinstance(answer, Answer):
        return Answer(
            plain(answer.result, entry.name), answer.message, plain(dict(answer.metadata), entry.name)
        )
    return plain(answer, entry.name)


def enveloped(answer: Any, operation: str, metadata: Mapping[str, Any]) -> Envelope:
    """The envelope of a successful call."""
    if isinstance(answer, Answer):
        return Envelope(operation, True, answer.result, answer.message, None, {**answer.metadata, **metadata})
    return Envelope(operation, True, answer, "", None, dict(metadata))


def _elapsed(began: float) -> dict[str, Any]:
    return {"execution_time_ms": round((time.perf_counter() - began) * 1000, 3)}
