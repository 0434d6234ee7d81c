"""Cells as files: the path that a cell's text has, which clients reckon themselves by a hash of it."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import threading
from functools import lru_cache
from pathlib import Path

HASH_METHOD = "Murmur2"
HASH_SEED = 0xC70F6907
"""Any number would do; this is what other kernels use."""

SUFFIX = ".lua"
_MASK = 0xFFFFFFFF
_FACTOR = 0x5BD1E995


@lru_cache(maxsize=1024)
def murmur2(code: str, seed: int = HASH_SEED) -> int:
    """The 32-bit MurmurHash2 of the code in UTF-8, as JupyterLab reckons it."""
    data = code.encode("utf-8", "surrogatepass")
    whole = len(data) & ~3
    result = (seed ^ len(data)) & _MASK
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * _FACTOR & _MASK
        block = (block ^ block >> 24) * _FACTOR & _MASK
        result = result * _FACTOR & _MASK ^ block
    if whole < len(data):
        result = (result ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _MASK
    result = (result ^ result >> 13) * _FACTOR & _MASK
    return result ^ result >> 15


class CellFiles:
    """The folder where the cells of this process are files. Any thread.

    JupyterLab shows `Cell [3]` instead of a path only for paths that contain `ipykernel_`. The folder is
    made when it is first asked for, readable by its owner only, and removed by `close` or at exit.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock = threading.Lock()

    @property
    def prefix(self) -> str:
        """What the path of each cell starts with; the same for the life of the process."""
        with self._lock:
            if self._folder is None:
                self._folder = _make_folder()
                atexit.register(self.close)
            return f"{self._folder}{os.sep}"

    def path(self, code: str) -> str:
        """The path of a cell with exactly this text."""
        return f"{self.prefix}{murmur2(code)}{SUFFIX}"

    def has(self, path: str) -> bool:
        """Whether a path is one of a cell."""
        return self._folder is not None and path.startswith(self.prefix)

    def dump(self, code: str) -> str:
        """Writes a cell's text to its path, and answers that.

        Raises:
            OSError: the file cannot be written.
        """
        path = Path(self.path(code))
        path.parent.mkdir(mode=0o700, exist_ok=True)  # somebody may have cleaned up the temporary folder
        path.write_text(code, encoding="utf-8", errors="surrogatepass", newline="")
        return str(path)

    def close(self) -> None:
        """Removes the folder."""
        with self._lock:
            folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            atexit.unregister(self.close)


def _make_folder() -> Path:
    """A folder of ours alone. Its name can be guessed: one that somebody else has made first is not taken."""
    folder = Path(tempfile.gettempdir(), f"llmspell_ipykernel_{os.getpid()}")
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            return Path(tempfile.mkdtemp(prefix=f"{folder.name}_"))
    return folder
