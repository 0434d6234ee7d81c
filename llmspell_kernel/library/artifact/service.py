"""Artifacts of sessions in a store."""

from __future__ import annotations

import mimetypes
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from llmspell_kernel.errors import NoSuchThingError, NotAllowedError, ScriptError
from llmspell_kernel.library.artifact.content import Contents
from llmspell_kernel.library.session.records import SessionRecord, iso
from llmspell_kernel.library.session.runs import run_key

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.storage.contract import Storage

ARTIFACTS, NAMES = "artifact", "artifact_name"
"""Namespaces: records by session and sequence; a name's latest sequence by session and name."""

MAX_BYTES = 100 * 1024 * 1024
MAX_NAME = 255
TYPES = ("agent_output", "tool_result", "user_input", "system_generated")

_NAMED = 5
"""Artifacts that a message names."""


class ArtifactRecord(Struct, frozen=True, omit_defaults=True):
    """An artifact without its content; see `as_table`."""

    session_id: str
    sequence: int
    content_hash: str
    name: str
    artifact_type: str
    size: int
    created_at: float
    mime_type: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    custom: dict[Any, Any] = {}
    version: int = 1
    previous: int = 0
    created_by: str = ""
    parent_artifact: Any = None
    is_compressed: bool = False
    stored_size: int = 0

    @property
    def id(self) -> dict[str, Any]:
        """What scripts name it by."""
        return {"content_hash": self.content_hash, "session_id": self.session_id, "sequence": self.sequence}

    def as_table(self) -> dict[str, Any]:
        """As scripts and programs see it; what there is not is left out."""
        table: dict[str, Any] = {
            **self.id,
            "name": self.name,
            "description": self.description or None,
            "artifact_type": self.artifact_type,
            "mime_type": self.mime_type,
            "size": self.size,
            "original_size": self.size,
            "stored_size": self.stored_size,
            "is_compressed": self.is_compressed,
            "tags": list(self.tags),
            "custom": dict(self.custom),
            "version": self.version,
            "created_at": iso(self.created_at),
            "created_by": self.created_by or None,
            "parent_artifact": self.parent_artifact,
        }
        return {key: value for key, value in table.items() if value is not None}


class ArtifactId(NamedTuple):
    """Which artifact is meant; an empty hash stands for whatever it is."""

    session_id: str
    sequence: int
    content_hash: str = ""

    @classmethod
    def parse(cls, given: object) -> ArtifactId:
        """Of a table, or of `SESSION/SEQUENCE`.

        Raises:
            ScriptError: it is neither.
        """
        if isinstance(given, str):
            session_id, _, number = given.rpartition("/")
            if session_id and number.isdigit():
                return cls(session_id, int(number))
        if isinstance(given, dict):
            session_id, sequence = given.get("session_id", ""), given.get("sequence")
            digest = given.get("content_hash", "")
            if isinstance(sequence, int) and isinstance(session_id, str) and isinstance(digest, str):
                return cls(session_id, sequence, digest)
        raise ScriptError(
            "an artifact's id is what Artifact.store has answered: a table with content_hash, session_id and "
            f"sequence; got {given!r}"
        )


class About(NamedTuple):
    """What is known about an artifact that is to be stored."""

    mime_type: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    parent_artifact: Any = None
    created_by: str = ""
    custom: dict[Any, Any] = {}

    @classmethod
    def parse(cls, metadata: dict[Any, Any]) -> About:
        """Of the table that scripts give; what is no field of ours is `custom`.

        Raises:
            ScriptError: a field of ours of the wrong type.
        """
        given = dict(metadata)
        custom = given.pop("custom", {})
        if not isinstance(custom, dict):
            raise ScriptError(f"metadata.custom: a table with keys expected, got {custom!r}")
        parent = given.pop("parent_artifact", None)
        tags = given.pop("tags", [])
        if isinstance(tags, str):
            tags = [tags]
        if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
            raise ScriptError(f"metadata.tags: a list of texts expected, got {tags!r}")
        texts = {}
        for name in ("mime_type", "description", "created_by"):
            texts[name] = given.pop(name, "")
            if not isinstance(texts[name], str):
                raise ScriptError(f"metadata.{name}: a text expected, got {texts[name]!r}")
        return cls(**texts, tags=tuple(tags), parent_artifact=parent, custom={**given, **custom})


