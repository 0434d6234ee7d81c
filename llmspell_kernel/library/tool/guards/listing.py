"""What lies in folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmspell_kernel.library.tool.guards import descent
from llmspell_kernel.library.tool.guards.paths import Location, PathRefusedError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_TURN = 1000
"""Entries after which is looked whether there is time left."""


class Entry(NamedTuple):
    """What lies in a folder.

    Attributes:
        path: where, below the folder that was asked for, as it was asked for.
        kind: `file`, `directory`, `symlink` (not followed) or `special`.
        status: of the link itself if it is one.
        depth: 0 for what lies in the folder itself.
    """

    path: Path
    kind: str
    status: os.stat_result
    depth: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.status.st_size


def below(
    location: Location,
    shown: Path,
    deepest: int,
    surroundings: Surroundings,
    enter: Callable[[Entry], bool] | None,
    skipped: Callable[[Path, str], None] | None,
) -> Iterator[Entry]:
    """What `FileGuard.walk` answers; `shown` is the folder as it was asked for.

    Raises:
        OSError: the folder itself cannot be listed.
        PathRefusedError: a link has come in its way.
        ToolTimeoutError: it took too long.
    """
    first = _listed(location, shown, 0, surroundings)
    waiting = [(location, each) for each in reversed(first)]
    while waiting:
        within, entry = waiting.pop()
        yield entry
        if entry.kind != "directory" or entry.depth >= deepest or (enter and not enter(entry)):
            continue
        folder = within.within(entry.path.name)
        try:
            found = _listed(folder, entry.path, entry.depth + 1, surroundings)
        except (OSError, PathRefusedError) as error:
            if skipped is not None:
                skipped(entry.path, reason_of(error))
            continue
        waiting += [(folder, each) for each in reversed(found)]


def reason_of(error: OSError | PathRefusedError) -> str:
    """What to say of an error, without the path."""
    if isinstance(error, PathRefusedError):
        return error.reason
    if error.errno == errno.EACCES and error.strerror == descent.READ_ONLY:
        return descent.READ_ONLY
    return (error.strerror or str(error)).lower()


def _listed(location: Location, shown: Path, depth: int, surroundings: Surroundings) -> list[Entry]:
    found: list[Entry] = []
    with descent.listed(location) as folder, os.scandir(folder) as entries:
        for each in entries:
            if not len(found) % _TURN:
                surroundings.seconds_left  # noqa: B018 - raises when the time is over
            status = descent.status_in(folder, each.name)
            if status is not None:
                found.append(Entry(shown / each.name, descent.kind_of(status.st_mode), status, depth))
    return sorted(found, key=lambda entry: entry.path.name)
