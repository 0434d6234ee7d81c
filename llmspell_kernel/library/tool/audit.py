"""Who did what: a line for each privileged act."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings

HIDDEN = "<hidden>"

_SECRET = (
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "authorization",
    "credential",
    "cookie",
)
_LONGEST = 500
_log = logging.getLogger("llmspell.audit")


class AuditLog:
    """Writes a JSON object a line, to the logger `llmspell.audit` and to the file of tools.audit_file.

    Any thread. A file that cannot be written is told to the log, and keeps nothing from being done.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        """The settings are asked for with each act."""
        self._settings = settings

    def of(self, tool: str, correlation_id: str) -> Callable[[str, Mapping[str, Any]], None]:
        """What notes the acts of one call."""
        return lambda act, details: self.write(tool, act, details, correlation_id)

    def write(self, tool: str, act: str, details: Mapping[str, Any], correlation_id: str) -> None:
        """Notes an act; `allowed` in the details is whether it was, by default it was."""
        file = self._settings().tools.audit_file
        if not file and not _log.isEnabledFor(logging.INFO):
            return
        details = dict(details)
        line = json.dumps(
            {
                "time": round(time.time(), 3),
                "tool": tool,
                "act": act,
                "allowed": bool(details.pop("allowed", True)),
                "details": {key: without_secrets(key, value) for key, value in details.items()},
                "correlation_id": correlation_id,
                "pid": os.getpid(),
            },
            ensure_ascii=False,
            default=str,
        )
        _log.info("%s", line)
        if file:
            _append(file, line)


def without_secrets(key: str, value: Any) -> Any:
    """A detail as it may be written down: what its name calls secret is hidden, what is long is cut."""
    if any(word in key.lower() for word in _SECRET):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): without_secrets(str(name), each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(key, each) for each in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}... ({len(value)} characters)"
    return value


def _append(file: str, line: str) -> None:
    """In one write, so that lines of several processes do not mix."""
    try:
        descriptor = os.open(os.path.expanduser(file), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode("utf-8", "backslashreplace"))
        finally:
            os.close(descriptor)
    except OSError as error:
        _log.error("The audit file %s (tools.audit_file) cannot be written: %s", file, error)
