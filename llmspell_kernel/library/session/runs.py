"""What ran in sessions, in a store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from llmspell_kernel.library.session.records import Run, SessionError, SessionRecord

if TYPE_CHECKING:
    from llmspell_kernel.library.session.service import Sessions

RUNS = "session_run"
"""The namespace: runs by session and sequence."""

_run = msgspec.msgpack.Decoder(Run)
_pack = msgspec.msgpack.Encoder().encode


def run_key(session_id: str, sequence: int) -> str:
    """Under which something that a session numbers is stored."""
    return f"{session_id}/{sequence:010d}"


def _is_paused(record: SessionRecord) -> bool:
    """Whether it is the session of a notebook, of which a kernel has ended."""
    return bool(record.jupyter) and record.status == "suspended"


class Runs:
    """The runs of all sessions of one store. Any thread."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def keys(self, session_id: str) -> list[str]:
        """The keys of a session's runs."""
        found: list[str] = []
        while page := self._sessions.store.keys(RUNS, f"{session_id}/", after=found[-1] if found else ""):
            found += page
        return found

    def add(self, session_id: str, runs: Sequence[Run], language: str = "") -> list[int]:
        """Stores what ran in it, and answers the sequence numbers. A run that has one is stored anew.

        `language` is what the runs are in; a session has that of its first one. A notebook's session that has
        been suspended, as the end of one of its kernels does, takes runs of the others: what began before
        still belongs to it, and what began later resumes it.

        Raises:
            NoSuchThingError: there is none of this id.
            SessionError: it is not active.
        """
        numbers: list[int] = []
        found = self._sessions.get(session_id)
        if _is_paused(found) and any(run.started_at > found.updated_at for run in runs):
            with suppress(SessionError):  # another kernel was faster
                self._sessions.act("resume", session_id)

        def change(record: SessionRecord) -> SessionRecord:
            if record.status != "active" and not _is_paused(record):  # one that has expired is in use again
                self._sessions.check_active(record)
            numbers.clear()
            last = record.sequence
            for run in runs:
                sequence = run.sequence
                if not sequence:
                    sequence = last = last + 1
                numbers.append(sequence)
                stored = msgspec.structs.replace(run, sequence=sequence)
                self._sessions.store.set(RUNS, run_key(session_id, sequence), _pack(stored))
            count = record.operation_count + last - record.sequence
            return msgspec.structs.replace(
                record, sequence=last, operation_count=count, language=record.language or language
            )

        self._sessions.change(session_id, change)
        return numbers

    def of(self, session_id: str, first: int = 1, last: int | None = None) -> list[Run]:
        """What ran in it, in order, from one sequence number to another.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        self._sessions.flush()
        self._sessions.get(session_id)
        found: list[Run] = []
        after = run_key(session_id, max(first, 1) - 1)
        while page := self._sessions.store.scan(RUNS, f"{session_id}/", after=after):
            found += [_run.decode(entry.value) for entry in page]
            after = page[-1].key
            if last is not None and found[-1].sequence > last:
                break
        return [run for run in found if last is None or run.sequence <= last]
