"""Changing texts."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec import field as member

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import QUICK, limited, missing
from llmspell_kernel.library.tool.contract import Place, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_RESULT = 64 * 1024 * 1024
"""Characters of a result."""

_WORD = re.compile(r"[^\W_]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

Operations = Literal[
    "uppercase",
    "lowercase",
    "reverse",
    "trim",
    "replace",
    "substring",
    "split",
    "join",
    "snake_case",
    "camel_case",
    "pascal_case",
    "sanitize",
    "truncate",
    "indent",
    "dedent",
    "normalize_whitespace",
    "word_wrap",
]


class Options(Struct, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What single operations ask for."""

    from_: Annotated[str | None, Meta(description="replace: the text to replace.")] = None
    to: Annotated[str, Meta(description="replace: what comes in its place.")] = ""
    start: Annotated[int, Meta(description="substring: the first character, from 0.", ge=0)] = 0
    end: Annotated[
        int | None, Meta(description="substring: the character after the last; the end if not given.")
    ] = None
    delimiter: Annotated[
        str | None, Meta(description="split, join: what is between; a comma for split, a space for join.")
    ] = None
    max_length: Annotated[
        int, Meta(description="truncate: how many characters stay, with the ellipsis.", ge=0)
    ] = 100
    ellipsis: Annotated[str, Meta(description="truncate: what shows that something is missing.")] = "..."
    spaces: Annotated[int, Meta(description="indent: how many.", ge=0, le=1000)] = 4
    width: Annotated[int, Meta(description="word_wrap: characters of a line.", ge=1)] = 80


