"""What is in an archive that a stranger has made.

Nothing that an archive says of itself is believed: names are checked before anything is unpacked, and
sizes are counted while it is.
"""

from __future__ import annotations

import datetime
import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Literal, NamedTuple, NoReturn, cast

from llmspell_kernel.config.sections.tools.archive import Archive
from llmspell_kernel.errors import NotAllowedError, ToolError

SECTION = "tools.archive"

_CHUNK = 1 << 16

_FREE_BYTES = 10_000_000
"""What unpacks to less is no bomb, however small it was."""

_ZIP_LOCAL_HEADER = 30

_DRIVE = re.compile("[A-Za-z]:")

_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    NotImplementedError,
    OverflowError,
    ValueError,
    KeyError,
)
"""What the libraries raise for archives that are none, or are damaged."""


Kind = Literal["file", "directory", "symlink", "hardlink", "other"]
"""What a member is; `other` are devices, pipes and the like."""


class Member(NamedTuple):
    """Something in an archive.

    Attributes:
        name: its path, free of tricks.
        kind: what it is.
        size: unpacked, as the archive has it.
        packed: as it is in the archive; None if that cannot be told.
        modified: seconds since 1970, or what there is instead; None if it is not known.
        key: for `Reader.content`.
        target: what a link leads to, unchecked; empty if that is not known.
    """

    name: str
    kind: Kind
    size: int
    packed: int | None
    modified: float | None
    key: object
    target: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.kind == "directory"

    @property
    def is_plain(self) -> bool:
        """Whether it is a file or a folder, and so may be unpacked."""
        return self.kind in ("file", "directory")


