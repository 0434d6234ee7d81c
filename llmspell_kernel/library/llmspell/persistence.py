"""Variables that outlive the kernel: kept in the store of `State` when a cell has ended, and brought back.

They belong to the notebook. Those of a kernel that has none outlive its restarts, and are forgotten when it
is shut down, because nobody could ask for them again. Values that cannot be kept are told, with the reason.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import msgpack

from llmspell_kernel.errors import ScriptError, StorageError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.library.llmspell.lua import marker
from llmspell_kernel.lua.state import beside
from llmspell_kernel.lua.values import decode
from llmspell_kernel.storage.contract import MAX_KEY_BYTES, PAGE, Storage

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter

NAMESPACE = "globals"
SHARE = 10
"""Keeping takes at most one part in so many of the time."""

_LOCALS_AT_ONCE = 50
_SET_BY_US = (b"_", b"arg", b"ARGS")
_log = logging.getLogger("llmspell.persist")


class Skipped(NamedTuple):
    """A variable that is not kept, and why."""

    name: str
    reason: str


class Persistence:
    """Keeps the variables of one runtime. Belongs to its thread.

    Attributes:
        is_on: whether they are kept.
        saved: the names of those that are in the store.
        skipped: those that are not.
        notes: what will be different after a restart.
        saved_at: when they were last looked at, in seconds since the epoch; 0 for never.
    """

    def __init__(self, lua: LuaInterpreter, services: Services, own: tuple[bytes, ...]) -> None:
        """`own` are the names of globals that are not the user's."""
        self._lua = lua
        self._services = services
        self.name = services.notebook
        self._prefix = _prefix(self.name)
        self.is_on = False
        self.saved: list[str] = []
        self.skipped: list[Skipped] = []
        self.notes: list[str] = []
        self.saved_at = 0.0
        self._digests: dict[str, bytes] = {}
        self._waits = False
        self._not_before = 0.0
        hidden = lua.state.runtime.table_from(dict.fromkeys((*own, *_SET_BY_US), True))
        self._module: LuaTable = lua.state.late_chunk(
            beside(__file__, "globals.lua"), lua.state.cells, hidden, lua.state.host[b"null"]
        )
        services.at_close(self._close)

    def _store(self) -> Storage:
        persistence = self._services.settings.runtime.state_persistence
        if not persistence.enabled or persistence.backend_type == "memory":
            raise ScriptError(
                "variables cannot be kept: the settings keep values in memory "
                "(runtime.state_persistence.enabled and .backend_type)"
            )
        return self._services.state.storage

    def switch(self, *, on: bool) -> None:
        """Keeps variables from now on; or no more, then what was kept is removed.

        Raises:
            ScriptError: there is nothing here that could be restarted, or nowhere to keep them.
        """
        if self._services.forgets:
            return
        if on and not self.name:
            raise ScriptError(
                "variables are kept for the kernel of a notebook; what runs here starts anew each time: "
                "State.set keeps values"
            )
        if on == self.is_on:
            return
        if on:
            self._store()
            self._mark()
            self._begin()
            self._take_over()
        else:
            self.is_on = False
            self._forget()

    def _mark(self) -> None:
        path = marker(self.name)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"{self.name}\n{self._services.connection_file}\n")
        except OSError as error:
            raise ScriptError(f"variables cannot be kept: {path}: {error.strerror}") from error
        for name in _ended_without_a_word(os.path.dirname(path)):
            _remove(self._store(), name)

    def _begin(self) -> None:
        self.is_on = True
        atexit.register(self._close)  # some kernels end without closing their services

    def _forget(self) -> None:
        _remove(self._store(), self.name)
        self.saved, self.skipped, self.notes, self._digests = [], [], [], {}

    # Keeping

    def cell_ended(self) -> None:
        """Has the variables looked at when the kernel is idle."""
        frontend = self._services.frontend
        if self.is_on and not self._waits and frontend is not None:
            self._waits = True
            frontend.call_later(max(self._not_before - time.monotonic(), 0), self._when_idle)

    def cell_begins(self) -> None:
        """What the cell before has changed is kept now, if nobody was idle meanwhile."""
        if time.monotonic() >= self._not_before:
            self._when_idle()

    def _when_idle(self) -> None:
        if self._waits:
            self._waits = False
            self._save()

    def _close(self) -> None:
        atexit.unregister(self._close)
        if not self.is_on:
            return
        nobody_asks = self.ends_with_kernel or self._services.is_gone()
        if nobody_asks and not self._services.comes_back():
            try:
                self.switch(on=False)
            except (ScriptError, StorageError) as error:  # nobody is there who could be told
                _log.warning("variables were not forgotten: %s", error)
        elif self._waits:
            self._save()

    def save(self) -> None:
        """Keeps the variables as they are now, if they are to be kept.

        Raises:
            StorageError: they cannot be written.
        """
        if self.is_on:
            self._write(*self._read())

    def _save(self) -> None:
        start = time.monotonic()
        try:
            self.save()
        except StorageError as error:  # between cells nobody could catch it
            _log.warning("variables were not kept: %s", error)
            self.notes = [f"the last attempt has failed: {error}"]
        end = time.monotonic()
        self._not_before = end + (end - start) * SHARE if end - start > 0.05 else 0.0

    def _read(self) -> tuple[dict[str, bytes], list[Skipped], list[str]]:
        """The variables that can be kept, as MessagePack by scope and name; the others; notes."""
        rows, found_notes = self._module[b"list"]()
        limit = self._services.settings.runtime.state_persistence.max_state_size_bytes
        values: dict[str, bytes] = {}
        skipped: list[Skipped] = []
        for row in rows.values():
            name, problem = decode(row[b"name"]), row[b"problem"]
            try:
                if problem is not None:
                    raise ScriptError(decode(problem))
                key = f"{row[b'scope'].decode()}:{row[b'name'].decode()}"
                packed = self._lua.exchange.packed(row[b"value"], "object")
                if len(packed) > limit or len(key.encode()) > MAX_KEY_BYTES - 100:
                    raise ScriptError(f"{name[:40]} takes {len(packed):,} bytes, and {limit:,} are the limit")
                values[key] = packed
            except (ScriptError, UnicodeDecodeError) as error:
                reason = str(error) if isinstance(error, ScriptError) else "its name is no UTF-8 text"
                skipped.append(Skipped(name, reason))
        return values, skipped, [decode(note) for note in found_notes.values()]

    def _write(self, values: dict[str, bytes], skipped: list[Skipped], notes: list[str]) -> None:
        """Brings the store to what the variables are; writes nothing if nothing has changed."""
        digests = {key: hashlib.blake2b(data, digest_size=16).digest() for key, data in values.items()}
        changed = [key for key, digest in digests.items() if self._digests.get(key) != digest]
        gone = self._digests.keys() - digests.keys()
        self.saved_at = time.time()
        if changed or gone or skipped != self.skipped or notes != self.notes:
            store = self._store()
            with store.transaction():
                for key in changed:
                    store.set(NAMESPACE, f"{self._prefix}:{key}", values[key])
                for key in gone:
                    store.delete(NAMESPACE, f"{self._prefix}:{key}")
                head = {"name": self.name, "saved_at": self.saved_at, "skipped": skipped, "notes": notes}
                store.set(NAMESPACE, self._prefix, msgpack.encode(head))
        self._digests, self.skipped, self.notes = digests, skipped, notes
        self.saved = sorted(key.partition(":")[2] for key in digests)

    # Bringing back

    def bring_back(self) -> None:
        """Makes the variables what they were in the kernel before; says so on stderr."""
        try:
            self._begin()
            brought = self._take_over()
        except (ScriptError, StorageError) as error:
            self.is_on = False
            self._say(f"The variables of the last kernel could not be brought back: {error}")
            return
        lines = [f"Brought back from the last kernel: {', '.join(brought) or 'nothing'}."]
        lines += [f"Not brought back: {each.reason}." for each in self.skipped]
        lines += [f"Different now: {note}." for note in self.notes]
        self._say("\n".join([*lines, "%persist off ends this."]))

    def _say(self, text: str) -> None:
        frontend = self._services.frontend
        if frontend is not None:
            frontend.write("stderr", f"{text}\n".encode())

    def _take_over(self) -> list[str]:
        """Sets the variables that are in the store and mean nothing now; their names."""
        store = self._store()
        head = store.get(NAMESPACE, self._prefix)
        if head is None:
            return []
        found: dict[str, Any] = msgpack.decode(head.value)
        self.skipped = [Skipped(*each) for each in found["skipped"]]
        self.notes, self.saved_at = list(found["notes"]), found["saved_at"]
        values: dict[str, dict[str, bytes]] = {"local": {}, "global": {}}
        for key in _keys(store, self._prefix):
            entry = store.get(NAMESPACE, key)
            _, scope, name = key.split(":", 2)
            if entry is None or scope not in values:
                continue
            self._digests[f"{scope}:{name}"] = hashlib.blake2b(entry.value, digest_size=16).digest()
            if not self._module[b"is_set"](name.encode()):
                values[scope][name] = entry.value
        for name, data in values["global"].items():
            self._module[b"set"](name.encode(), self._unpacked(data))
        self._set_locals(values["local"])
        self.saved = sorted([*values["global"], *values["local"]])
        return self.saved

    def _unpacked(self, data: bytes) -> Any:
        return self._lua.exchange.unpacked(data, marks="arrays", keeps_null=True)

    def _set_locals(self, values: dict[str, bytes]) -> None:
        """Declares locals as a cell would have, so that later cells see them."""
        names = list(values)
        for start in range(0, len(names), _LOCALS_AT_ONCE):
            some = names[start : start + _LOCALS_AT_ONCE]
            main = self._lua.compiler.compile(f"local {', '.join(some)} = ...", "restored variables")
            given = [self._unpacked(values[name]) for name in some]

            def body(main: Any = main, given: list[Any] = given) -> Outcome:
                self._lua.state.call(main, *given)
                return Outcome()

            self._lua.guard(body)

    # Telling

    @property
    def ends_with_kernel(self) -> bool:
        """Whether what is kept outlives restarts only: nobody could find it by a notebook's name."""
        return bool(self._services.connection_file)

    @property
    def _called(self) -> str:
        """What people call what they are kept for."""
        return os.path.basename(self.name) if self.ends_with_kernel else self._services.document or self.name

    def described(self) -> dict[str, Any]:
        """What is kept and what is not, as scripts see it."""
        return {
            "enabled": self.is_on,
            "name": self._called or None,
            "saved_at": self.saved_at or None,
            "saved": self.saved,
            "not_saved": [each._asdict() for each in self.skipped],
            "notes": self.notes,
        }

    def status(self) -> str:
        """What is kept and what is not, for people. Looks at the variables as they are now.

        Raises:
            StorageError: they cannot be written.
        """
        if not self.is_on:
            return "Variables are not kept: a restart of the kernel ends them. `%persist on` keeps them."
        self.save()
        whom = (
            "restarts of this kernel, until it is shut down," if self.ends_with_kernel else f"{self._called},"
        )
        lines = [
            f"Variables are kept for {whom} in {self._store().info().location}.",
            f"Kept: {', '.join(self.saved) or 'nothing yet'}.",
        ]
        lines += [f"Not kept: {each.reason}." for each in self.skipped]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def _prefix(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _keys(store: Storage, prefix: str) -> list[str]:
    found: list[str] = []
    while page := store.keys(NAMESPACE, f"{prefix}:", after=found[-1] if found else ""):
        found += page
        if len(page) < PAGE:
            break
    return found


def _remove(store: Storage, name: str) -> None:
    """Forgets what was kept under a name."""
    prefix = _prefix(name)
    with store.transaction():
        for key in [prefix, *_keys(store, prefix)]:
            store.delete(NAMESPACE, key)
    with suppress(FileNotFoundError):
        os.unlink(marker(name))


def _ended_without_a_word(folder: str) -> Iterator[str]:
    """The names of kernels without notebooks that were killed and not started again: their files are gone."""
    for entry in os.listdir(folder):
        with suppress(OSError, UnicodeDecodeError, ValueError):
            with open(os.path.join(folder, entry), encoding="utf-8") as file:
                name, connection_file = file.read().splitlines()
            if connection_file and not os.path.exists(connection_file):
                yield name