class TextManipulator(Tool):
    """Changes a text: case, whitespace, parts, names in snake_case, camelCase and PascalCase.

    Lengths and positions count characters, not bytes.
    """

    name, category, level = "text-manipulator", "utility", "safe"
    example: ClassVar[dict[str, Any]] = {"operation": "snake_case", "input": "Hello big World"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Operations, Meta(description="What to do.")]
        input: Annotated[
            str | list[str], Meta(description="The text; for join also a list of texts, else its lines.")
        ]
        options: Annotated[Options, Meta(description="What the operation asks for.")] = member(
            default_factory=Options
        )

    @classmethod
    def place(cls, given: Any) -> Place:
        """Long texts are changed in another process: some operations take their time."""
        size = len(given.input) if isinstance(given.input, str) else sum(map(len, given.input))
        return "here" if size <= QUICK else "process"

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {result, operation, original_length, result_length}, and a count of parts for split."""
        text = given.input
        if isinstance(text, list):
            length = sum(map(len, text))
            if given.operation != "join":
                raise ParameterError(self.name, [f"input must be a string for {given.operation}, not a list"])
            return self._answer(given, length, _join(text, given.options))
        return self._answer(
            given, len(text), self.operations[given.operation].function(self, text, given.options)
        )

    def _answer(self, given: Parameters, length: int, result: str | list[str]) -> object:
        answer: dict[str, object] = {
            "result": result,
            "operation": given.operation,
            "original_length": length,
            "result_length": len(result) if isinstance(result, str) else sum(map(len, result)),
        }
        if isinstance(result, list):
            answer["count"] = len(result)
        return answer

    @operation("uppercase", "upper", "to_upper")
    def uppercase(self, text: str, options: Options) -> str:
        """In capital letters."""
        return text.upper()

    @operation("lowercase", "lower", "to_lower")
    def lowercase(self, text: str, options: Options) -> str:
        """In small letters."""
        return text.lower()

    @operation("reverse")
    def reverse(self, text: str, options: Options) -> str:
        """The characters from the last to the first; accents stay with their letters."""
        import unicodedata

        clusters: list[str] = []
        for char in text:
            if clusters and (
                unicodedata.combining(char) or char in "\u200d\ufe0f" or clusters[-1][-1] == "\u200d"
            ):
                clusters[-1] += char
            else:
                clusters.append(char)
        return "".join(reversed(clusters))

    @operation("trim")
    def trim(self, text: str, options: Options) -> str:
        """Without whitespace at both ends."""
        return text.strip()

    @operation("replace")
    def replace(self, text: str, options: Options) -> str:
        """Every `from` replaced by `to`, as they are written."""
        if not options.from_:
            raise missing(self.name, "options.from", "the text to replace, which must not be empty")
        grown = text.count(options.from_) * (len(options.to) - len(options.from_))
        limited(self.name, "the result's length", len(text) + grown, MAX_RESULT)
        return text.replace(options.from_, options.to)

    @operation("substring")
    def substring(self, text: str, options: Options) -> str:
        """The characters from `start`, counted from 0, up to before `end`."""
        if options.end is not None and options.end < options.start:
            raise ParameterError(
                self.name,
                [f"options.end must be at least options.start ({options.start}), not {options.end}"],
            )
        return text[options.start : options.end]

    @operation("split")
    def split(self, text: str, options: Options) -> list[str]:
        """A list of what is between the `delimiter`s."""
        delimiter = "," if options.delimiter is None else options.delimiter
        return text.split(delimiter) if delimiter else list(text)

    @operation("join")
    def join(self, text: str, options: Options) -> str:
        """The lines, or the texts of a list, with `delimiter` between them."""
        return _join(text.splitlines(), options)

    @operation("snake_case")
    def snake_case(self, text: str, options: Options) -> str:
        """As a name like `hello_big_world`."""
        return "_".join(word.lower() for word in _words(text))

    @operation("camel_case")
    def camel_case(self, text: str, options: Options) -> str:
        """As a name like `helloBigWorld`."""
        words = _words(text)
        return "".join([*(word.lower() for word in words[:1]), *(word.capitalize() for word in words[1:])])

    @operation("pascal_case")
    def pascal_case(self, text: str, options: Options) -> str:
        """As a name like `HelloBigWorld`."""
        return "".join(word.capitalize() for word in _words(text))

    @operation("sanitize")
    def sanitize(self, text: str, options: Options) -> str:
        """Without control characters and invisible ones; lines and tabs stay."""
        return _CONTROL.sub("", text)

    @operation("truncate")
    def truncate(self, text: str, options: Options) -> str:
        """At most `max_length` characters; the ellipsis is among them."""
        if len(text) <= options.max_length:
            return text
        kept = options.max_length - len(options.ellipsis)
        return text[:kept] + options.ellipsis if kept >= 0 else text[: options.max_length]

    @operation("indent")
    def indent(self, text: str, options: Options) -> str:
        """Each line that is not empty with `spaces` spaces before it."""
        limited(
            self.name, "the result's length", len(text) + (text.count("\n") + 1) * options.spaces, MAX_RESULT
        )
        return textwrap.indent(text, " " * options.spaces)

    @operation("dedent")
    def dedent(self, text: str, options: Options) -> str:
        """Without the whitespace that all lines begin with."""
        return textwrap.dedent(text)

    @operation("normalize_whitespace")
    def normalize_whitespace(self, text: str, options: Options) -> str:
        """One space for each run of whitespace, none at the ends."""
        return " ".join(text.split())

    @operation("word_wrap", "wrap")
    def word_wrap(self, text: str, options: Options) -> str:
        """Lines of at most `width` characters; paragraphs stay, long words are cut."""
        lines = (
            textwrap.wrap(line, options.width, break_on_hyphens=False, replace_whitespace=False)
            for line in text.split("\n")
        )
        return "\n".join("\n".join(wrapped) for wrapped in lines)


def _words(text: str) -> list[str]:
    """The words of a text or a name: `bigHTTPServer` has three."""
    words = []
    for run in _WORD.findall(text):
        start = 0
        for at in range(1, len(run)):
            after_small = run[at].isupper() and not run[at - 1].isupper()
            before_small = run[at].isupper() and run[at + 1 : at + 2].islower()
            if after_small or before_small:
                words.append(run[start:at])
                start = at
        words.append(run[start:])
    return words


def _join(parts: list[str], options: Options) -> str:
    delimiter = " " if options.delimiter is None else options.delimiter
    total = sum(map(len, parts)) + len(delimiter) * len(parts)
    limited(TextManipulator.name, "the result's length", total, MAX_RESULT)
    return delimiter.join(parts)
