"""What is stored of a session, and the statuses that it goes through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, get_args

from msgspec import Struct

from llmspell_kernel.errors import ScriptError

Status = Literal["active", "suspended", "completed", "failed", "archived"]
STATUSES: tuple[str, ...] = (*get_args(Status), "expired")

Act = Literal["suspend", "resume", "complete", "fail", "archive"]

TRANSITIONS: dict[Act, tuple[frozenset[str], Status]] = {
    "suspend": (frozenset({"active", "expired"}), "suspended"),
    "resume": (frozenset({"suspended", "expired"}), "active"),
    "complete": (frozenset({"active", "suspended", "expired"}), "completed"),
    "fail": (frozenset({"active", "suspended", "expired"}), "failed"),
    "archive": (frozenset({"active", "suspended", "expired", "completed", "failed"}), "archived"),
}
"""What may be done in which status, and the status that it leads to."""

OPEN = frozenset({"active", "suspended"})
"""Statuses that end by themselves after a while without activity."""


class SessionError(ScriptError):
    """What is asked of a session is not possible in its status."""


class SessionRecord(Struct, frozen=True, omit_defaults=True):
    """A session as it is stored; times are seconds since the epoch.

    Attributes:
        jupyter: the Jupyter session (a notebook's path, a connection file) that it is for.
        sequence: of the last run that was recorded.
        artifact_sequence: of the last artifact.
    """

    id: str
    created_at: float
    updated_at: float
    status: Status = "active"
    started_at: float | None = None
    ended_at: float | None = None
    created_by: str = ""
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    parent_session_id: str = ""
    custom_metadata: dict[Any, Any] = {}
    failure: str = ""
    language: str = ""
    jupyter: str = ""
    operation_count: int = 0
    artifact_count: int = 0
    total_artifact_size: int = 0
    sequence: int = 0
    artifact_sequence: int = 0

    def status_at(self, now: float, timeout: float) -> str:
        """The status, `expired` if nothing has been done in it for `timeout` seconds; 0 for never."""
        idle = timeout > 0 and now - self.updated_at > timeout
        return "expired" if idle and self.status in OPEN else self.status

    def as_table(self, now: float, timeout: float) -> dict[str, Any]:
        """As scripts and programs see it; what there is not is left out."""
        table: dict[str, Any] = {
            "id": self.id,
            "name": self.name or None,
            "description": self.description or None,
            "tags": list(self.tags),
            "status": self.status_at(now, timeout),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at),
            "created_by": self.created_by or None,
            "parent_session_id": self.parent_session_id or None,
            "custom_metadata": dict(self.custom_metadata),
            "failure": self.failure or None,
            "language": self.language or None,
            "jupyter_session": self.jupyter or None,
            "operation_count": self.operation_count,
            "artifact_count": self.artifact_count,
            "total_artifact_size": self.total_artifact_size,
        }
        return {key: value for key, value in table.items() if value is not None}


class Shown(Struct, frozen=True, omit_defaults=True):
    """One thing that a run has shown.

    Attributes:
        kind: `stdout`, `stderr`, `display`, `result` or `error`.
        text: of a stream; of anything else its plain text. An error's is its name and message.
        data: a bundle by MIME type.
    """

    kind: str
    text: str = ""
    data: dict[str, Any] = {}


class Run(Struct, frozen=True, omit_defaults=True):
    """A cell or script that ran in a session.

    Attributes:
        sequence: its place in the session, from 1.
        number: of the cell; 0 for a script.
        script: a script's name; empty for a cell.
        arguments: a script's.
        started_at: seconds since the epoch.
        duration: seconds.
        shown: in order, text of one stream in one piece until something else comes.
        answers: what was typed when it asked for input.
        stored: what it has stored, as `kind` and fields of its own.
        dropped: bytes of output that were not recorded.
    """

    sequence: int
    code: str
    number: int = 0
    script: str = ""
    arguments: tuple[str, ...] = ()
    directory: str = ""
    is_cell: bool = True
    started_at: float = 0.0
    duration: float = 0.0
    failed: bool = False
    shown: tuple[Shown, ...] = ()
    answers: tuple[str, ...] = ()
    stored: tuple[dict[str, Any], ...] = ()
    dropped: int = 0

    def text(self, kind: str) -> str:
        """All text of one kind."""
        return "".join(each.text for each in self.shown if each.kind == kind)

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The bundles that were displayed."""
        return [each.data for each in self.shown if each.kind == "display"]

    def as_table(self) -> dict[str, Any]:
        """As scripts and programs see it; what there is not is left out."""
        table: dict[str, Any] = {
            "sequence": self.sequence,
            "number": self.number or None,
            "script": self.script or None,
            "arguments": list(self.arguments) or None,
            "code": self.code,
            "status": "error" if self.failed else "ok",
            "started_at": iso(self.started_at),
            "duration_ms": round(self.duration * 1000, 3),
            "stdout": self.text("stdout") or None,
            "stderr": self.text("stderr") or None,
            "result": self.text("result") or None,
            "error": self.text("error") or None,
            "displays": self.displays or None,
            "stored": [dict(each) for each in self.stored] or None,
            "dropped_bytes": self.dropped or None,
        }
        return {key: value for key, value in table.items() if value is not None}


def iso(moment: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(moment: object, name: str) -> float | None:
    """Seconds since the epoch, of a number or of ISO 8601, which is UTC if it does not say otherwise.

    Raises:
        ScriptError: it is neither.
    """
    if moment is None or (isinstance(moment, int | float) and not isinstance(moment, bool)):
        return None if moment is None else float(moment)
    try:
        parsed = datetime.fromisoformat(str(moment))
    except ValueError:
        raise ScriptError(
            f"{name}: seconds since the epoch, or a time as 2026-06-01T12:00:00Z expected, got {moment!r}"
        ) from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
