"""JSON-like values as Lua source, and the parameters that a Lua cell declares, for papermill."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

__all__ = ["LuaTranslator"]

KEYWORDS = frozenset(
    "and break do else elseif end false for function goto if in local nil not or repeat return then true"
    " until while".split()
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

ASSIGNMENT = re.compile(r"(?:local\s+)?(?P<name>[A-Za-z_]\w*)\s*(?:<\w+>\s*)?=\s*(?P<rest>[^=].*)")

ANNOTATION = re.compile(r"---@type\s+(?P<type>\S+)\s*(?P<help>.*)")

COMMENT = re.compile(r"(?:type:\s*(?P<type>\S+)\s*)?(?P<help>.*)")

STRING_OR_COMMENT = re.compile(r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|--(?P<comment>.*)""")

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

INTEGERS = range(-(2**63) + 1, 2**63)


class LuaTranslator(Translator):
    """JSON-like values as Lua source that every Lua from 5.1 on reads."""

    @classmethod
    def translate_escaped_str(cls, str_val: object) -> str:
        """A quoted string; other values (dates, say) as the string that Python prints for them."""
        return '"' + "".join(_escape(character) for character in str(str_val)) + '"'

    @classmethod
    def translate_none(cls, val: None) -> str:
        """`nil`; as an item of a list it leaves a hole, as a field it leaves the field out."""
        return "nil"

    @classmethod
    def translate_int(cls, val: int) -> str:
        """An integer; one that Lua's 64 bits cannot hold as the nearest float."""
        return str(val) if val in INTEGERS else cls.translate_float(float(val))

    @classmethod
    def translate_float(cls, val: float) -> str:
        """A float, also the infinities and not-a-number."""
        if math.isnan(val):
            return "0/0"
        if math.isinf(val):
            return "math.huge" if val > 0 else "-math.huge"
        return repr(val)

    @classmethod
    def translate_dict(cls, val: Mapping[Any, Any]) -> str:
        """A table with fields; keys that are no names are quoted, numbers stay numbers."""
        return "{" + ", ".join(f"{_key(key)} = {cls.translate(item)}" for key, item in val.items()) + "}"

    @classmethod
    def translate_list(cls, val: Sequence[Any]) -> str:
        """A table whose items count from 1."""
        return "{" + ", ".join(cls.translate(item) for item in val) + "}"

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        """A comment line."""
        return f"-- {cmt_str}".rstrip()

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        """An assignment without `local`, so that it reaches a local of the parameters cell just as a global.

        A parameter whose name is no Lua name becomes a field of `_G`.
        """
        return f"{name} = {str_val}" if _is_name(name) else f"_G[{cls.translate_str(name)}] = {str_val}"

    @classmethod
    def inspect(cls, parameters_cell: Mapping[str, Any]) -> list[Parameter]:
        """The parameters that a cell assigns, one a line, for `papermill --help-notebook`.

        The type comes from a `---@type number what it is` line above or a `-- type: number what it is`
        comment behind, the help from either.
        """
        found: list[Parameter] = []
        type_above = help_above = ""
        for line in str(parameters_cell["source"]).splitlines():
            annotation = ANNOTATION.match(line.strip())
            if annotation:
                type_above, help_above = annotation["type"], annotation["help"]
                continue
            parameter = _parameter(line, type_above, help_above)
            if parameter is not None:
                found.append(parameter)
            type_above = help_above = ""
        return found


def _parameter(line: str, type_above: str, help_above: str) -> Parameter | None:
    assignment = ASSIGNMENT.match(line)
    if assignment is None:
        return None
    value, comment = _split_comment(assignment["rest"])
    parts = COMMENT.match(comment)
    assert parts is not None, "every part of the pattern is optional"
    return Parameter(
        name=assignment["name"],
        inferred_type_name=parts["type"] or type_above or "None",
        default=value.rstrip(" ;"),
        help=parts["help"].strip() or help_above.strip(),
    )


def _split_comment(code: str) -> tuple[str, str]:
    """A line's code and its comment's text; dashes inside of a quoted string are no comment."""
    for part in STRING_OR_COMMENT.finditer(code):
        if part["comment"] is not None:
            return code[: part.start()], part["comment"].strip()
    return code, ""


def _escape(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    # Three digits, so that a digit that follows is not taken for a part of the escape.
    return f"\\{ord(character):03d}" if ord(character) < 32 or ord(character) == 127 else character


def _is_name(text: str) -> bool:
    return NAME.fullmatch(text) is not None and text not in KEYWORDS


def _key(key: object) -> str:
    text = str(key)
    return text if _is_name(text) else f"[{LuaTranslator.translate(key)}]"


papermill_translators.register("lua", LuaTranslator)
