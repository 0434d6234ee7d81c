"""Paths as a client writes them and as this process does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

_DRIVE = re.compile(r"[A-Za-z]:([\\/]|$)")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder at the client and the same folder here; without a trailing separator."""

    local: str
    remote: str

    @classmethod
    def of(cls, local: str, remote: str) -> Folder:
        """From what a user wrote."""
        return cls(_strip(local), _strip(remote))


def _strip(path: str) -> str:
    """Without separators at the end, but for a root."""
    stripped = path.rstrip("/\\") if _is_windows(path) else path.rstrip("/")
    return stripped or path[:1]


def _is_windows(path: str) -> bool:
    return _DRIVE.match(path) is not None or path.startswith("\\\\")


def _below(path: str, folder: str) -> str | None:
    """What follows `folder` in `path`, with slashes; none if it lies elsewhere.

    Windows paths are compared as Windows does: either slash, letters of either case.
    """
    plain, root = path, folder
    if _is_windows(folder):
        path = path.replace("\\", "/")
        plain, root = path.lower(), folder.replace("\\", "/").lower()
    if plain == root:
        return ""
    root = root if root.endswith("/") else f"{root}/"
    return path[len(root) :] if plain.startswith(root) else None


def _join(folder: str, rest: str) -> str:
    if not rest:
        return folder
    separator = "\\" if _is_windows(folder) and "/" not in folder else "/"
    rest = rest.replace("/", separator)
    return f"{folder}{rest}" if folder.endswith(separator) else f"{folder}{separator}{rest}"


class Paths:
    """Translates the paths of one client, both ways.

    Of several folders that fit, the deepest counts. A path that leads to the file of a known source by
    other symbolic links is understood, and shown again as the client wrote it.
    """

    def __init__(
        self,
        folders: Sequence[Folder] = (),
        *,
        uris: bool = False,
        known: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Without folders, paths are the same on both sides.

        Args:
            folders: what is called differently.
            uris: the client writes `file:` addresses.
            known: the paths of the sources that are known.
        """
        self._uris = uris
        self._known = known
        self._inward = sorted(folders, key=lambda folder: len(folder.local), reverse=True)
        self._outward = sorted(folders, key=lambda folder: len(folder.remote), reverse=True)
        self._written: dict[str, str] = {}

    def to_ours(self, path: str) -> str:
        """A client's path as this process knows it."""
        ours = _from_uri(path) if self._uris else path
        for folder in self._inward:
            rest = _below(ours, folder.local)
            if rest is not None:
                ours = _join(folder.remote, rest)
                break
        same = self._same_file(ours)
        if same is None:
            return ours
        self._written[same] = path
        return same

    def _same_file(self, path: str) -> str | None:
        """The path by which the file at `path` is known, if it is another one."""
        if not os.path.isabs(path):
            return None
        known = set(self._known())
        if path in known:
            return None
        for other in known:
            with suppress(OSError):
                if os.path.samefile(path, other):
                    return other
        return None

    def to_client(self, path: str) -> str:
        """A path of this process as the client knows it."""
        written = self._written.get(path)
        if written is not None:
            return written
        for folder in self._outward:
            rest = _below(path, folder.remote)
            if rest is not None:
                path = _join(folder.local, rest)
                break
        return _to_uri(path) if self._uris else path


def _from_uri(uri: str) -> str:
    if not uri.startswith("file:"):
        return uri
    path = unquote(urlsplit(uri).path)
    return path[1:] if _DRIVE.match(path[1:]) else path


def _to_uri(path: str) -> str:
    if not path.startswith("/") and not _is_windows(path):
        return path  # a name, not a file
    path = path.replace("\\", "/") if _is_windows(path) else path
    return f"file://{quote(path if path.startswith('/') else f'/{path}', safe='/:')}"
