"""ZIP and tar files."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, ClassVar, Literal, NamedTuple

from msgspec import Meta, Struct, field

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.filesystem.archive_reading import (
    GzipReader,
    Member,
    Reader,
    TarReader,
    ZipReader,
)
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_ENDINGS = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz", ".gz": "gz"}

_MAGIC = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz"}

_CHUNK = 1 << 20

_DEEPEST = 100
"""Levels of folders that go into an archive."""


class _Source(NamedTuple):
    """What goes into an archive: a file or a folder, and what it is called in there."""

    path: str
    name: str
    is_folder: bool
    status: os.stat_result


class ArchiveHandler(Tool):
    """Unpacks, makes and lists archives: zip, tar, tar.gz (tgz) and gz.

    An archive with anything in it that leads out of the target folder, or with too much, is refused before
    its first file is written; so is one with links or devices, unless they are to be skipped: none is ever
    made. Files that are there are replaced.
    """

    name, category, level = "archive-handler", "filesystem", "restricted"
    runs = "process"
    time_limit = 120.0
    example: ClassVar[dict[str, Any]] = {
        "operation": "create",
        "path": f"{EXAMPLE_FOLDER}/notes.zip",
        "input": [f"{EXAMPLE_FOLDER}/notes.txt"],
    }
    example_files: ClassVar[dict[str, bytes]] = {"notes.txt": b"Buy milk"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["extract", "create", "list"], Meta(description="What to do.")]
        path: Annotated[
            str, Meta(min_length=1, description="The archive; its ending says which format a new one has.")
        ]
        target_path: Annotated[
            str,
            Meta(description="The folder to unpack in, made if it is missing; the archive's own if empty."),
        ] = ""
        input: Annotated[
            list[str] | str, Meta(description="The files and folders to put into a new archive.")
        ] = field(default_factory=list)
        links: Annotated[
            Literal["refuse", "skip"],
            Meta(description="Whether links and devices have an archive refused, or are left out."),
        ] = "refuse"

    @operation("extract", "unpack", "unzip", acts=True)
    def extract(self, given: Parameters, tools: Surroundings) -> object:
        """Unpacks it: {extracted_files, file_count, total_size, output_dir, format, skipped}."""
        output = given.target_path or os.path.dirname(given.path) or os.curdir
        with ExitStack() as stack:
            reader = self._opened(given.path, tools, stack)
            found = reader.checked_members()
            members = [each for each in found if each.is_plain]
            skipped = [each.name for each in found if not each.is_plain]
            if skipped and given.links == "refuse":
                reader.refuse(
                    f"{skipped[0]!r} is a link or a device, not a file; give links='skip' to leave such out"
                )
            root = tools.files.check(output)
            targets = {each.name: os.path.join(output, each.name) for each in members}
            for name, target in targets.items():
                if not tools.files.check(target).is_relative_to(root):
                    reader.refuse(f"a link leads {name!r} out of {output!r}")
            total, names = self._unpack_all(reader, members, targets, tools)
        return {
            "extracted_files": names,
            "file_count": len(names),
            "total_size": total,
            "output_dir": output,
            "format": reader.format,
            "skipped": skipped,
        }

    @operation("list")
    def contents(self, given: Parameters, tools: Surroundings) -> object:
        """What is in it: {format, files, file_count, total_size}; files are {name, type, size, ...}."""
        with ExitStack() as stack:
            reader = self._opened(given.path, tools, stack)
            members = reader.checked_members()
        return {
            "format": reader.format,
            "files": [_shown(each) for each in members],
            "file_count": sum(each.kind == "file" for each in members),
            "total_size": sum(each.size for each in members),
        }

    @operation("create", "pack", "zip", needs=("input",), acts=True)
    def create(self, given: Parameters, tools: Surroundings) -> object:
        """Makes an archive, without links: {archive_path, format, files_added, total_size, archive_size}."""
        form = _format_by_name(given.path)
        if form is None:
            raise ParameterError(
                self.name, [f"path must end with {', '.join(_ENDINGS)}, so that the format is known"]
            )
        sources = self._sources(given, tools)
        files = [each for each in sources if not each.is_folder]
        if form == "gz" and (len(sources), len(files)) != (1, 1):
            raise ParameterError(self.name, ["a .gz has a single file in it: make a .tar.gz of several"])
        limit = tools.settings.tools.archive.max_total_size
        with tools.files.writing(given.path, limit) as archive:
            total = _WRITERS[form](archive, sources, _Reading(tools))
            size = archive.tell()
        return {
            "archive_path": given.path,
            "format": form,
            "files_added": len(files),
            "total_size": total,
            "archive_size": size,
        }

    def _opened(self, path: str, tools: Surroundings, stack: ExitStack) -> Reader:
        limits = tools.settings.tools.archive
        file = stack.enter_context(tools.files.open(path, limits.max_total_size))
        size = os.fstat(file.fileno()).st_size
        form = _format_by_name(path)
        start = file.read(4)
        found = next((form for magic, form in _MAGIC.items() if start.startswith(magic)), None)
        file.seek(0)
        if found == "zip":
            return ZipReader(file, size, limits, self.name)
        if form in ("tar", "tar.gz"):
            return TarReader(file, size, limits, self.name)
        if found == "gz":
            name = os.path.basename(path)
            return GzipReader(file, size, limits, self.name, name.removesuffix(".gz") or name)
        raise ToolError(f"{self.name}: {path!r} is no archive; it reads zip, tar, tar.gz and gz")

    def _unpack_all(
        self, reader: Reader, members: list[Member], targets: dict[str, str], tools: Surroundings
    ) -> tuple[int, list[str]]:
        """Writes them all; answers the bytes and the names of the files."""
        made: set[str] = set()
        total, names = 0, []
        for member in members:
            target = targets[member.name]
            folder = target if member.is_folder else os.path.dirname(target) or os.curdir
            if folder not in made:
                tools.files.make_folder(folder)
                made.add(folder)
            if member.is_folder:
                continue
            # Who unpacks can do it again: no waiting for the disk after each file.
            with tools.files.writing(target, reader.limits.max_file_size, durable=False) as file:
                for data in reader.chunks(member):
                    tools.seconds_left  # noqa: B018 - raises when the time is over
                    total += file.write(data)
                    reader.check_total(total)
            names.append(member.name)
        return total, names

    def _sources(self, given: Parameters, tools: Surroundings) -> list[_Source]:
        """All that goes in, folders before what is in them."""
        limits = tools.settings.tools.archive
        given_paths = [given.input] if isinstance(given.input, str) else given.input
        if not given_paths:
            raise ParameterError(self.name, ["input is empty: name the files and folders to put in"])
        archive = tools.files.check(given.path)
        found: dict[str, _Source] = {}
        total = 0
        for source in (each for path in given_paths for each in _below(path, tools)):
            if tools.files.check(source.path) == archive:
                continue
            if source.name in found:
                raise ToolError(f"{self.name}: two things would be called {source.name!r} in the archive")
            found[source.name] = source
            total += 0 if source.is_folder else source.status.st_size
            if len(found) > limits.max_files or total > limits.max_total_size:
                raise NotAllowedError(
                    f"{self.name} does not make this archive: it would have more than {limits.max_files:,} "
                    f"files or {limits.max_total_size:,} bytes (tools.archive.max_files, .max_total_size)"
                )
        return [*found.values()]


class _Reading:
    """Reads what goes into an archive."""

    def __init__(self, tools: Surroundings) -> None:
        self._tools = tools
        self.total = 0

    def open(self, source: _Source) -> BinaryIO:
        """A file, to read."""
        return self._tools.files.open(source.path, self._tools.settings.tools.archive.max_file_size)

    def chunks(self, source: _Source) -> Iterator[bytes]:
        """Its content."""
        with self.open(source) as file:
            while data := file.read(_CHUNK):
                self._tools.seconds_left  # noqa: B018 - raises when the time is over
                self.total += len(data)
                yield data


def _write_zip(archive: BinaryIO, sources: list[_Source], reading: _Reading) -> int:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for source in sources:
            when = time.localtime(max(source.status.st_mtime, 315_532_800 + 86_400))  # ZIP begins in 1980
            info = zipfile.ZipInfo(source.name + ("/" if source.is_folder else ""), when[:6])
            info.external_attr = (source.status.st_mode & 0xFFFF) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            if source.is_folder:
                target.writestr(info, b"")
                continue
            with target.open(info, "w") as file:
                for data in reading.chunks(source):
                    file.write(data)
    return reading.total


def _write_tar(archive: BinaryIO, sources: list[_Source], reading: _Reading) -> int:
    return _write_tar_as("w:", archive, sources, reading)


def _write_tar_gz(archive: BinaryIO, sources: list[_Source], reading: _Reading) -> int:
    return _write_tar_as("w:gz", archive, sources, reading)


def _write_tar_as(
    mode: Literal["w:", "w:gz"], archive: BinaryIO, sources: list[_Source], reading: _Reading
) -> int:
    with tarfile.open(fileobj=archive, mode=mode) as target:
        for source in sources:
            info = tarfile.TarInfo(source.name)
            info.mtime = int(source.status.st_mtime)
            info.mode = stat.S_IMODE(source.status.st_mode) & 0o777
            if source.is_folder:
                info.type = tarfile.DIRTYPE
                target.addfile(info)
                continue
            data = b"".join(reading.chunks(source))  # a file that grows meanwhile would break the archive
            info.size = len(data)
            target.addfile(info, io.BytesIO(data))
    return reading.total


def _write_gz(archive: BinaryIO, sources: list[_Source], reading: _Reading) -> int:
    (source,) = sources
    with gzip.GzipFile(source.name, "wb", fileobj=archive, mtime=source.status.st_mtime) as target:
        for data in reading.chunks(source):
            target.write(data)
    return reading.total


_WRITERS: dict[str, Callable[[BinaryIO, list[_Source], _Reading], int]] = {
    "zip": _write_zip,
    "tar": _write_tar,
    "tar.gz": _write_tar_gz,
    "gz": _write_gz,
}


def _below(path: str, tools: Surroundings) -> Iterator[_Source]:
    """A file, or a folder and all that is in it, by their names in an archive."""
    status = tools.files.status(path)
    if status is None:
        raise ToolError(f"{tools.tool} cannot read {path!r}: no such file or directory")
    base = os.path.basename(os.path.normpath(tools.files.check(path)))
    yield _Source(path, base, stat.S_ISDIR(status.st_mode), status)
    if stat.S_ISDIR(status.st_mode):

        def unreadable(folder: Path, reason: str) -> None:
            raise ToolError(f"{tools.tool} cannot read {str(folder)!r}: {reason}")

        for entry in tools.files.walk(path, _DEEPEST + 1, skipped=unreadable):
            if entry.depth > _DEEPEST:
                raise ToolError(f"{tools.tool}: {str(entry.path)!r} is more than {_DEEPEST} levels deep")
            if entry.kind in ("file", "directory"):
                name = f"{base}/{entry.path.relative_to(path)}"
                yield _Source(str(entry.path), name, entry.kind == "directory", entry.status)


def _format_by_name(path: str) -> str | None:
    small = path.lower()
    endings = sorted(_ENDINGS, key=len, reverse=True)
    return next((_ENDINGS[each] for each in endings if small.endswith(each)), None)


def _shown(member: Member) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": member.name,
        "type": member.kind,
        "size": member.size,
    }
    if member.packed is not None:
        shown["compressed_size"] = member.packed
    if member.target:
        shown["target"] = member.target
    if member.modified is not None:
        shown["modified"] = member.modified
    return shown
