"""Files and folders: read, write, copy, move, list."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ToolError
from llmspell_kernel.library.tool.builtin.support import as_bytes
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Place, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.guards.listing import Entry
    from llmspell_kernel.library.tool.surroundings import Surroundings

CHUNK = 1 << 20

_KINDS = {"file": "file", "directory": "directory", "symlink": "symlink", "special": "other"}


class FileOperations(Tool):
    """Reads, writes, copies, moves, lists and removes files in the allowed folders.

    Text comes and goes as UTF-8; other bytes come and go as they are. A file that is written is replaced at
    once when the new one is whole and on the disk, and keeps its permissions. Times are seconds since 1970.
    """

    name, category, level = "file-operations", "filesystem", "privileged"
    aliases = ("file-ops", "filesystem")
    example: ClassVar[dict[str, Any]] = {"operation": "read", "path": f"{EXAMPLE_FOLDER}/notes.txt"}
    example_files: ClassVar[dict[str, bytes]] = {"notes.txt": b"Buy milk"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal[
                "read", "write", "append", "delete", "create_dir", "list_dir", "copy", "move", "metadata",
                "exists",
            ],
            Meta(description="What to do."),
        ]  # fmt: skip
        path: Annotated[str, Meta(description="The file or folder.")] = ""
        input: Annotated[
            Any,
            Meta(description="What to write or append.", extra_json_schema={"type": "string"}),
        ] = None
        source_path: Annotated[str, Meta(description="What to copy or move; `path` if not given.")] = ""
        target_path: Annotated[
            str, Meta(description="Where to copy or move it: its new name, or a folder that is there.")
        ] = ""
        recursive: Annotated[
            bool,
            Meta(
                description="Whether folders are copied, removed and listed with all that is in them, and "
                "made with those above them."
            ),
        ] = False

    @classmethod
    def place(cls, given: Any) -> Place:
        """Whatever may take a while, such as waiting for a disk, does not keep the caller's thread."""
        return "here" if given.operation in ("exists", "metadata", "create_dir") else "thread"

    @operation("read", needs=("path",))
    def read(self, given: Parameters, tools: Surroundings) -> object:
        """The content of a file: {path, input, content, size}; `input` and `content` are the same."""
        data = tools.files.read_bytes(given.path)
        content: str | bytes
        try:
            content = data.decode()
        except UnicodeDecodeError:
            content = data
        return {"path": given.path, "input": content, "content": content, "size": len(data)}

    @operation("write", needs=("path", "input"), acts=True)
    def write(self, given: Parameters, tools: Surroundings) -> object:
        """Writes `input` to a file in place of what is in it: {path, size, bytes_written}."""
        data = as_bytes(self.name, "input", given.input)
        tools.files.write_bytes(given.path, data)
        return {"path": given.path, "size": len(data), "bytes_written": len(data)}

    @operation("append", needs=("path", "input"), acts=True)
    def append(self, given: Parameters, tools: Surroundings) -> object:
        """Writes `input` behind what is in a file: {path, size, bytes_written}."""
        data = as_bytes(self.name, "input", given.input)
        tools.files.write_bytes(given.path, data, append=True)
        status = tools.files.status(given.path)
        return {
            "path": given.path,
            "size": status.st_size if status is not None else len(data),
            "bytes_written": len(data),
        }

    @operation("delete", "rm", "remove", needs=("path",), acts=True)
    def delete(self, given: Parameters, tools: Surroundings) -> object:
        """Removes a file, a link or a folder, with `recursive` also a full one: {path, deleted}."""
        tools.files.remove(given.path, recursive=given.recursive)
        return {"path": given.path, "deleted": True}

    @operation("create_dir", "mkdir", needs=("path",), acts=True)
    def create_dir(self, given: Parameters, tools: Surroundings) -> object:
        """Makes a folder, with `recursive` also those above it: {path, created}."""
        new = tools.files.status(given.path) is None
        tools.files.make_folder(given.path, parents=given.recursive)
        return {"path": given.path, "created": new}

    @operation("list_dir", "ls", "dir", "list", needs=("path",))
    def list_dir(self, given: Parameters, tools: Surroundings) -> object:
        """What is in a folder: {path, entries, count, truncated}; entries are {name, type, size, ...}."""
        deepest = tools.files.max_depth if given.recursive else 0
        walked = list(tools.files.walk(given.path, deepest + given.recursive))
        found = [
            {
                "name": str(entry.path.relative_to(given.path)),
                "path": str(entry.path),
                "type": _KINDS[entry.kind],
                "size": entry.size,
                "modified": entry.status.st_mtime,
            }
            for entry in walked
            if entry.depth <= deepest
        ]
        return {
            "path": given.path,
            "entries": found,
            "count": len(found),
            "truncated": len(found) < len(walked),
        }

    @operation("copy", "cp", needs=("target_path",), acts=True)
    def copy(self, given: Parameters, tools: Surroundings) -> object:
        """Copies a file, with `recursive` a folder: {source_path, target_path, files, size}."""
        source, target = self._two(given, tools)
        files, size = copied(source, target, tools, self.name, recursive=given.recursive)
        return {"source_path": source, "target_path": target, "files": files, "size": size}

    @operation("move", "mv", "rename", needs=("target_path",), acts=True)
    def move(self, given: Parameters, tools: Surroundings) -> object:
        """Moves or renames a file or a folder: {source_path, target_path}."""
        source, target = self._two(given, tools)
        try:
            tools.files.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copied(source, target, tools, self.name, recursive=True, whole=True)  # to another disk
            tools.files.remove(source, recursive=True)
        return {"source_path": source, "target_path": target}

    @operation("metadata", "stat", "info", needs=("path",))
    def metadata(self, given: Parameters, tools: Surroundings) -> object:
        """Facts about what is there: {path, type, size, readonly, permissions, modified, accessed, ...}."""
        status = tools.files.status(given.path)
        if status is None:
            raise ToolError(f"{self.name} cannot read {given.path!r}: no such file or directory")
        mode = status.st_mode
        return {
            "path": given.path,
            "type": _type(mode),
            "is_file": stat.S_ISREG(mode),
            "is_dir": stat.S_ISDIR(mode),
            "size": status.st_size,
            "readonly": not mode & 0o222,
            "permissions": f"{stat.S_IMODE(mode):04o}",
            "modified": status.st_mtime,
            "accessed": status.st_atime,
            "changed": status.st_ctime,
            "extension": Path(given.path).suffix.lstrip("."),
        }

    @operation("exists", needs=("path",))
    def exists(self, given: Parameters, tools: Surroundings) -> object:
        """Whether something is there: {path, exists, type}."""
        status = tools.files.status(given.path)
        found: dict[str, Any] = {"path": given.path, "exists": status is not None}
        if status is not None:
            found["type"] = _type(status.st_mode)
        return found

    def _two(self, given: Parameters, tools: Surroundings) -> tuple[str, str]:
        """From where to where; a target that is a folder is where the source comes into."""
        source = given.source_path or given.path
        if not source:
            raise ToolError(
                f"{self.name}: the operation {given.operation!r} needs the parameter 'source_path'"
            )
        target = given.target_path
        status = tools.files.status(target, "write")
        if status is not None and stat.S_ISDIR(status.st_mode):
            target = os.path.join(target, os.path.basename(source.rstrip("/")))
        return source, target


