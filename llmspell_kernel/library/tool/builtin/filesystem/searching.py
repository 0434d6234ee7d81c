"""Text in files."""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta, Struct, field

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError, ToolTimeoutError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Place, Tool

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.guards.listing import Entry
    from llmspell_kernel.library.tool.surroundings import Surroundings

_MOST_MATCHES = 10_000
"""What a whole search finds at most."""

_LINE = 2_000
"""Letters of a line that are shown."""

_PEEK = 8192
"""Bytes in which a NUL shows that a file is no text."""

_PATTERN_SECONDS = 2.0
"""Seconds that a pattern may take for one line: patterns can be made that take for ever."""

Finder = Callable[[str, int], tuple[int, int] | None]
"""From a line and where to begin to where the next match begins and ends."""


class _Counts(NamedTuple):
    files: int
    with_matches: int
    matches: int


class FileSearch(Tool):
    """Finds a text or a regular expression in files of the allowed folders, line by line.

    Files that are no text or too big are skipped and named in `skipped_files`. Links in folders are not
    followed. 10,000 matches end a search: `summary.truncated` is true then.
    """

    name, category, level = "file-search", "filesystem", "restricted"
    aliases = ("grep",)
    example: ClassVar[dict[str, Any]] = {
        "pattern": "TODO",
        "path": EXAMPLE_FOLDER,
        "include_extensions": ["lua"],
    }
    example_files: ClassVar[dict[str, bytes]] = {"main.lua": b"print('hello')\n-- TODO: say it in Lua\n"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        pattern: Annotated[str, Meta(min_length=1, max_length=10_000, description="What to find.")]
        path: Annotated[str, Meta(min_length=1, description="The file or folder to look in.")]
        recursive: Annotated[bool, Meta(description="Whether to look in the folders below too.")] = False
        case_sensitive: Annotated[bool, Meta(description="Whether capital and small letters differ.")] = True
        use_regex: Annotated[
            bool, Meta(description="Whether the pattern is a regular expression (those of Python).")
        ] = False
        context_lines: Annotated[
            int, Meta(ge=0, le=100, description="Lines before and after a match that are shown too.")
        ] = 2
        include_extensions: Annotated[
            list[str], Meta(description="Only files with these extensions; any if empty.")
        ] = field(default_factory=list)
        exclude_extensions: Annotated[list[str], Meta(description="No files with these extensions.")] = field(
            default_factory=list
        )
        exclude_dirs: Annotated[list[str], Meta(description="Names of folders that are left out.")] = field(
            default_factory=list
        )
        max_file_size: Annotated[int, Meta(ge=0, description="Bytes; bigger files are skipped.")] = 10_000_000
        max_matches_per_file: Annotated[
            int, Meta(ge=0, description="Matches of one file; 0 for any number.")
        ] = 0
        max_depth: Annotated[
            int, Meta(ge=0, le=100, description="Levels of folders that `recursive` goes down.")
        ] = 20

    @classmethod
    def place(cls, given: Any) -> Place:
        """Strangers' patterns run where they can be ended."""
        return "process" if given.use_regex else "thread"

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {matches, summary, skipped_files}."""
        find = self._finder(given, tools)
        matches: list[dict[str, Any]] = []
        skipped: list[dict[str, str]] = []
        files = with_matches = 0

        def skip(path: Path, reason: str) -> None:
            skipped.append({"file_path": str(path), "reason": reason})

        for path, size in self._files(given, tools, skip):
            if size > given.max_file_size:
                skip(path, f"it has {size:,} bytes, more than max_file_size")
                continue
            before = len(matches)
            try:
                lines = self._lines(path, given, tools)
            except (NotAllowedError, ToolError) as error:
                if isinstance(error, ToolTimeoutError):
                    raise
                skip(path, str(error))
                continue
            if lines is None:
                skip(path, "it is no text")
                continue
            files += 1
            room = _MOST_MATCHES - len(matches)
            limit = min(room, given.max_matches_per_file or room)
            matches += _matches(str(path), lines, find, given.context_lines, limit)
            with_matches += len(matches) > before
            if len(matches) >= _MOST_MATCHES:
                break
        counts = _Counts(files, with_matches, len(matches))
        return {"matches": matches, "summary": _summary(counts, len(skipped)), "skipped_files": skipped}

    def _files(
        self, given: Parameters, tools: Surroundings, skip: Callable[[Path, str], None]
    ) -> Iterator[tuple[Path, int]]:
        """The files to look in, and their sizes."""
        status = tools.files.status(given.path)
        if status is None:
            raise ToolError(f"{self.name} cannot read {given.path!r}: no such file or directory")
        if not stat.S_ISDIR(status.st_mode):
            yield Path(given.path), status.st_size
            return
        include, exclude = _extensions(given.include_extensions), _extensions(given.exclude_extensions)
        left_out = set(given.exclude_dirs)

        def enter(entry: Entry) -> bool:
            return entry.path.name not in left_out

        depth = given.max_depth if given.recursive else 0
        for entry in tools.files.walk(given.path, depth, enter=enter, skipped=skip):
            suffix = entry.path.suffix.lower().lstrip(".")
            if entry.kind == "file" and suffix not in exclude and (not include or suffix in include):
                yield entry.path, entry.size

    def _lines(self, path: Path, given: Parameters, tools: Surroundings) -> list[str] | None:
        """A file's lines; None if it is no text. What is no UTF-8 in it is shown as U+FFFD."""
        tools.seconds_left  # noqa: B018 - raises when the time is over
        data = tools.files.read_bytes(path, given.max_file_size or None)
        if b"\0" in data[:_PEEK]:
            return None
        return data.decode("utf-8", "replace").split("\n")

    def _finder(self, given: Parameters, tools: Surroundings) -> Finder:
        if not given.use_regex:
            flags = 0 if given.case_sensitive else re.IGNORECASE
            literal = re.compile(re.escape(given.pattern), flags)

            def find_literal(line: str, start: int) -> tuple[int, int] | None:
                found = literal.search(line, start)
                return found.span() if found else None

            return find_literal
        with needed(self.name, "regex"):
            import regex
        try:
            pattern = regex.compile(given.pattern, 0 if given.case_sensitive else regex.IGNORECASE)
        except regex.error as error:
            raise ParameterError(
                self.name, [f"pattern is no regular expression: {error} ({given.pattern!r})"]
            ) from None

        def find(line: str, start: int) -> tuple[int, int] | None:
            try:
                found = pattern.search(line, start, timeout=min(_PATTERN_SECONDS, tools.seconds_left))
            except TimeoutError:
                raise ToolTimeoutError(
                    f"{self.name}: the pattern {given.pattern!r} takes too long for a line; write it without "
                    "repetitions within repetitions"
                ) from None
            return (found.start(), found.end()) if found else None

        return find


def _matches(path: str, lines: list[str], find: Finder, around: int, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before: deque[str] = deque(maxlen=around)
    for number, raw in enumerate(lines):
        line = raw.removesuffix("\r")
        start = 0
        while start <= len(line) and len(found) < limit and (span := find(line, start)):
            first, last = span
            found.append(
                {
                    "file_path": path,
                    "line_number": number + 1,
                    "column_number": first + 1,
                    "line_content": line[:_LINE],
                    "matched_text": line[first : min(last, first + _LINE)],
                    "context_before": list(before),
                    "context_after": [
                        each.removesuffix("\r")[:_LINE] for each in lines[number + 1 : number + 1 + around]
                    ],
                }
            )
            start = max(last, first + 1)
        if len(found) >= limit:
            break
        before.append(line[:_LINE])
    return found


def _summary(counts: _Counts, skipped: int) -> dict[str, Any]:
    return {
        "files_searched": counts.files,
        "files_with_matches": counts.with_matches,
        "total_matches": counts.matches,
        "files_skipped": skipped,
        "truncated": counts.matches >= _MOST_MATCHES,
    }


def _extensions(names: list[str]) -> set[str]:
    return {os.path.basename(each).lower().lstrip(".") for each in names}
