"""What changes in folders."""

from __future__ import annotations

import time
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import Place, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_TURN_MS = 50
"""How often is looked whether anybody still waits."""

_DEEPEST = 100
"""Levels of folders in which is looked for links that lead elsewhere."""

_LONGEST_BURST_MS = 2000
"""Changes that go on without a pause are told after that."""


class FileWatcher(Tool):
    """Waits for files in the allowed folders to be made, changed or removed.

    It answers when `max_events` have come or the time is over, whichever is first; an interrupt ends it.
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
        ]
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

    @operation("watch")
    def watch(self, given: Parameters, tools: Surroundings) -> object:
        """Waits for changes: {events, event_count, timed_out}; events are {path, type, timestamp}."""
        with needed(self.name, "watchfiles"):
            from watchfiles import Change, watch
        kinds = {Change.added: "created", Change.modified: "modified", Change.deleted: "deleted"}
        paths = [tools.files.readable(each) for each in self._paths(given)]
        if given.recursive:
            for each in paths:
                self._check_links(each, tools)
        deadline = time.monotonic() + _seconds(given)
        events: list[dict[str, Any]] = []
        watching = watch(
            *paths,
            watch_filter=None,
            debounce=max(given.debounce_ms, _LONGEST_BURST_MS),
            step=max(given.debounce_ms, 1),
            stop_event=tools.cancelled,
            rust_timeout=_TURN_MS,
            yield_on_timeout=True,
            recursive=given.recursive,
            raise_interrupt=False,
        )
        for changes in watching:
            now = time.time()
            for change, path in sorted(changes, key=lambda each: each[1]):
                # A link that was made meanwhile may have led the watch out of the allowed folders.
                if not (_wanted(path, paths, given.pattern) and tools.files.allows(path)):
                    continue
                if len(events) < given.max_events:
                    events.append({"path": path, "type": kinds[change], "timestamp": now})
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
            "paths": [str(tools.files.readable(each)) for each in self._paths(given)],
            "recursive": given.recursive,
            "pattern": given.pattern,
            "debounce_ms": given.debounce_ms,
            "timeout_seconds": _seconds(given),
            "max_events": given.max_events,
        }

    def _check_links(self, path: Path, tools: Surroundings) -> None:
        """Refuses folders whose links would have others watched.

        Raises:
            NotAllowedError: there is such a link.
        """
        for entry in tools.files.walk(path, _DEEPEST) if path.is_dir() else ():
            if entry.kind == "symlink" and not tools.files.allows(entry.path):
                raise NotAllowedError(
                    f"{self.name} may not watch {str(path)!r}: {str(entry.path)!r} is a link that leads out "
                    "of the allowed folders; give recursive=false, or name the folders below it one by one"
                )

    def _paths(self, given: Parameters) -> list[str]:
        paths = [given.input] if isinstance(given.input, str) else given.input
        if not paths:
            raise ParameterError(self.name, ["input is empty: name the files and folders to watch"])
        return paths


def _seconds(given: Any) -> float:
    """How long to wait."""
    return float(given.timeout_seconds if given.timeout_ms is None else given.timeout_ms / 1000)


def _wanted(path: str, watched: list[Path], pattern: str) -> bool:
    """Whether the name, or the path below what is watched, is as wanted."""
    if not pattern:
        return True
    below = [str(Path(path).relative_to(each)) for each in watched if Path(path).is_relative_to(each)]
    return any(fnmatch(each, pattern) for each in (Path(path).name, *below))