class Reader(ABC):
    """An open archive of one format."""

    format: str

    def __init__(self, file: BinaryIO, size: int, limits: Archive, tool: str) -> None:
        """`size` is that of the archive itself, in bytes."""
        self.file = file
        self.size = size
        self.limits = limits
        self.tool = tool

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """What is in it, without limits; also links and devices.

        Raises:
            NotAllowedError: a name leads out of the folder.
        """

    @abstractmethod
    def content(self, member: Member) -> IO[bytes]:
        """A file in it, to read."""

    def checked_members(self) -> list[Member]:
        """All that is in it; also links and devices, which must not be unpacked.

        Raises:
            NotAllowedError: there is too much, or a name leads out of the folder or is there twice.
            ToolError: it is damaged.
        """
        found: list[Member] = []
        names: set[str] = set()
        total = 0
        with self.told():
            for member in self.members():
                found.append(member)
                total += member.size
                if len(found) > self.limits.max_files:
                    self.refuse(f"it has more than {self.limits.max_files:,} files ({SECTION}.max_files)")
                if member.size > self.limits.max_file_size:
                    self._refuse_size(member.name, member.size)
                self.check_total(total)
                if not member.is_folder and member.name in names:
                    self.refuse(f"{member.name!r} is in it twice")
                names.add(member.name)
        return found

    def chunks(self, member: Member) -> Iterator[bytes]:
        """The content of a file in it; more than the limit is never unpacked.

        Raises:
            NotAllowedError: it is too big, whatever the archive has said.
            ToolError: it is damaged.
        """
        size = 0
        with self.told(), self.content(member) as content:
            while data := content.read(_CHUNK):
                size += len(data)
                if size > self.limits.max_file_size:
                    self._refuse_size(member.name, size)
                yield data

    def check_total(self, total: int) -> None:
        """Whether that many bytes may be unpacked in all.

        Raises:
            NotAllowedError: they may not.
        """
        if total > self.limits.max_total_size:
            self.refuse(
                f"it unpacks to more than {self.limits.max_total_size:,} bytes ({SECTION}.max_total_size)"
            )
        if total > _FREE_BYTES and total > self.limits.max_ratio * max(self.size, 1):
            self.refuse(
                f"it unpacks to more than {self.limits.max_ratio} times its size ({SECTION}.max_ratio): that "
                "is a bomb"
            )

    def refuse(self, reason: str) -> NoReturn:
        """Ends the work on this archive.

        Raises:
            NotAllowedError: always.
        """
        raise NotAllowedError(f"{self.tool} does not unpack this archive: {reason}")

    def _refuse_size(self, name: str, size: int) -> NoReturn:
        limit = self.limits.max_file_size
        self.refuse(
            f"{name!r} has {size:,} bytes or more, and the limit is {limit:,} ({SECTION}.max_file_size)"
        )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Makes errors of what the libraries say of damaged archives."""
        try:
            yield
        except _BROKEN as error:
            raise ToolError(
                f"{self.tool}: the archive is damaged, or is no {self.format}: {error}"
            ) from error
        except RuntimeError as error:  # what zipfile raises for those with a password
            raise ToolError(f"{self.tool}: the archive cannot be read: {error}") from error

    def safe_name(self, name: str) -> str:
        """The path of a member without what does not matter.

        Raises:
            NotAllowedError: it leads out of the folder that the archive is unpacked in, or is no name.
        """
        plain = name.replace("\\", "/")
        parts = [each for each in plain.split("/") if each not in ("", ".")]
        if plain.startswith("/") or ".." in parts or _DRIVE.match(plain):
            self.refuse(f"Path traversal detected: {name!r} leads out of the folder")
        if not parts or any(ord(each) < 32 for each in plain):
            self.refuse(f"{name!r} is no name for a file")
        return "/".join(parts)


class ZipReader(Reader):
    """A ZIP file."""

    format = "zip"

    def members(self) -> Iterator[Member]:
        """As in the directory at its end."""
        self._zip = zipfile.ZipFile(self.file)
        infos = self._zip.infolist()
        self._check_overlaps(infos)
        for info in infos:
            kind = (info.external_attr >> 16) & 0o170000
            name = self.safe_name(info.filename)
            size = info.file_size
            what: Kind = "directory" if info.is_dir() else "file"
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                what, size = "symlink" if kind == stat.S_IFLNK else "other", 0
            yield Member(name, what, size, info.compress_size, _zip_time(info), info)

    def content(self, member: Member) -> IO[bytes]:
        """Opens it."""
        assert isinstance(member.key, zipfile.ZipInfo)
        return self._zip.open(member.key)

    def _check_overlaps(self, infos: list[zipfile.ZipInfo]) -> None:
        """Files that share their bytes make small archives that unpack to huge ones."""
        end = 0
        for info in sorted(infos, key=lambda each: each.header_offset):
            if info.header_offset < end:
                self.refuse(f"{info.filename!r} overlaps another file: that is a bomb")
            end = info.header_offset + _ZIP_LOCAL_HEADER + info.compress_size


class TarReader(Reader):
    """A tar file, packed or not."""

    def __init__(self, file: BinaryIO, size: int, limits: Archive, tool: str) -> None:
        super().__init__(file, size, limits, tool)
        self.format = "tar.gz" if file.read(2) == b"\x1f\x8b" else "tar"
        file.seek(0)

    def members(self) -> Iterator[Member]:
        """One after the other, as they come."""
        self._tar = tarfile.open(fileobj=self.file, mode="r:gz" if self.format == "tar.gz" else "r:")
        for info in self._tar:
            if info.isdir() and info.name.strip("./") == "":
                continue
            name = self.safe_name(info.name)
            kind, target = _tar_kind(info), info.linkname if info.issym() or info.islnk() else ""
            size = info.size if kind == "file" else 0
            yield Member(name, kind, size, None, float(info.mtime), info, target)

    def content(self, member: Member) -> IO[bytes]:
        """Opens it."""
        assert isinstance(member.key, tarfile.TarInfo)
        content = self._tar.extractfile(member.key)
        assert content is not None
        return content


class GzipReader(Reader):
    """A single file, packed by gzip."""

    format = "gz"

    def __init__(self, file: BinaryIO, size: int, limits: Archive, tool: str, name: str) -> None:
        """`name` is what it is unpacked as."""
        super().__init__(file, size, limits, tool)
        self._name = name

    def members(self) -> Iterator[Member]:
        """The file; its size is known when all of it has been unpacked."""
        member = Member(self.safe_name(self._name), "file", 0, self.size, None, None)
        size = 0
        for data in self.chunks(member):
            size += len(data)
            self.check_total(size)
        yield member._replace(size=size)

    def content(self, member: Member) -> IO[bytes]:
        """Opens it, from the start."""
        self.file.seek(0)
        return cast(IO[bytes], gzip.GzipFile(fileobj=self.file))


def _zip_time(info: zipfile.ZipInfo) -> float | None:
    try:
        return datetime.datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _tar_kind(info: tarfile.TarInfo) -> Kind:
    if info.isreg():
        return "file"
    if info.isdir():
        return "directory"
    if info.issym():
        return "symlink"
    return "hardlink" if info.islnk() else "other"
