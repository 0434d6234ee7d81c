"""Ways into folders that no symbolic link can bend.

A path that was checked can lead elsewhere a moment later, when somebody has put a link in its way. So each
folder is opened from within the one before, following no links; what is open stays what it is.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from llmspell_kernel.library.tool.guards.paths import Location, PathRefusedError

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_PASS = getattr(os, "O_PATH", os.O_RDONLY) | _FOLDER
"""Opens a folder to go through: reading it need not be allowed."""

_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
"""Does not wait for the other end of a pipe."""

READ_ONLY = "it is read-only"

_LINK_ERRORS = (errno.ELOOP, errno.ENOTDIR)


@contextmanager
def entered(location: Location, *, make: bool = False) -> Iterator[int]:
    """A folder, open to reach what lies in it.

    Args:
        location: of the folder.
        make: whether missing folders are made on the way.

    Raises:
        OSError: it cannot be reached.
        PathRefusedError: a link has come in between.
    """
    here = os.open(location.root, _PASS)
    try:
        for name in location.parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=here)
            try:
                next_one = os.open(name, _PASS, dir_fd=here)
            except OSError as error:
                _tell_links(error, name, here)
                raise
            os.close(here)
            here = next_one
        yield here
    finally:
        os.close(here)


@contextmanager
def listed(location: Location) -> Iterator[int]:
    """A folder, open to be listed.

    Raises:
        OSError: it cannot be reached or read.
        PathRefusedError: a link has come in between.
    """
    with entered(location) as folder:
        reading = os.open(".", os.O_RDONLY | _FOLDER, dir_fd=folder)
        try:
            yield reading
        finally:
            os.close(reading)


def open_file(folder: int, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """A regular file in an open folder.

    Raises:
        OSError: it cannot be opened.
        PathRefusedError: it is a link, a device, a pipe or a socket, or is no real file.
    """
    with suppress(FileNotFoundError):
        _check_kind(os.stat(name, dir_fd=folder, follow_symlinks=False))
    try:
        opened = os.open(name, flags | _FILE, mode, dir_fd=folder)
    except OSError as error:
        _tell_links(error, name, folder)
        raise
    try:
        _check_kind(os.fstat(opened))
        os.set_blocking(opened, True)
    except BaseException:
        os.close(opened)
        raise
    return opened


@contextmanager
def replacement(folder: int, name: str, mode: int | None, *, durable: bool = True) -> Iterator[int]:
    """A new file that takes the place of `name` when the block ends: whole, or not at all.

    Args:
        folder: an open folder.
        name: what is replaced, or made.
        mode: its permissions; None for those of new files.
        durable: whether it is on the disk then.

    Raises:
        OSError: it cannot be written.
    """
    temporary = f".llmspell-{secrets.token_hex(8)}.tmp"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    written = os.open(temporary, flags, 0o666 if mode is None else 0o600, dir_fd=folder)
    try:
        try:
            yield written
            if mode is not None:
                os.fchmod(written, mode)
            if durable:
                os.fsync(written)
        finally:
            os.close(written)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    if durable:
        sync(folder)


def sync(folder: int) -> None:
    """Has the names in an open folder survive a power cut."""
    reading = os.open(".", os.O_RDONLY | _FOLDER, dir_fd=folder)
    try:
        os.fsync(reading)
    finally:
        os.close(reading)


def status_in(folder: int, name: str) -> os.stat_result | None:
    """What is called so in an open folder, a link being a link; None if nothing is."""
    try:
        return os.stat(name or ".", dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def checked_status(folder: int, name: str) -> os.stat_result:
    """That of a regular file in an open folder.

    Raises:
        OSError: nothing is there, or a folder.
        PathRefusedError: it is a link, a device, a pipe or a socket, or is no real file.
    """
    status = os.stat(name or ".", dir_fd=folder, follow_symlinks=False)
    _check_kind(status)
    return status


def kind_of(mode: int) -> str:
    """`file`, `directory`, `symlink` or `special`."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "special"


def _check_kind(status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        raise PathRefusedError("race", "a symbolic link has been put in its way")
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode) or status.st_dev in _kernel_devices():
        raise PathRefusedError("special", "it is a device, a pipe or a socket, not a file")


def _tell_links(error: OSError, name: str, folder: int) -> None:
    """Makes a refusal of the error if it was a link that was not followed."""
    if error.errno in _LINK_ERRORS:
        status = status_in(folder, name)
        if error.errno == errno.ELOOP or (status is not None and stat.S_ISLNK(status.st_mode)):
            raise PathRefusedError("race", "a symbolic link has been put in its way") from None


@cache
def _kernel_devices() -> frozenset[int]:
    """File systems whose files are the kernel's, wherever they are mounted."""
    found = set()
    for each in ("/proc", "/sys"):
        with suppress(OSError):
            found.add(os.stat(each).st_dev)
    return frozenset(found - {os.stat("/").st_dev})
