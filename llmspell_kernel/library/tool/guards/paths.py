"""Which paths tools may use: the rules, which look at names only and open nothing."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.tools.file_operations import FileOperations

SECTION = "tools.file_operations"

_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")
"""No ordinary files lie there: refused in an allowed folder such as `/`, unless one is in there itself."""

_NAME_BYTES, _PATH_BYTES = 255, 4096

_SPELLINGS = 3
"""How often a path is decoded when looking for hidden `..`: `%252e` needs two rounds."""


_PROGRAMS = {
    b"\x7fELF": ("so",),
    b"MZ": ("exe", "dll"),
    b"\xfe\xed\xfa\xce": ("dylib",),
    b"\xfe\xed\xfa\xcf": ("dylib",),
    b"\xce\xfa\xed\xfe": ("dylib",),
    b"\xcf\xfa\xed\xfe": ("dylib",),
}
"""How programs begin, and the extensions whose blocking forbids to write them under any name."""


class PathRefusedError(Exception):
    """A rule forbids a path.

    Attributes:
        rule: a word for the audit.
        reason: ends the sentence "TOOL may not read PATH: ...".
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


class Location(NamedTuple):
    """A place in an allowed folder: the folder, free of links, and the names that lead on from there."""

    root: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        """All of it."""
        return self.root.joinpath(*self.parts)

    @property
    def name(self) -> str:
        """The last name; empty for the allowed folder itself."""
        return self.parts[-1] if self.parts else ""

    @property
    def folder(self) -> Location:
        """Where it lies; of the allowed folder, that folder."""
        return Location(self.root, self.parts[:-1])

    def within(self, name: str) -> Location:
        """What is called so in there."""
        return Location(self.root, (*self.parts, name))


class PathRules:
    """The rules as the settings have them."""

    def __init__(self, settings: FileOperations) -> None:
        self._settings = settings
        self.roots = tuple(
            Path(os.path.realpath(os.path.expanduser(each))) for each in settings.allowed_paths
        )
        self._blocked = {each.lower().lstrip(".") for each in settings.blocked_extensions}
        self._allowed = {each.lower().lstrip(".") for each in settings.allowed_extensions}

    def locate(self, path: str | os.PathLike[str], *, follow: bool = True) -> Location:
        """Where a path leads, links followed; relative ones start in the working directory.

        Args:
            path: need not exist.
            follow: whether a link at the very end is followed.

        Raises:
            PathRefusedError: it is no path, leads out of the allowed folders, or its name is forbidden.
        """
        text = os.fspath(path)
        self._check_spelling(text)
        text = os.path.abspath(text)
        if follow:
            real = os.path.realpath(text)
        else:
            folder, name = os.path.split(text)
            real = os.path.join(os.path.realpath(folder), name)
        location = self._within(Path(real))
        for name in {os.path.basename(text), location.name}:
            self.check_extension(name)
        return location

    def check_extension(self, name: str) -> None:
        """Refuses names of forbidden kinds, however the name tries to look like another one.

        Raises:
            PathRefusedError: the extension is blocked.
        """
        extension = extension_of(name)
        if extension in self._blocked:
            raise PathRefusedError("extension", f".{extension} is forbidden by {SECTION}.blocked_extensions")

    def check_file(self, name: str) -> None:
        """As `check_extension`, for what is known to be a file.

        Raises:
            PathRefusedError: the extension is blocked, or is not among the allowed ones.
        """
        self.check_extension(name)
        if self._allowed and extension_of(name) not in self._allowed:
            extension = extension_of(name)
            raise PathRefusedError(
                "extension",
                f"{f'.{extension}' if extension else 'a name without extension'} is not among "
                f"{SECTION}.allowed_extensions",
            )

    def check_content(self, data: bytes) -> None:
        """Refuses what begins like a program whose extensions are blocked, if the settings say so.

        Raises:
            PathRefusedError: it does.
        """
        if self._settings.validate_file_types:
            for start, extensions in _PROGRAMS.items():
                if data.startswith(start):
                    for each in extensions:
                        self.check_extension(f"x.{each}")

    def _check_spelling(self, text: str) -> None:
        if not text:
            raise PathRefusedError("empty", "a path cannot be empty")
        if "\0" in text:
            raise PathRefusedError("nul", "a path cannot have a NUL byte")
        try:
            encoded = os.fsencode(text)
        except UnicodeEncodeError:
            raise PathRefusedError("encoding", "it cannot be encoded for the file system") from None
        if len(encoded) >= _PATH_BYTES or any(len(each) > _NAME_BYTES for each in encoded.split(b"/")):
            raise PathRefusedError(
                "length", f"names have at most {_NAME_BYTES} bytes, paths {_PATH_BYTES - 1}"
            )
        if hides_traversal(text):
            raise PathRefusedError("traversal", "Path traversal detected; name the file without `..`")

    def _within(self, real: Path) -> Location:
        matching = [each for each in self.roots if real.is_relative_to(each)]
        if not matching:
            allowed = ", ".join(str(each) for each in self.roots) or "none"
            raise PathRefusedError(
                "outside",
                f"it lies outside of the allowed folders ({allowed}), which {SECTION}.allowed_paths names",
            )
        root = max(matching, key=lambda each: len(each.parts))
        for each in _KERNEL_FOLDERS:
            if real.is_relative_to(each) and not root.is_relative_to(each):
                raise PathRefusedError(
                    "special", f"{each} holds no ordinary files; name it in {SECTION}.allowed_paths"
                )
        return Location(root, real.relative_to(root).parts)


def hides_traversal(text: str) -> bool:
    """Whether a path has `..`, also behind backslashes, percent signs or look-alikes of dot and slash."""
    for _ in range(_SPELLINGS):
        plain = (
            unicodedata.normalize("NFKC", text)
            .replace("\\", "/")
            .replace("\u2215", "/")
            .replace("\u2044", "/")
        )
        if any(each.strip(" \t\r\n") == ".." for each in plain.split("/")):
            return True
        decoded = unquote(text)
        if decoded == text:
            return False
        text = decoded
    return True


def extension_of(name: str) -> str:
    """The extension in small letters without its dot, as any system would see it.

    Trailing dots, spaces and version numbers (`lib.so.1.2`), streams (`a.exe:b`) and wide letters hide
    nothing.
    """
    plain = unicodedata.normalize("NFKC", name).split(":")[0].split("\0")[0].rstrip(". \t\r\n").casefold()
    parts = plain.split(".")[1:]
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    return parts[-1].strip() if parts else ""
