"""Messages with levels and modules."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from fnmatch import translate
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.records import record

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.debug import Debug

LEVELS = ("trace", "debug", "info", "warn", "error", "off")
"""From the least to the most; `off` is above all messages."""

_PATTERN_SECONDS = 0.1

_FILTER_KINDS = ("exact", "wildcard", "regex", "hierarchical")


@record
class Message:
    """One message; `time` is in UTC, `data` any JSON-like value."""

    time: datetime
    level: str
    text: str
    module: str
    data: Any = None

    def table(self) -> dict[str, Any]:
        """As scripts see it."""
        entry = {
            "timestamp": self.time.isoformat(),
            "level": self.level.upper(),
            "message": self.text,
            "module": self.module or None,
            "metadata": self.data,
        }
        return {name: value for name, value in entry.items() if value is not None}


@record
class Filter:
    """Whether the messages of the modules that match are written."""

    pattern: str
    kind: str
    enabled: bool
    matches: Callable[[str], object]


class DebugLog:
    """Takes messages, keeps the latest and writes those that are wanted."""

    def __init__(self, settings: Debug, write: Callable[[str], None]) -> None:
        """`write` gets each wanted message as a line."""
        self.enabled = settings.enabled
        self._level = LEVELS.index(settings.level)
        self._write = write
        self._as_json = settings.output.format == "json"
        buffer = settings.output.buffer
        self._kept: deque[Message] = deque(maxlen=buffer.max_entries if buffer.enabled else 0)
        self.default_wanted = True
        self._filters: list[Filter] = []
        for pattern in settings.module_filters.disabled:
            self.add_filter(pattern, "wildcard", False)
        for pattern in settings.module_filters.enabled:
            self.add_filter(pattern, "wildcard", True)

    @property
    def level(self) -> str:
        """The least that is written."""
        return LEVELS[self._level]

    @level.setter
    def level(self, level: str) -> None:
        self._level = self._index(level, "Debug.setLevel")

    def log(self, level: str, text: str, module: str = "", data: Any = None) -> None:
        """Takes a message.

        Raises:
            ScriptError: no such level.
        """
        index = self._index(level, "Debug.log")
        message = Message(datetime.now(UTC), LEVELS[index], text, module, data)
        self._kept.append(message)
        if self.enabled and index >= self._level and self.is_wanted(module):
            self._write(self._line(message))

    def is_wanted(self, module: str) -> bool:
        """What the filters say of a module; the one added last counts."""
        for each in reversed(self._filters):
            if each.matches(module):
                return each.enabled
        return self.default_wanted

    def add_filter(self, pattern: str, kind: str, enabled: bool) -> None:
        """Adds a filter; one with the same pattern goes.

        Args:
            pattern: of module names.
            kind: `exact`, `wildcard` (`net.*`), `regex`, or `hierarchical` (a module and all below it).
            enabled: whether messages of these modules are written.

        Raises:
            ScriptError: no such kind, or a regular expression that is none.
        """
        self.remove_filter(pattern)
        self._filters.append(Filter(pattern, kind, enabled, _matcher(pattern, kind)))

    def remove_filter(self, pattern: str) -> bool:
        """Removes a filter; whether there was one."""
        before = len(self._filters)
        self._filters = [each for each in self._filters if each.pattern != pattern]
        return len(self._filters) < before

    def clear_filters(self) -> None:
        """Removes all filters."""
        self._filters.clear()

    def filters(self) -> dict[str, Any]:
        """The filters, in the order they were added."""
        return {
            "default_enabled": self.default_wanted,
            "rules": [
                {"pattern": each.pattern, "type": each.kind, "enabled": each.enabled}
                for each in self._filters
            ],
        }

    def kept(self, limit: int | None = None) -> list[Message]:
        """The latest messages, the oldest first."""
        messages = list(self._kept)
        return messages if limit is None else messages[max(len(messages) - limit, 0) :]

    def clear(self) -> None:
        """Forgets what is kept."""
        self._kept.clear()

    def _line(self, message: Message) -> str:
        if self._as_json:
            return json.dumps(message.table(), ensure_ascii=False, default=str)
        module = f" {message.module}:" if message.module else ""
        data = (
            f" {json.dumps(message.data, ensure_ascii=False, default=str)}"
            if message.data is not None
            else ""
        )
        return f"[{message.level.upper()}]{module} {message.text}{data}"

    def _index(self, level: str, func: str) -> int:
        name = {"warning": "warn"}.get(level.lower(), level.lower())
        if name not in LEVELS or (name == "off" and func == "Debug.log"):
            known: Iterable[str] = LEVELS[:-1] if func == "Debug.log" else LEVELS
            raise ScriptError(
                f"bad argument 'level' to '{func}' ({', '.join(known)} expected, got {level!r})"
            )
        return LEVELS.index(name)


def _matcher(pattern: str, kind: str) -> Callable[[str], object]:
    if kind == "exact":
        return lambda module: module == pattern
    if kind == "hierarchical":
        return lambda module: module == pattern or module.startswith((f"{pattern}.", f"{pattern}::"))
    if kind == "wildcard":
        return re.compile(translate(pattern)).match
    if kind == "regex":
        return _regex_matcher(pattern)
    raise ScriptError(f"no kind of filter is called {kind!r}; there are {', '.join(_FILTER_KINDS)}")


def _regex_matcher(pattern: str) -> Callable[[str], object]:
    # Python's own cannot be ended: some patterns take for ever on the wrong text.
    import regex

    try:
        search = regex.compile(pattern).search
    except regex.error as error:
        raise ScriptError(f"the filter {pattern!r} is no regular expression: {error}") from None

    def matches(module: str) -> object:
        try:
            return search(module, timeout=_PATTERN_SECONDS)
        except TimeoutError:
            raise ScriptError(
                f"the filter {pattern!r} takes longer than {_PATTERN_SECONDS} s for {module[:40]!r}: "
                "take another expression, without repetitions of repetitions"
            ) from None

    return matches
