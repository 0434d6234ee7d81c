"""What differs between two texts, files or JSON values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import depth_of, limited, missing
from llmspell_kernel.library.tool.contract import Place, Tool

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_SIZE = 10 * 1024 * 1024
"""Characters of each side."""

QUICK = 4096
"""Characters up to which a comparison is done on the caller's thread: it may be quadratic."""

MAX_DEPTH = 200

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class DiffCalculator(Tool):
    """Compares two texts line by line, or two JSON values by their paths.

    A text diff in the unified format is what `patch` takes. Files are given by `old_file` and `new_file`.
    """

    name, category, level = "diff-calculator", "utility", "safe"
    aliases = ("diff",)
    example: ClassVar[dict[str, Any]] = {"old_text": "one\ntwo\n", "new_text": "one\nthree\n"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        type: Annotated[
            Literal["text", "json"] | None,
            Meta(description="What is compared; json if `old_json` or `new_json` is given, else text."),
        ] = None
        old_text: Annotated[str | None, Meta(description="The text before.")] = None
        new_text: Annotated[str | None, Meta(description="The text after.")] = None
        old_json: Annotated[Any, Meta(description="The value before; a string is read as JSON.")] = None
        new_json: Annotated[Any, Meta(description="The value after; a string is read as JSON.")] = None
        old_file: Annotated[str, Meta(description="The file before, of text or JSON.")] = ""
        new_file: Annotated[str, Meta(description="The file after, of text or JSON.")] = ""
        format: Annotated[
            Literal["unified", "context", "inline", "simple"],
            Meta(
                description="Of a text diff: unified and context are those of diff(1), simple has a sign "
                "before each line, inline marks [-words-] {+in+} lines."
            ),
        ] = "unified"
        context_lines: Annotated[
            int, Meta(description="Equal lines shown around changes, for unified and context.", ge=0, le=1000)
        ] = 3

    @classmethod
    def place(cls, given: Any) -> Place:
        """Only short texts are compared on the caller's thread."""
        size = len(given.old_text or "") + len(given.new_text or "")
        plain = (
            not given.old_file and not given.new_file and given.old_json is None and given.new_json is None
        )
        return "here" if plain and size <= QUICK else "process"

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {type, format, diff, stats} for texts and {type, diff, summary} for JSON."""
        as_json = given.type == "json" or (
            given.type is None and (given.old_json is not None or given.new_json is not None)
        )
        return self._values(given, tools) if as_json else self._texts(given, tools)

    def _texts(self, given: Parameters, tools: Surroundings) -> object:
        old = self._text("old", given.old_text, given.old_file, tools)
        new = self._text("new", given.new_text, given.new_file, tools)
        before, after = _lines(old), _lines(new)
        names = given.old_file or "old", given.new_file or "new"
        if given.format == "unified":
            lines = difflib.unified_diff(before, after, *names, n=given.context_lines)
        elif given.format == "context":
            lines = difflib.context_diff(before, after, *names, n=given.context_lines)
        elif given.format == "simple":
            lines = _simple(before, after)
        else:
            lines = _inline(before, after)
        return {
            "type": "text",
            "format": given.format,
            "diff": "".join(_ended(lines)),
            "stats": _stats(before, after),
            "identical": old == new,
        }

    def _text(self, side: str, text: str | None, path: str, tools: Surroundings) -> str:
        if text is not None and path:
            raise ParameterError(self.name, [f"give either {side}_text or {side}_file, not both"])
        if text is None:
            if not path:
                raise missing(self.name, f"{side}_text", f"the {side} text, or {side}_file")
            text = tools.files.read_bytes(path, MAX_SIZE).decode("utf-8", "replace")
        limited(self.name, f"the length of the {side} text", len(text), MAX_SIZE)
        return text

    def _values(self, given: Parameters, tools: Surroundings) -> object:
        old = self._value("old", given.old_json, given.old_file, tools)
        new = self._value("new", given.new_json, given.new_file, tools)
        changes = list(_changes(old, new, "$"))
        counted = {kind: sum(each["op"] == kind for each in changes) for kind in ("add", "remove", "replace")}
        return {
            "type": "json",
            "diff": changes,
            "summary": {
                "added": counted["add"],
                "removed": counted["remove"],
                "modified": counted["replace"],
                "total_changes": len(changes),
            },
            "identical": not changes,
        }

    def _value(self, side: str, value: Any, path: str, tools: Surroundings) -> Any:
        if path:
            value = tools.files.read_bytes(path, MAX_SIZE)
        elif value is None:
            raise missing(self.name, f"{side}_json", f"the {side} value, or {side}_file")
        if isinstance(value, str | bytes):
            limited(self.name, f"the size of {side}_json", len(value), MAX_SIZE)
            try:
                value = msgspec.json.decode(value)
            except ValueError as error:
                raise ParameterError(self.name, [f"{side}_json is no JSON: {error}"]) from error
            except RecursionError as error:
                raise ParameterError(self.name, [f"{side}_json is JSON that is nested too deeply"]) from error
        limited(self.name, f"the depth of {side}_json", depth_of(value, MAX_DEPTH), MAX_DEPTH)
        return value


def _lines(text: str) -> list[str]:
    """By newlines only: other characters that end a line are part of it, as for diff(1)."""
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _simple(before: list[str], after: list[str]) -> Iterator[str]:
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            yield from (f"  {line}" for line in before[a1:a2])
        else:
            yield from (f"- {line}" for line in before[a1:a2])
            yield from (f"+ {line}" for line in after[b1:b2])


def _inline(before: list[str], after: list[str]) -> Iterator[str]:
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            yield from before[a1:a2]
            continue
        pairs = min(a2 - a1, b2 - b1)
        for old, new in zip(before[a1 : a1 + pairs], after[b1 : b1 + pairs], strict=True):
            yield _marked(old.rstrip("\n"), new.rstrip("\n")) + "\n"
        yield from (f"[-{line.rstrip(chr(10))}-]\n" for line in before[a1 + pairs : a2])
        yield from (f"{{+{line.rstrip(chr(10))}+}}\n" for line in after[b1 + pairs : b2])


def _marked(old: str, new: str) -> str:
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    parts = []
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            parts += before[a1:a2]
            continue
        parts += [f"[-{''.join(before[a1:a2])}-]"] if a2 > a1 else []
        parts += [f"{{+{''.join(after[b1:b2])}+}}"] if b2 > b1 else []
    return "".join(parts)


def _stats(before: list[str], after: list[str]) -> dict[str, int]:
    """Lines that stand for others count as modified, and neither as added nor as removed."""
    stats = {"added": 0, "removed": 0, "modified": 0, "unchanged": 0}
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            stats["unchanged"] += a2 - a1
            continue
        pairs = min(a2 - a1, b2 - b1)
        stats["modified"] += pairs
        stats["removed"] += a2 - a1 - pairs
        stats["added"] += b2 - b1 - pairs
    return stats


def _changes(old: Any, new: Any, path: str) -> Iterator[dict[str, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            if key not in new:
                yield {"op": "remove", "path": _member(path, key), "old": old[key]}
            else:
                yield from _changes(old[key], new[key], _member(path, key))
        for key in new:
            if key not in old:
                yield {"op": "add", "path": _member(path, key), "new": new[key]}
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(old, new, path)
    elif type(old) is not type(new) or old != new:
        # True equals 1, and 1 equals 1.0: only the latter are the same in JSON.
        if not (_is_number(old) and _is_number(new) and old == new):
            yield {"op": "replace", "path": path, "old": old, "new": new}


def _list_changes(old: list[Any], new: list[Any], path: str) -> Iterator[dict[str, Any]]:
    """By the contents, so that an element put in front is one change."""
    before = [msgspec.json.encode(each, order="deterministic") for each in old]
    after = [msgspec.json.encode(each, order="deterministic") for each in new]
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        pairs = min(a2 - a1, b2 - b1)
        for at in range(pairs):
            yield from _changes(old[a1 + at], new[b1 + at], f"{path}[{a1 + at}]")
        for at in range(a1 + pairs, a2):
            yield {"op": "remove", "path": f"{path}[{at}]", "old": old[at]}
        for at in range(b1 + pairs, b2):
            yield {"op": "add", "path": f"{path}[{at}]", "new": new[at]}


def _member(path: str, key: object) -> str:
    text = str(key)
    return f"{path}.{text}" if text.isidentifier() else f"{path}[{msgspec.json.encode(text).decode()}]"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
