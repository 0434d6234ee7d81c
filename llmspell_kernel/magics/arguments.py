"""What a magic takes, read from the usage line that its help shows.

`%timeit [-n LOOPS] [-r RUNS] CODE`: options in brackets, with a value if a word follows; then values,
optional in brackets, several with `...`. A value called CODE or COMMAND is the rest of the line as it was
typed; everything else is cut into words as a shell does. `--` ends the options.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from llmspell_kernel.errors import MagicError

RAW = frozenset(("CODE", "COMMAND", "SETTING"))
"""Values that are the rest of the line, quotes and all."""

_ITEM = re.compile(
    r"\[(?P<option>--?[\w-]+)(?: (?P<metavar>[A-Z]+))?\]"
    r"|(?P<open>\[)?(?P<value>[A-Z][A-Z=|-]*)(?P<many> \.\.\.)?\]?"
)
_WORD = re.compile(r"""\s*((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+)""")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What one call gave: `options` by name without dashes, `values` as words, `text` as typed."""

    options: dict[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    text: str = ""

    def flag(self, name: str) -> bool:
        """Whether an option is there."""
        return name in self.options

    def number(self, name: str) -> int | None:
        """The value of an option that wants a positive whole number, None if it is not there.

        Raises:
            MagicError: the value is none.
        """
        text = self.options.get(name)
        if text is None:
            return None
        if not text.isdecimal() or int(text) == 0:
            raise MagicError(f"the option {dashed(name)} wants a whole number from 1 on, not {text!r}")
        return int(text)


def dashed(name: str) -> str:
    """An option as it is typed."""
    return f"-{name}" if len(name) == 1 else f"--{name}"


class Usage:
    """A usage line and how to read arguments by it."""

    def __init__(self, text: str) -> None:
        """Reads `%name ...` or `%%name ...`."""
        self.text = text
        head, _, rest = text.partition(" ")
        self.name = head.lstrip("%")
        self.is_cell = head.startswith("%%")
        self.options: dict[str, str] = {}
        self.required = 0
        self.allowed = 0
        self.many = self.raw = self.passes = False
        for item in _ITEM.finditer(rest):
            if item["option"]:
                self.options[item["option"].lstrip("-")] = item["metavar"] or ""
                continue
            self.raw = self.raw or item["value"] in RAW
            self.passes = self.passes or item["value"] == "ARGS"
            self.many = self.many or bool(item["many"])
            self.required += not item["open"]
            self.allowed += 1

    def read(self, text: str) -> Arguments:
        """The arguments of one call.

        Raises:
            MagicError: they do not fit; the message shows the usage.
        """
        options: dict[str, str] = {}
        words: list[str] = []
        position = 0
        while text[position:].strip():
            word, after = self._word(text, position)
            if word == "--" and self.options:
                position = after
                words += self._words(text, position) if not self.raw else []
                break
            if not self._is_option(word):
                if self.raw or (self.passes and words):
                    words += [] if self.raw else self._words(text, position)
                    break
                words.append(word)
                position = after
                continue
            position = self._option(word, text, after, options)
        self._check(words, text[position:])
        return Arguments(options, tuple(words), text[position:].strip())

    def _word(self, text: str, position: int) -> tuple[str, int]:
        match = _WORD.match(text, position)
        if match is None or (match.end() < len(text) and not text[match.end()].isspace()):
            if self.raw:
                return "", position
            raise self._wrong(f"a quote is not closed in: {text[position:].strip()}")
        return match[1] if self.raw else shlex.split(match[1])[0], match.end()

    def _words(self, text: str, position: int) -> list[str]:
        words = []
        while text[position:].strip():
            word, position = self._word(text, position)
            words.append(word)
        return words

    def _is_option(self, word: str) -> bool:
        if not word.startswith("-") or word == "-":
            return False
        if self._known(word):
            return True
        if self.raw or not self.options:
            return False
        known = ", ".join(dashed(name) for name in self.options)
        raise self._wrong(f"no such option: {word} (there are {known})")

    def _known(self, word: str) -> tuple[str, str | None] | None:
        """The option's name and the value that is part of the word, if any."""
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            return (name, value if equals else None) if name in self.options and len(name) > 1 else None
        name, value = word[1:2], word[2:]
        if name not in self.options or (value and not self.options[name]):
            return None
        return name, value or None

    def _option(self, word: str, text: str, after: int, options: dict[str, str]) -> int:
        known = self._known(word)
        assert known is not None
        name, value = known
        if self.options[name] and value is None:
            if not text[after:].strip():
                raise self._wrong(f"the option {dashed(name)} wants a value: {self.options[name]}")
            value, after = self._word(text, after)
        options[name] = value or ""
        return after

    def _check(self, words: list[str], rest: str) -> None:
        given = (1 if rest.strip() else 0) if self.raw else len(words)
        if given < self.required:
            raise self._wrong("something is missing")
        if given > self.allowed and not self.many:
            raise self._wrong(f"too much: {words[self.allowed]!r}" if words else "it takes no arguments")

    def _wrong(self, what: str) -> MagicError:
        sign = "%%" if self.is_cell else "%"
        return MagicError(f"{sign}{self.name}: {what}. Usage: {self.text}")
