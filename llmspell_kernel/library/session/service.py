"""Sessions in a store."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from llmspell_kernel.errors import CancelledError, ConflictError, NoSuchThingError, ScriptError, StorageError
from llmspell_kernel.library.session.checks import (
    MAX_NAME,
    checked_id,
    checked_name,
    checked_tags,
    jupyter_key,
)
from llmspell_kernel.library.session.records import (
    STATUSES,
    TRANSITIONS,
    Act,
    SessionError,
    SessionRecord,
)
from llmspell_kernel.library.session.runs import RUNS, Runs

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.storage.contract import Storage

SESSIONS, ACTIVE, JUPYTER = "session", "session_active", "session_jupyter"
"""Namespaces: the records by id; the ids of those that are active; ids by the Jupyter session that they are
for."""

_ATTEMPTS = 50
_DAY = 86_400.0
_HOOKS = {
    "suspend": "SessionCheckpoint",
    "resume": "SessionRestore",
    "complete": "SessionEnd",
    "fail": "SessionEnd",
}
_PAST: dict[str, str] = {
    "suspend": "suspended",
    "resume": "resumed",
    "complete": "completed",
    "fail": "failed",
    "archive": "archived",
}
_Answer = TypeVar("_Answer")

_record = msgspec.msgpack.Decoder(SessionRecord)
_pack = msgspec.msgpack.Encoder().encode


class Sessions:
    """All sessions of one store. Any thread; several processes may use the same ones.

    What a method has returned from is stored.

    Attributes:
        runs: what ran in them.
    """

    def __init__(self, services: Services) -> None:
        """The store is opened when it is needed."""
        self._services = services
        self._here = threading.local()
        self.runs = Runs(self)

    @property
    def settings(self) -> Any:
        """`runtime.sessions`."""
        return self._services.settings.runtime.sessions

    @property
    def store(self) -> Storage:
        """Where they are."""
        backend = self.settings.storage_backend
        if backend == "auto":
            kept = self._services.settings.runtime.state_persistence
            backend = "postgres" if kept.backend_type == "postgres" else "sqlite"
        return self._services.store(backend)

    def atomically(self, act: Callable[[], _Answer]) -> _Answer:
        """Does it as one transaction, again if others were faster.

        Raises:
            ConflictError: they always were.
        """
        if getattr(self._here, "inside", False):
            return act()
        self._here.inside = True
        try:
            for attempt in range(_ATTEMPTS - 1):
                with suppress(ConflictError), self.store.transaction():
                    return act()
                time.sleep(0.001 * attempt)
            with self.store.transaction():
                return act()
        finally:
            self._here.inside = False

    # Making and finding

    def create(
        self,
        *,
        name: str = "",
        description: str = "",
        tags: Sequence[str] = (),
        parent_session_id: str = "",
        custom_metadata: dict[Any, Any] | None = None,
        created_by: str = "",
        language: str = "",
        jupyter: str = "",
    ) -> str:
        """A new session, active; answers its id. Who is not the first for a Jupyter session gets that one.

        Raises:
            ScriptError: a name or tag that is too long, a parent that there is not, or too many are active.
            CancelledError: a hook does not want it.
        """
        session_id = str(uuid.uuid4())
        given: dict[str, Any] = {
            "session_id": session_id,
            "name": name,
            "description": description,
            "tags": list(tags),
            "parent_session_id": parent_session_id,
            "custom_metadata": custom_metadata or {},
        }
        if self._services.hooks.wants("SessionStart"):
            decision = self._services.hooks.run("SessionStart", given)
            if decision.action in ("skip", "replace"):
                raise CancelledError("Session.create: a hook at SessionStart has skipped it")
            given = given | decision.data
        now = time.time()
        record = SessionRecord(
            id=session_id,
            created_at=now,
            updated_at=now,
            started_at=now,
            created_by=created_by,
            name=checked_name(given["name"]),
            description=given["description"],
            tags=checked_tags(given["tags"]),
            parent_session_id=given["parent_session_id"],
            custom_metadata=dict(given["custom_metadata"]),
            language=language,
            jupyter=jupyter,
        )
        kept = self.atomically(lambda: self._of_jupyter(jupyter) or self._add(record))
        if kept is record:
            self._tell("created", record)
        return kept.id

    def _add(self, record: SessionRecord) -> SessionRecord:
        store = self.store
        if record.parent_session_id:
            self.get(record.parent_session_id)
        self._check_room()
        store.set(SESSIONS, record.id, _pack(record), expected=0)
        store.set(ACTIVE, record.id, b"")
        if record.jupyter:
            store.set(JUPYTER, record.jupyter, record.id.encode())
        return record

    def _check_room(self) -> None:
        limit = self.settings.max_sessions
        if not limit or self.store.count(ACTIVE) < limit:
            return
        for session_id in self.store.keys(ACTIVE, limit=limit + 1):
            record = self._find(session_id)
            if record is None or self.status(record) != "active":
                self.store.delete(ACTIVE, session_id)
        if self.store.count(ACTIVE) >= limit:
            raise SessionError(
                f"{limit:,} sessions are active (runtime.sessions.max_sessions): complete some, or raise the "
                "limit"
            )

    def _find(self, session_id: str) -> SessionRecord | None:
        entry = self.store.get(SESSIONS, session_id) if session_id else None
        return None if entry is None else _record.decode(entry.value)

    def get(self, session_id: str) -> SessionRecord:
        """A session.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        record = self._find(checked_id(session_id))
        if record is None:
            raise NoSuchThingError(
                f"Invalid session ID {session_id!r}: there is no such session; Session.list() has them all"
            )
        return record

    def status(self, record: SessionRecord) -> str:
        """Its status now; also `expired`."""
        return record.status_at(time.time(), self.settings.session_timeout_seconds)

    def table(self, record: SessionRecord) -> dict[str, Any]:
        """As scripts and programs see it."""
        return record.as_table(time.time(), self.settings.session_timeout_seconds)

    def search(
        self,
        *,
        tags: Sequence[str] = (),
        status: str = "",
        name: str = "",
        parent_session_id: str = "",
        limit: int | None = None,
    ) -> list[SessionRecord]:
        """Those that have all the tags, that status, that name and that parent, the newest first.

        Raises:
            ScriptError: there is no such status.
        """
        wanted = status.lower()
        if wanted and wanted not in STATUSES:
            raise ScriptError(f"no status {status!r}; choose one of: {', '.join(STATUSES)}")
        found = [
            record
            for record in self._all()
            if set(tags) <= set(record.tags)
            and (not wanted or self.status(record) == wanted)
            and (not name or record.name == name)
            and (not parent_session_id or record.parent_session_id == parent_session_id)
        ]
        found.sort(key=lambda record: record.created_at, reverse=True)
        return found if limit is None else found[: max(limit, 0)]

    def _all(self) -> Iterator[SessionRecord]:
        after = ""
        while page := self.store.scan(SESSIONS, after=after):
            for entry in page:
                yield _record.decode(entry.value)
            after = page[-1].key

    # Changing

    def change(self, session_id: str, change: Callable[[SessionRecord], SessionRecord]) -> SessionRecord:
        """Stores what `change` makes of a session, which then was active just now; it may be called again.

        Within `atomically` it is part of that.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        checked_id(session_id)

        def act() -> SessionRecord:
            entry = self.store.get(SESSIONS, session_id)
            if entry is None:
                self.get(session_id)
                raise ConflictError.of(SESSIONS, session_id, 1, 0)
            changed = msgspec.structs.replace(change(_record.decode(entry.value)), updated_at=time.time())
            self.store.set(SESSIONS, session_id, _pack(changed), expected=entry.version)
            return changed

        return self.atomically(act)

    def update(self, session_id: str, changes: dict[str, Any]) -> SessionRecord:
        """Changes its name, description, tags or parent; keys of `custom_metadata` are added to those there.

        Raises:
            NoSuchThingError: there is none of this id.
            ScriptError: a field that there is not, or a value that does not fit.
        """
        allowed = ("name", "description", "tags", "parent_session_id", "custom_metadata")
        for key in changes:
            if key not in allowed:
                raise ScriptError(f"a session has no {key!r} to change; choose from: {', '.join(allowed)}")
        if changes.get("parent_session_id"):
            self._check_parent(session_id, changes["parent_session_id"])

        def change(record: SessionRecord) -> SessionRecord:
            new = dict(changes)
            if "name" in new:
                new["name"] = checked_name(new["name"])
            if "tags" in new:
                new["tags"] = checked_tags(new["tags"])
            if "custom_metadata" in new:
                new["custom_metadata"] = record.custom_metadata | new["custom_metadata"]
            return msgspec.structs.replace(record, **new)

        return self.change(session_id, change)

    def _check_parent(self, session_id: str, parent: str) -> None:
        ancestor = parent
        while ancestor:
            if ancestor == session_id:
                raise ScriptError(f"session {session_id} cannot descend from itself; choose another parent")
            ancestor = self.get(ancestor).parent_session_id

    def act(self, act: Act, session_id: str, *, failure: str = "") -> SessionRecord:
        """Suspends, resumes, completes, fails or archives a session.

        Raises:
            NoSuchThingError: there is none of this id.
            SessionError: its status does not allow it.
            CancelledError: a hook does not want it.
        """
        record = self.get(session_id)
        self._check_transition(act, record)
        if act != "resume":
            with suppress(StorageError):  # what has run before is to be there when it takes no more
                self.flush()
        if (point := _HOOKS.get(act)) and self._services.hooks.wants(point):
            data = {"session_id": session_id, "operation": act, **self.table(record)}
            if self._services.hooks.run(point, data).action in ("skip", "replace"):
                return record

        def change(record: SessionRecord) -> SessionRecord:
            self._check_transition(act, record)
            status = TRANSITIONS[act][1]
            if status == "active":
                self._check_room()
                self.store.set(ACTIVE, session_id, b"")
            else:
                self.store.delete(ACTIVE, session_id)
            over = status in ("completed", "failed", "archived")
            ended = (record.ended_at or time.time()) if over else None
            return msgspec.structs.replace(
                record, status=status, ended_at=ended, failure=failure or record.failure
            )

        changed = self.change(session_id, change)
        if changed.ended_at is not None:
            self._services.current.leave(session_id)
        self._tell(_PAST[act], changed)
        return changed

    def _check_transition(self, act: Act, record: SessionRecord) -> None:
        status, allowed = self.status(record), TRANSITIONS[act][0]
        if status not in allowed:
            raise SessionError(
                f"session {record.id} is {status}: to {act} it, it must be {' or '.join(sorted(allowed))}"
            )

    def check_active(self, record: SessionRecord) -> None:
        """Complains of a session that nothing can be added to.

        Raises:
            SessionError: it is not active.
        """
        if self.status(record) != "active":
            advice = (
                "resume it first" if self.status(record) in ("suspended", "expired") else "use another one"
            )
            raise SessionError(f"session {record.id} is {self.status(record)}: {advice}")

    def save(self, session_id: str) -> None:
        """Returns when all that ran in it until now is stored.

        Raises:
            NoSuchThingError: there is none of this id.
            StorageError: it cannot be stored.
        """
        record = self.get(session_id)
        if self.store.in_transaction:
            raise StorageError("a session cannot be saved in a transaction: save it when that has ended")
        for point in ("SessionSave", "SessionCheckpoint"):
            if self._services.hooks.wants(point):
                self._services.hooks.run(
                    point, {"session_id": session_id, "operation": "save", **self.table(record)}
                )
        self.flush()

    def load(self, session_id: str) -> str:
        """Its id, if it is there.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        record = self.get(session_id)
        if self._services.hooks.wants("SessionRestore"):
            data = {"session_id": session_id, "operation": "load", **self.table(record)}
            self._services.hooks.run("SessionRestore", data)
        return session_id

    def delete(self, session_id: str) -> None:
        """Removes it with its runs and artifacts; its children have no parent then.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        self.flush()
        record = self.get(session_id)

        def act() -> None:
            self._services.artifacts.delete_all(session_id)
            for run in self.runs.keys(session_id):
                self.store.delete(RUNS, run)
            for child in self.search(parent_session_id=session_id):
                self.change(child.id, lambda each: msgspec.structs.replace(each, parent_session_id=""))
            if record.jupyter:
                self.store.delete(JUPYTER, record.jupyter)
            self.store.delete(ACTIVE, session_id)
            self.store.delete(SESSIONS, session_id)

        self.atomically(act)
        self._services.current.leave(session_id)
        self._tell("deleted", record)

    def _tell(self, what: str, record: SessionRecord) -> None:
        about = {"name": record.name, "status": record.status, "tags": list(record.tags)}
        self._services.events.publish(f"session.{what}", {"session_id": record.id, **about}, source="session")

    # The current one

    @property
    def current(self) -> str | None:
        """The session that is current in this runtime; a notebook's is made when it is asked for."""
        return self._services.current.found()

    def set_current(self, session_id: str | None) -> None:
        """Makes a session the current one of this runtime, or none.

        Raises:
            NoSuchThingError: there is none of this id.
            SessionError: it is not active.
        """
        if session_id is not None:
            self.check_active(self.get(session_id))
        self._services.current.enter(session_id)

    def adopt(self, record: SessionRecord) -> None:
        """Makes a session of another store the current one: with its id, but nothing has been done in it."""
        fresh = msgspec.structs.replace(
            record,
            status="active",
            updated_at=time.time(),
            ended_at=None,
            parent_session_id="",
            failure="",
            operation_count=0,
            artifact_count=0,
            total_artifact_size=0,
            sequence=0,
            artifact_sequence=0,
        )
        self.store.set(SESSIONS, record.id, _pack(fresh))
        self.store.set(ACTIVE, record.id, b"")
        self._services.current.session_id = record.id

    def of_jupyter(self, name: str, language: str = "") -> str:
        """The session that is for a Jupyter session, active: the same until it is completed or deleted."""
        key = jupyter_key(name)
        record = self._of_jupyter(key)
        if record is None:
            title = name.rpartition("/")[2][:MAX_NAME]
            return self.create(name=title, created_by="jupyter", language=language, jupyter=key)
        if self.status(record) != "active":
            with suppress(SessionError):  # another kernel of the notebook was faster
                self.act("resume", record.id)
        return record.id

    def _of_jupyter(self, key: str) -> SessionRecord | None:
        entry = self.store.get(JUPYTER, key) if key else None
        record = None if entry is None else self._find(entry.value.decode())
        return None if record is None or record.ended_at is not None else record

    def flush(self) -> None:
        """Returns when what ran in this runtime until now is stored.

        Raises:
            StorageError: it cannot be.
        """
        self._services.current.flush()

    def clean_up(self) -> int:
        """Deletes the sessions of notebooks in which nothing was done for `retention_days`; how many."""
        days = self.settings.retention_days
        if not days:
            return 0
        old = [
            record
            for record in self._all()
            if record.created_by == "jupyter"
            and not record.artifact_count
            and time.time() - record.updated_at > days * _DAY
        ]
        for record in old:
            self.delete(record.id)
        return len(old)
