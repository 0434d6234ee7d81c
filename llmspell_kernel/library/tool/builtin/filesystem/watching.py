"""What changes in folders."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import Place, Tool, operation

if TYPE_CHECKING:
    from watchfiles.main import FileChange

    from llmspell_kernel.library.tool.surroundings import Surroundings

    _Changes = set[FileChange]

_TURN_MS = 50
"""How often is looked whether anybody still waits."""

_DEEPEST = 100
"""Levels of folders that are watched below one."""

_TRIES = 10
"""How often a watch is begun anew when folders vanish meanwhile."""

_LONGEST_BURST_MS = 2000
"""Changes that go on without a pause are told after that."""


class FileWatcher(Tool):
    """Waits for files in the allowed folders to be made, changed or removed.

    It answers when `max_events` have come or the time is over, whichever is first; an interrupt ends it.
    Links are not followed. What happened to a file within a burst is told so that the last is how it is now.
    """

    name, category, level = "file-watcher", "filesystem", "restricted"
    example: ClassVar[dict[str, Any]] = {"operation": "config", "input": ["/tmp"], "pattern": "*.txt"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["watch", "config"], Meta(description="Whether to wait, or to tell what would be watched.")
        ]
        input: Annotated[
            list[str] | str,
            Meta(description="The files and folders to watch, or one of them."),
        ] = []
        recursive: Annotated[bool, Meta(description="Whether folders below are watched too.")] = True
        pattern: Annotated[str, Meta(description="Which names count, such as `*.lua`; any if empty.")] = ""
        debounce_ms: Annotated[
            int,
            Meta(ge=0, le=10_000, description="Milliseconds without a change after which a burst is over."),
        ] = 100
        timeout_seconds: Annotated[float, Meta(ge=0, le=86_400, description="How long to wait.")] = 300.0
        timeout_ms: Annotated[
            Annotated[int, Meta(ge=0, le=86_400_000)] | None,
            Meta(description="The same in milliseconds; it comes before the other."),
        ] = None
        max_events: Annotated[int, Meta(ge=1, le=100_000, description="Changes after which to answer.")] = (
            1000
        )

    @classmethod
    def place(cls, given: Any) -> Place:
        """Waiting is for a thread."""
        return "thread" if given.operation == "watch" else "here"

    @classmethod
    def limit(cls, given: Any) -> float:
        """What the call says itself, and a moment to answer."""
        return _seconds(given) + 10

    @operation("watch", needs=("input",))
    def watch(self, given: Parameters, tools: Surroundings) -> object:
        """Waits for changes: {events, event_count, timed_out}; events are {path, type, timestamp}."""
        with needed(self.name, "watchfiles"):
            from watchfiles import Change
        kinds = {Change.added: "created", Change.modified: "modified", Change.deleted: "deleted"}
        paths = [tools.files.readable(each) for each in self._watched(given)]
        deadline = time.monotonic() + _seconds(given)
        events: list[dict[str, Any]] = []
        for changes in self._bursts(given, paths, tools):
            now = time.time()
            for path in sorted({path for _, path in changes}):
                # A folder that was replaced by a link meanwhile may have led the watch out.
                if not (_wanted(path, paths, given.pattern) and tools.files.allows(path)):
                    continue
                order = [Change.added, Change.modified, Change.deleted]
                if os.path.lexists(path):
                    order = [Change.deleted, Change.added, Change.modified]
                events += (
                    {"path": path, "type": kinds[change], "timestamp": now}
                    for change in order
                    if (change, path) in changes
                )
            del events[given.max_events :]
            if len(events) >= given.max_events or time.monotonic() >= deadline:
                break
        return {
            "events": events,
            "event_count": len(events),
            "timed_out": len(events) < given.max_events,
        }

    @operation("config")
    def config(self, given: Parameters, tools: Surroundings) -> object:
        """What would be watched, and how: {paths, recursive, pattern, debounce_ms, timeout_seconds, ...}."""
        return {
            "paths": [str(tools.files.readable(each)) for each in _paths(given)],
            "recursive": given.recursive,
            "pattern": given.pattern,
            "debounce_ms": given.debounce_ms,
            "timeout_seconds": _seconds(given),
            "max_events": given.max_events,
        }

    def _bursts(self, given: Parameters, paths: list[Path], tools: Surroundings) -> Iterator[_Changes]:
        """What has changed, again and again; nothing in between, so that the caller can look at the time.

        The folders are watched one by one: the library would follow links, wherever they lead.
        """
        from watchfiles import Change

        changes, watching, folders = self._begun(given, paths, tools)
        made: _Changes = set()
        while True:
            # What was made while one watch took over from another may be told by both.
            changes -= {each for each in made if (Change.deleted, each[1]) not in changes}
            made = set()
            if given.recursive and any(
                path in folders if change is Change.deleted else change is Change.added and _is_folder(path)
                for change, path in changes
            ):
                before, old = folders, watching
                begun, watching, folders = self._begun(given, paths, tools)
                changes |= begun | next(old, set())
                old.close()
                # What came into new folders before they were watched.
                changes |= {(Change.added, each) for each in _content(folders - before, tools)}
                made = {each for each in changes if each[0] is Change.added}
            yield changes
            following = next(watching, None)
            if following is None:
                return
            changes = following

    def _begun(
        self, given: Parameters, paths: list[Path], tools: Surroundings
    ) -> tuple[_Changes, Generator[_Changes, None, None], set[str]]:
        """The first changes of a watch that has begun, the watch, and the folders below the paths it is for.

        Raises:
            ToolError: the folders come and go too fast.
        """
        from watchfiles import watch

        for _ in range(_TRIES):
            folders = _below(paths, tools) if given.recursive else set()
            watching = watch(
                *(each for each in paths if each.exists()),
                *folders,
                watch_filter=None,
                debounce=max(given.debounce_ms, _LONGEST_BURST_MS),
                step=max(given.debounce_ms, 1),
                stop_event=tools.cancelled,
                rust_timeout=_TURN_MS,
                yield_on_timeout=True,
                recursive=False,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            with suppress(FileNotFoundError):
                return next(watching, set()), watching, folders
        raise ToolError(f"{self.name}: the folders that it should watch come and go too fast")

    def _watched(self, given: Parameters) -> list[str]:
        paths = _paths(given)
        if not paths:
            raise ParameterError(self.name, ["input is empty: name the files and folders to watch"])
        return paths


def _paths(given: Any) -> list[str]:
    return [given.input] if isinstance(given.input, str) else given.input


def _seconds(given: Any) -> float:
    """How long to wait."""
    return float(given.timeout_seconds if given.timeout_ms is None else given.timeout_ms / 1000)


def _wanted(path: str, watched: list[Path], pattern: str) -> bool:
    """Whether the name, or the path below what is watched, is as wanted."""
    if not pattern:
        return True
    below = [str(Path(path).relative_to(each)) for each in watched if Path(path).is_relative_to(each)]
    return any(fnmatch(each, pattern) for each in (Path(path).name, *below))


def _below(paths: list[Path], tools: Surroundings) -> set[str]:
    """The folders below, without those that links lead to."""
    return {
        str(entry.path)
        for path in paths
        if path.is_dir()
        for entry in tools.files.walk(path, _DEEPEST)
        if entry.kind == "directory"
    }


def _content(folders: set[str], tools: Surroundings) -> Iterator[str]:
    """What lies in them; folders that are gone have nothing."""
    for folder in sorted(folders):
        with suppress(ToolError):
            yield from (str(entry.path) for entry in tools.files.entries(folder))


def _is_folder(path: str) -> bool:
    """Whether a folder is there, not a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)
