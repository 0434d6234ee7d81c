"""Files within the allowed folders."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llmspell_kernel.errors import NotAllowedError, ToolError
from llmspell_kernel.library.tool.guards import descent, listing
from llmspell_kernel.library.tool.guards.listing import Entry, reason_of
from llmspell_kernel.library.tool.guards.paths import SECTION, Location, PathRefusedError, PathRules

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

AnyPath = str | os.PathLike[str]

_CHUNK = 1 << 20


class FileGuard:
    """Files within the allowed folders, for one call of a tool.

    Paths may be relative to the working directory and may have links in them; they count as what they lead
    to. Whatever is opened is within an allowed folder at that moment, even if somebody moves links about.
    What goes wrong otherwise (no such file, disk full) is told as a `ToolError` that names the path.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._settings = surroundings.settings.tools.file_operations
        self._rules = PathRules(self._settings)

    @property
    def max_depth(self) -> int:
        """Levels of folders that listings go down, if nothing else is said."""
        return self._settings.max_depth

    @property
    def roots(self) -> tuple[Path, ...]:
        """The allowed folders, free of links."""
        return self._rules.roots

    def readable(self, path: AnyPath) -> Path:
        """The true path of a file or folder that may be read; for libraries that must open it themselves.

        Raises:
            NotAllowedError: a rule forbids it, or there is a device, a pipe or a socket.
            ToolError: nothing is there.
        """
        with self._told("read", path) as rules:
            location = rules.locate(path)
            with descent.entered(location.folder) as folder:
                status = os.stat(location.name or ".", dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                if not stat.S_ISREG(status.st_mode):
                    raise PathRefusedError("special", "it is a device, a pipe or a socket, not a file")
                self._rules.check_file(location.name)
            self._surroundings.audit("file.read", path=str(location.path))
            return location.path

    def writable(self, path: AnyPath) -> Path:
        """The true path of a file that may be written, new or there; for libraries that open it themselves.

        Raises:
            NotAllowedError: a rule forbids it, or there is a device, a pipe or a socket.
            ToolError: its folder is missing, or a folder is there.
        """
        with self._told("write", path) as rules:
            location = rules.locate(path)
            self._rules.check_file(location.name)
            with descent.entered(location.folder) as folder:
                self._replaceable(folder, location.name)
            self._surroundings.audit("file.write", path=str(location.path))
            return location.path

    @contextmanager
    def folder(self, path: AnyPath) -> Iterator[tuple[Path, int]]:
        """A folder that may be read: its true path, and the folder itself, open.

        Raises:
            NotAllowedError: a rule forbids it.
            ToolError: it cannot be opened, or is no folder.
        """
        with ExitStack() as stack:
            with self._told("read", path) as rules:
                location = rules.locate(path)
                opened = stack.enter_context(descent.listed(location))
                self._surroundings.audit("file.read", path=str(location.path))
            yield location.path, opened

    def identity(
        self, path: AnyPath, *, write: bool = False, create: bool = False
    ) -> tuple[Path, tuple[int, int]]:
        """The true path of a file, and its device and number: a library that opens it can be checked by them.

        Args:
            path: of the file.
            write: whether it is to be written.
            create: whether it is made, empty, if it is missing.

        Raises:
            NotAllowedError: a rule forbids it, or there is a device, a pipe or a socket.
            ToolError: it is missing, or a folder is there.
        """
        with self._told("write" if write else "read", path) as rules:
            location = rules.locate(path)
            self._rules.check_file(location.name)
            self._surroundings.audit("file.write" if write else "file.read", path=str(location.path))
            with descent.entered(location.folder) as folder:
                if write and self._replaceable(folder, location.name) is None and create:
                    os.close(descent.open_file(folder, location.name, os.O_WRONLY | os.O_CREAT))
                # Not opened: closing it would take away the locks that others in this process have on it.
                status = descent.checked_status(folder, location.name)
            return location.path, (status.st_dev, status.st_ino)

    def open(self, path: AnyPath, max_bytes: int | None = None) -> BinaryIO:
        """A regular file, open for reading.

        Args:
            path: of the file.
            max_bytes: how big it may be; by default what the settings say, 0 for any size.

        Raises:
            NotAllowedError: a rule forbids it, or it is too big.
            ToolError: it cannot be opened.
        """
        with self._told("read", path) as rules:
            location = rules.locate(path)
            self._rules.check_file(location.name)
            self._surroundings.audit("file.read", path=str(location.path))
            with descent.entered(location.folder) as folder:
                opened = descent.open_file(folder, location.name or ".")
            try:
                self._check_size(os.fstat(opened).st_size, max_bytes)
            except PathRefusedError:
                os.close(opened)
                raise
            return os.fdopen(opened, "rb")

    def read_bytes(self, path: AnyPath, max_bytes: int | None = None) -> bytes:
        """A file's content; never more than the limit, also of a file that grows meanwhile.

        Raises:
            NotAllowedError: a rule forbids it, or it is too big.
            ToolError: it cannot be read.
        """
        limit = self._settings.max_file_size if max_bytes is None else max_bytes
        with self.open(path, max_bytes) as file, self._told("read", path):
            data = file.read(limit + 1 if limit else -1)
            self._check_size(len(data), max_bytes)
            return data

    def read_text(self, path: AnyPath, encoding: str = "utf-8", max_bytes: int | None = None) -> str:
        """A file's text.

        Raises:
            NotAllowedError: a rule forbids it, or it is too big.
            ToolError: it cannot be read, or is not in this encoding.
        """
        data = self.read_bytes(path, max_bytes)
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            raise ToolError(
                f"{self._surroundings.tool}: {os.fspath(path)!r} is not {encoding} (byte {error.start} is "
                f"0x{data[error.start]:02x})"
            ) from None
        except LookupError:
            raise ToolError(f"{self._surroundings.tool}: no encoding is called {encoding!r}") from None

    def write_bytes(self, path: AnyPath, data: bytes, *, append: bool = False) -> Path:
        """Writes a file, new or there; answers its true path. It is never seen half written.

        Raises:
            NotAllowedError: a rule forbids it, or it is too big.
            ToolError: it cannot be written; nothing has changed then.
        """
        with self._told("write", path) as rules:
            location = rules.locate(path)
            self._check_written(location, data)
            self._surroundings.audit("file.append" if append else "file.write", path=str(location.path))
            with descent.entered(location.folder) as folder:
                status = self._replaceable(folder, location.name)
                if append and status is not None:
                    self._append(folder, location, status, data)
                else:
                    self._check_size(len(data))
                    self._write(folder, location.name, status, data)
            return location.path

    @contextmanager
    def writing(
        self, path: AnyPath, max_bytes: int | None = None, *, durable: bool = True
    ) -> Iterator[BinaryIO]:
        """A file to write piece by piece, which takes its place when the block ends well.

        Args:
            path: of the file.
            max_bytes: how big it may become; by default what the settings say, 0 for any size.
            durable: whether it is on the disk when the block has ended.

        Raises:
            NotAllowedError: a rule forbids it, or it has become too big.
            ToolError: it cannot be written; nothing has changed then.
        """
        with self._told("write", path) as rules:
            location = rules.locate(path)
            self._check_written(location, b"")
            self._surroundings.audit("file.write", path=str(location.path))
            with descent.entered(location.folder) as folder:
                status = self._replaceable(folder, location.name)
                mode = None if status is None else stat.S_IMODE(status.st_mode) & 0o777
                with descent.replacement(folder, location.name, mode, durable=durable) as written:
                    with os.fdopen(os.dup(written), "w+b") as file:
                        yield file
                    self._check_size(os.fstat(written).st_size, max_bytes)
                    self._check_written(location, os.pread(written, 4, 0))

    def make_folder(self, path: AnyPath, *, parents: bool = True) -> Path:
        """Makes a folder, and with `parents` those above it; it may be there. Answers its true path.

        Raises:
            NotAllowedError: a rule forbids it.
            ToolError: it cannot be made.
        """
        with self._told("make", path) as rules:
            location = rules.locate(path)
            self._surroundings.audit("file.make_folder", path=str(location.path))
            with descent.entered(location.folder, make=parents) as folder:
                if location.parts:
                    with suppress(FileExistsError):
                        os.mkdir(location.name, dir_fd=folder)
            with descent.entered(location):
                return location.path

    def remove(self, path: AnyPath, *, recursive: bool = False) -> Path:
        """Removes a file, a link (not what it leads to) or a folder; answers its path.

        Raises:
            NotAllowedError: a rule forbids it; an allowed folder itself is never removed.
            ToolError: it cannot be removed, such as a folder with something in it without `recursive`.
        """
        with self._told("remove", path) as rules:
            location = rules.locate(path, follow=False)
            if not location.parts:
                raise PathRefusedError("root", "an allowed folder itself stays")
            self._surroundings.audit("file.remove", path=str(location.path), recursive=recursive)
            with descent.entered(location.folder) as folder:
                status = os.stat(location.name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    os.unlink(location.name, dir_fd=folder)
                elif recursive:
                    shutil.rmtree(location.name, dir_fd=folder)
                else:
                    os.rmdir(location.name, dir_fd=folder)
            return location.path

    def rename(self, source: AnyPath, target: AnyPath) -> Path:
        """Moves a file, a link or a folder in one step, onto a file that may be there; answers its new path.

        Raises:
            NotAllowedError: a rule forbids it.
            ToolError: it cannot be moved.
            OSError: EXDEV: the places are on different devices, so it has to be copied.
        """
        with self._told("move", source) as rules:
            old = rules.locate(source, follow=False)
            if not old.parts:
                raise PathRefusedError("root", "an allowed folder itself stays")
            with descent.entered(old.folder) as folder:
                status = os.stat(old.name, dir_fd=folder, follow_symlinks=False)
        with self._told("write", target) as rules:
            new = rules.locate(target, follow=False)
            if not stat.S_ISDIR(status.st_mode):
                self._rules.check_file(new.name)
                with descent.entered(new.folder) as folder:
                    self._replaceable(folder, new.name)
        self._surroundings.audit("file.move", path=str(old.path), target=str(new.path))
        with self._told("move", source):
            with descent.entered(old.folder) as from_folder, descent.entered(new.folder) as to_folder:
                os.replace(old.name, new.name, src_dir_fd=from_folder, dst_dir_fd=to_folder)
                descent.sync(to_folder)
        return new.path

    def check(self, path: AnyPath) -> Path:
        """The true path that one leads to, whatever is there; nothing is opened.

        Raises:
            NotAllowedError: a rule forbids it.
        """
        with self._told("use", path) as rules:
            return rules.locate(path).path

    def allows(self, path: AnyPath) -> bool:
        """Whether no rule forbids it; nothing is noted."""
        try:
            self._rules.locate(path)
        except PathRefusedError:
            return False
        return True

    def status(self, path: AnyPath, act: str = "read") -> os.stat_result | None:
        """What is there, links followed; None if nothing is.

        Args:
            path: of the file or folder.
            act: what it is for, as a refusal says it.

        Raises:
            NotAllowedError: a rule forbids it.
            ToolError: it cannot be reached.
        """
        with self._told(act, path) as rules:
            location = rules.locate(path)
            try:
                with descent.entered(location.folder) as folder:
                    return descent.status_in(folder, location.name)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def entries(self, path: AnyPath) -> list[Entry]:
        """What lies in a folder, by name.

        Raises:
            NotAllowedError: a rule forbids it.
            ToolError: it cannot be listed.
        """
        return list(self.walk(path, 0))

    def walk(
        self,
        path: AnyPath,
        max_depth: int | None = None,
        *,
        enter: Callable[[Entry], bool] | None = None,
        skipped: Callable[[Path, str], None] | None = None,
    ) -> Iterator[Entry]:
        """What lies in a folder and, down to `max_depth` levels, in those below, by name.

        Folders come before their content; links are named but not followed.

        Args:
            path: of the folder.
            max_depth: 0 for the folder alone; by default what the settings say.
            enter: whether a folder below is listed too.
            skipped: told of each folder below that cannot be read, and why.

        Raises:
            NotAllowedError: a rule forbids it.
            ToolError: it cannot be listed.
            ToolTimeoutError: it took too long.
        """
        with self._told("list", path) as rules:
            location = rules.locate(path)
            self._surroundings.audit("file.list", path=str(location.path))
            yield from listing.below(
                location,
                Path(os.fspath(path)),
                self._settings.max_depth if max_depth is None else max_depth,
                self._surroundings,
                enter,
                skipped,
            )

    def _replaceable(self, folder: int, name: str) -> os.stat_result | None:
        """What a file that is written would replace; None if it is new."""
        if not name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        status = descent.status_in(folder, name)
        if status is None:
            return None
        if stat.S_ISLNK(status.st_mode):
            raise PathRefusedError("race", "a symbolic link has been put in its way")
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise PathRefusedError("special", "it is a device, a pipe or a socket, not a file")
        if not status.st_mode & 0o222:
            raise PermissionError(errno.EACCES, descent.READ_ONLY)
        return status

    def _write(self, folder: int, name: str, status: os.stat_result | None, data: bytes) -> None:
        mode = None if status is None else stat.S_IMODE(status.st_mode) & 0o777
        if self._settings.atomic_writes:
            with descent.replacement(folder, name, mode) as written:
                _write_all(written, data)
            return
        written = descent.open_file(folder, name, os.O_WRONLY | os.O_CREAT)
        try:
            os.ftruncate(written, 0)
            _write_all(written, data)
        finally:
            os.close(written)

    def _append(self, folder: int, location: Location, status: os.stat_result, data: bytes) -> None:
        """Adds to the file itself, so that those who add at the same time lose nothing."""
        self._check_size(status.st_size + len(data))
        if (
            status.st_nlink > 1
        ):  # its other names may lie outside of the allowed folders: they keep what they have
            opened = descent.open_file(folder, location.name)
            with os.fdopen(opened, "rb") as file:
                old = file.read(status.st_size)
            self._write(folder, location.name, status, old + data)
            return
        opened = descent.open_file(folder, location.name, os.O_WRONLY | os.O_APPEND)
        try:
            size = os.fstat(opened).st_size
            try:
                _write_all(opened, data)
                if self._settings.atomic_writes:
                    os.fsync(opened)
            except OSError:
                os.ftruncate(opened, size)
                raise
        finally:
            os.close(opened)

    def _check_written(self, location: Location, data: bytes) -> None:
        self._rules.check_file(location.name)
        self._rules.check_content(data)

    def _check_size(self, size: int, max_bytes: int | None = None) -> None:
        limit = self._settings.max_file_size if max_bytes is None else max_bytes
        if limit and size > limit:
            raise PathRefusedError("size", _too_big(size, limit, max_bytes is None))

    @contextmanager
    def _told(self, act: str, path: AnyPath) -> Iterator[PathRules]:
        """Makes errors that name the path of what goes wrong in the block; answers the rules."""
        tool, shown = self._surroundings.tool, os.fspath(path)
        try:
            if not self._surroundings.settings.runtime.security.allow_file_access:
                raise PathRefusedError("files", "the setting runtime.security.allow_file_access is false")
            if not self._settings.enabled:
                raise PathRefusedError("files", f"the setting {SECTION}.enabled is false")
            yield self._rules
        except PathRefusedError as error:
            self._surroundings.audit(f"file.{act}", path=shown, allowed=False, rule=error.rule)
            raise NotAllowedError(f"{tool} may not {act} {shown!r}: {error.reason}") from None
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise
            raise ToolError(f"{tool} cannot {act} {shown!r}: {reason_of(error)}") from error


def _write_all(opened: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(opened, left[:_CHUNK]) :]


def _too_big(size: int, limit: int, of_settings: bool) -> str:
    setting = f" ({SECTION}.max_file_size)" if of_settings else ""
    return f"it has {size:,} bytes, and the limit is {limit:,}{setting}"