class Artifacts:
    """All artifacts of one store. Any thread; what a method has returned from is stored."""

    def __init__(self, services: Services) -> None:
        """In the store of the sessions."""
        self._services = services
        self._sessions = services.sessions

    @property
    def _store(self) -> Storage:
        return self._sessions.store

    def store(
        self,
        session_id: str,
        artifact_type: str,
        name: str,
        content: bytes,
        metadata: dict[Any, Any] | None = None,
    ) -> ArtifactRecord:
        """Stores an artifact; a name that the session has already gets its next version.

        Raises:
            NoSuchThingError: there is no such session.
            ScriptError: the session is not active or has too many, or a name, type or content does not fit.
        """
        _check(artifact_type, name, content)
        session = self._session(session_id)
        about = About.parse(metadata or {})
        limit = self._sessions.settings.max_artifacts_per_session
        made: list[ArtifactRecord] = []

        def change(record: SessionRecord) -> SessionRecord:
            self._sessions.check_active(record)
            if limit and record.artifact_count >= limit:
                raise ScriptError(
                    f"session {session} has {record.artifact_count:,} artifacts "
                    "(runtime.sessions.max_artifacts_per_session): delete some of them, or raise the limit"
                )
            artifact = self._add(record, artifact_type, name, content, about)
            made[:] = [artifact]
            return msgspec.structs.replace(
                record,
                artifact_sequence=artifact.sequence,
                artifact_count=record.artifact_count + 1,
                total_artifact_size=record.total_artifact_size + len(content),
            )

        self._sessions.change(session, change)
        artifact = made[0]
        self._services.current.note(
            "artifact.stored", name=name, sequence=artifact.sequence, hash=artifact.content_hash
        )
        self._tell("stored", artifact)
        return artifact

    def _add(
        self, session: SessionRecord, artifact_type: str, name: str, content: bytes, about: About
    ) -> ArtifactRecord:
        store = self._store
        kept = Contents(store).add(content, self._sessions.settings.artifact_compression_threshold)
        before = store.get(NAMES, _name_key(session.id, name))
        previous = None if before is None else self._find(session.id, int(before.value))
        sequence = session.artifact_sequence + 1
        artifact = ArtifactRecord(
            session_id=session.id,
            sequence=sequence,
            content_hash=kept.hash,
            name=name,
            artifact_type=artifact_type,
            size=len(content),
            created_at=time.time(),
            mime_type=about.mime_type or _mime_type(name, content),
            description=about.description,
            tags=about.tags,
            custom=about.custom,
            version=1 if previous is None else previous.version + 1,
            previous=0 if previous is None else previous.sequence,
            created_by=about.created_by or session.created_by,
            parent_artifact=about.parent_artifact,
            is_compressed=kept.is_compressed,
            stored_size=kept.size,
        )
        store.set(ARTIFACTS, run_key(session.id, sequence), msgspec.msgpack.encode(artifact), expected=0)
        version = 0 if before is None else before.version
        store.set(NAMES, _name_key(session.id, name), b"%d" % sequence, expected=version)
        return artifact

    def store_file(
        self, session_id: str, path: str, artifact_type: str, metadata: dict[Any, Any] | None = None
    ) -> ArtifactRecord:
        """Stores what a file has, under its name, or under the `name` of the metadata.

        Raises:
            NotAllowedError: the settings forbid files.
            ScriptError: as `store`; or the file cannot be read.
        """
        if not self._services.settings.runtime.security.allow_file_access:
            raise NotAllowedError(NotAllowedError.FILES)
        about = dict(metadata or {})
        file = Path(path).expanduser()
        name = about.pop("name", None) or file.name
        try:
            # Nobody may be at the other end of a pipe.
            with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
                if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                    raise ScriptError(f"cannot read {path}: it is no ordinary file")
                content = opened.read(MAX_BYTES + 1)
        except OSError as error:
            raise ScriptError(f"cannot read {path}: {error.strerror or error}") from error
        return self.store(session_id, artifact_type, name, content, about)

    def get(self, session_id: str, artifact_id: ArtifactId) -> tuple[ArtifactRecord, bytes]:
        """An artifact and its content, which is what was stored.

        Raises:
            NoSuchThingError: there is none of this id.
            StorageError: the content is damaged.
        """
        artifact = self.find(session_id, artifact_id)
        return artifact, self.content(artifact)

    def content(self, artifact: ArtifactRecord) -> bytes:
        """The content, which is what was stored.

        Raises:
            StorageError: it is damaged.
        """
        return Contents(self._store).read(artifact.content_hash)

    def find(self, session_id: str, artifact_id: ArtifactId) -> ArtifactRecord:
        """An artifact without its content.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        session = self._session(session_id or artifact_id.session_id)
        artifact = None
        if artifact_id.session_id in ("", session):
            artifact = self._find(session, artifact_id.sequence)
        if artifact is None or artifact_id.content_hash not in ("", artifact.content_hash):
            raise NoSuchThingError(
                f"session {session} has no artifact {artifact_id.sequence}"
                f"{f' with the hash {artifact_id.content_hash}' if artifact_id.content_hash else ''}; "
                f"{self._names(session)}"
            )
        return artifact

    def latest(self, session_id: str, name: str) -> ArtifactRecord:
        """The last version of a name.

        Raises:
            NoSuchThingError: the session has none.
        """
        session = self._session(session_id)
        entry = self._store.get(NAMES, _name_key(session, name))
        artifact = None if entry is None else self._find(session, int(entry.value))
        if artifact is None:
            raise NoSuchThingError(
                f"session {session} has no artifact called {name!r}; {self._names(session)}"
            )
        return artifact

    def _names(self, session_id: str) -> str:
        """What a session has instead, the newest first."""
        names = [f"{each.sequence} ({each.name})" for each in self._all(session_id)][::-1]
        if not names:
            return "it has none"
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"it has {', '.join(names[:_NAMED])}{more}"

    def of_session(self, session_id: str) -> list[ArtifactRecord]:
        """Those of a session, in the order in which they were stored; empty for the current session."""
        return list(self._all(self._session(session_id)))

    def delete(self, session_id: str, artifact_id: ArtifactId) -> None:
        """Removes an artifact; its content stays as long as another one has it.

        Raises:
            NoSuchThingError: there is none of this id.
        """
        artifact = self.find(session_id, artifact_id)

        def change(record: SessionRecord) -> SessionRecord:
            self._remove(self.find(artifact.session_id, artifact_id))
            return msgspec.structs.replace(
                record,
                artifact_count=record.artifact_count - 1,
                total_artifact_size=record.total_artifact_size - artifact.size,
            )

        self._sessions.change(artifact.session_id, change)
        self._tell("deleted", artifact)

    def delete_all(self, session_id: str) -> None:
        """Removes those of a session that is about to be deleted; within its transaction."""
        for artifact in list(self._all(session_id)):
            self._remove(artifact)

    def _remove(self, artifact: ArtifactRecord) -> None:
        store = self._store
        store.delete(ARTIFACTS, run_key(artifact.session_id, artifact.sequence))
        Contents(store).remove(artifact.content_hash)
        key = _name_key(artifact.session_id, artifact.name)
        latest = store.get(NAMES, key)
        if latest is not None and int(latest.value) == artifact.sequence:
            before = [each for each in self._all(artifact.session_id) if each.name == artifact.name]
            if before:
                store.set(NAMES, key, b"%d" % before[-1].sequence)
            else:
                store.delete(NAMES, key)

    def query(
        self,
        *,
        session_id: str = "",
        artifact_type: str = "",
        name_pattern: str = "",
        tags: Sequence[str] = (),
        created_after: float | None = None,
        created_before: float | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        limit: int | None = None,
    ) -> list[ArtifactRecord]:
        """Artifacts of one session, or of all, that fit in every way, the newest first.

        `name_pattern` is a name with `*` and `?`.
        """
        tests: list[Callable[[ArtifactRecord], bool]] = []
        if artifact_type:
            tests.append(lambda each: each.artifact_type == artifact_type)
        if name_pattern:
            tests.append(lambda each: fnmatchcase(each.name, name_pattern))
        if tags:
            tests.append(lambda each: set(tags) <= set(each.tags))
        if created_after is not None:
            tests.append(lambda each: each.created_at >= created_after)
        if created_before is not None:
            tests.append(lambda each: each.created_at <= created_before)
        if min_size is not None:
            tests.append(lambda each: each.size >= min_size)
        if max_size is not None:
            tests.append(lambda each: each.size <= max_size)
        where = self._session(session_id) if session_id else ""
        found = [each for each in self._all(where) if all(test(each) for test in tests)]
        found.sort(key=lambda each: (each.created_at, each.sequence), reverse=True)
        return found if limit is None else found[: max(limit, 0)]

    def _session(self, session_id: str) -> str:
        """The id of a session that there is; empty means the current one.

        Raises:
            NoSuchThingError: there is none.
        """
        chosen = session_id or self._sessions.current
        if chosen is None:
            raise NoSuchThingError("no session is current: name one, or make one the current one before")
        return self._sessions.get(chosen).id

    def _find(self, session_id: str, sequence: int) -> ArtifactRecord | None:
        if sequence < 1:
            return None
        entry = self._store.get(ARTIFACTS, run_key(session_id, sequence))
        return None if entry is None else msgspec.msgpack.decode(entry.value, type=ArtifactRecord)

    def _all(self, session_id: str = "") -> Iterator[ArtifactRecord]:
        prefix, after = f"{session_id}/" if session_id else "", ""
        while page := self._store.scan(ARTIFACTS, prefix, after=after):
            for entry in page:
                yield msgspec.msgpack.decode(entry.value, type=ArtifactRecord)
            after = page[-1].key

    def _tell(self, what: str, artifact: ArtifactRecord) -> None:
        data = {
            **artifact.id,
            "name": artifact.name,
            "artifact_type": artifact.artifact_type,
            "size": artifact.size,
        }
        self._services.events.publish(f"artifact.{what}", data, source="artifact")


def _check(artifact_type: str, name: str, content: bytes) -> None:
    if not artifact_type:
        raise ScriptError(f"the type of the artifact is empty; give one, such as {', '.join(TYPES)}")
    if not name or len(name) > MAX_NAME:
        raise ScriptError(f"an artifact's name has 1 to {MAX_NAME} characters, not {len(name):,}")
    if len(artifact_type) > MAX_NAME:
        raise ScriptError(f"an artifact's type has 1 to {MAX_NAME} characters, not {len(artifact_type):,}")
    if len(content) > MAX_BYTES:
        raise ScriptError(
            f"the content of {name!r} has more than {MAX_BYTES:,} bytes, the limit; store it in parts"
        )


def _name_key(session_id: str, name: str) -> str:
    return f"{session_id}/{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _mime_type(name: str, content: bytes) -> str:
    guessed = mimetypes.guess_type(name, strict=False)[0]
    if guessed:
        return guessed
    try:
        content.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"
