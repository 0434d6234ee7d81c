"""Under which key a notebook's session and variables are kept, whatever the notebook is called.

That is its path, by which Jupyter tells kernels their notebook, until a kernel is restarted under another
one: the notebook was renamed, and takes its key along. A new notebook of the old name gets a new key; also
while a renamed one's kernel has not been restarted and lives on.

Files in Jupyter's data folder tell: one for each kernel of a notebook, locked while it lives, and one for
each name whose key is not itself. Where they cannot be written, the key is always the name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import uuid
from contextlib import suppress

from jupyter_core.paths import jupyter_data_dir


class Notebook:
    """The notebook of this kernel.

    Attributes:
        name: its path, as it is called now.
        key: of what is kept for it.
        old_name: what it was called before this kernel was restarted; empty if that is no other name.
    """

    def __init__(self, name: str, identity: str, connection_file: str) -> None:
        """`identity` is the same after a restart, and no other kernel's."""
        self.name = self.key = name
        self.old_name = ""
        self._there = os.path.exists(name)
        self._folder = f"{jupyter_data_dir()}/llmspell/notebooks"
        self._own = f"{self._folder}/{_digest(identity)}.kernel"
        self._descriptor: int | None = None
        with suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            before = _read(self._own)
            if before:
                self._go_on(before["name"], before["key"])
            else:
                self._begin()
            self._descriptor = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            told = {"name": name, "key": self.key, "connection_file": connection_file}
            os.write(self._descriptor, json.dumps(told).encode())

    def _begin(self) -> None:
        """A new kernel gets what is kept for the name, unless that is another one's, which lives."""
        key = self._key_of(self.name)
        self.key = self._fresh_key() if key in self._living_keys() else key

    def _go_on(self, old_name: str, key: str) -> None:
        """A restarted kernel finds its own again."""
        self.key = key
        if old_name != self.name:
            self.old_name = old_name
            self._free(old_name)
            self._call(self.name, key)

    def _living_keys(self) -> set[str]:
        """Those of other kernels; forgets kernels that nobody starts again."""
        keys = set()
        for entry in os.listdir(self._folder):
            path = f"{self._folder}/{entry}"
            if entry.endswith(".kernel") and path != self._own and (other := _read(path)):
                if _is_locked(path):
                    keys.add(other["key"])
                elif not os.path.exists(other.get("connection_file", "")):
                    os.unlink(path)
        return keys

    def _key_of(self, name: str) -> str:
        return _read(self._name_file(name)).get("key", name)

    def _call(self, name: str, key: str) -> None:
        if key == name:
            with suppress(FileNotFoundError):
                os.unlink(self._name_file(name))
            return
        with open(self._name_file(name), "w", encoding="utf-8") as file:
            json.dump({"name": name, "key": key}, file)

    def _fresh_key(self) -> str:
        key = f"{uuid.uuid4()}/{os.path.basename(self.name)}"
        self._call(self.name, key)
        return key

    def _free(self, name: str) -> None:
        """The next notebook of this name gets nothing of this one's."""
        if self._key_of(name) == self.key:
            self._call(name, f"{uuid.uuid4()}/{os.path.basename(name)}")

    def _name_file(self, name: str) -> str:
        return f"{self._folder}/{_digest(name)}.name"

    @property
    def is_gone(self) -> bool:
        """Whether it is not where it was when the kernel began: nobody can say what it is called now."""
        return self._there and not os.path.exists(self.name)

    def end(self, *, comes_back: bool) -> None:
        """The kernel ends."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            if not comes_back:
                if self.is_gone:
                    self._free(self.name)
                os.unlink(self._own)
        os.close(descriptor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(path: str) -> dict[str, str]:
    """What a file tells; nothing if it is not there or no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"name", "key"} <= found.keys() else {}


def _is_locked(path: str) -> bool:
    """Whether its kernel lives."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