def copied(
    source: str, target: str, tools: Surroundings, tool: str, *, recursive: bool, whole: bool = False
) -> tuple[int, int]:
    """Copies a file or a folder; answers how many files and how many bytes that were.

    Args:
        source: what.
        target: its new name.
        tools: what may be touched.
        tool: the name of the tool.
        recursive: whether folders are copied.
        whole: whether all must be copied; otherwise links, which may lead anywhere, devices, pipes and
            sockets are left out.

    Raises:
        NotAllowedError: a rule forbids a file.
        ToolError: it does not work.
    """
    status = tools.files.status(source)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return 1, _copied_file(source, target, tools, None if status is None else status.st_mode)
    if not recursive:
        raise ToolError(f"{tool}: {source!r} is a folder; give recursive=true to copy it with what is in it")
    if tools.files.check(target).is_relative_to(tools.files.check(source)):
        raise ToolError(f"{tool}: {source!r} cannot be copied into itself ({target!r})")
    entries = _everything(source, tools, tool)
    if whole and (left := [each for each in entries if each.kind not in ("file", "directory")]):
        raise ToolError(
            f"{tool}: {str(left[0].path)!r} cannot be moved to another disk: it is no file or folder"
        )
    tools.files.make_folder(target, parents=False)
    files = size = 0
    for entry in entries:
        to = os.path.join(target, entry.path.relative_to(source))
        if entry.kind == "directory":
            tools.files.make_folder(to, parents=False)
        elif entry.kind == "file":
            size += _copied_file(str(entry.path), to, tools, entry.status.st_mode)
            files += 1
    return files, size


def _everything(source: str, tools: Surroundings, tool: str) -> list[Entry]:
    """What is in a folder and those below.

    Raises:
        ToolError: it is too deep, or cannot all be read: half of it would be lost.
    """

    def unreadable(path: Path, reason: str) -> None:
        raise ToolError(f"{tool} cannot read {str(path)!r}: {reason}")

    deepest = tools.files.max_depth
    found = list(tools.files.walk(source, deepest + 1, skipped=unreadable))
    if too_deep := [each for each in found if each.depth > deepest]:
        raise ToolError(
            f"{tool}: {str(too_deep[0].path)!r} is more than {deepest} levels deep "
            "(tools.file_operations.max_depth)"
        )
    return found


def _copied_file(source: str, target: str, tools: Surroundings, mode: int | None) -> int:
    size = 0
    with tools.files.open(source) as old:
        if tools.files.check(source) == tools.files.check(target):
            raise ToolError(f"{tools.tool}: {source!r} and {target!r} are the same file")
        with tools.files.writing(target) as new:
            while data := old.read(CHUNK):
                tools.seconds_left  # noqa: B018 - raises when the time is over
                size += new.write(data)
            if mode is not None:
                os.fchmod(new.fileno(), stat.S_IMODE(mode) & 0o777)
    return size


def _type(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"
