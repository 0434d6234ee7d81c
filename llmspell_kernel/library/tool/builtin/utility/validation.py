"""Checking values against rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import depth_of, limited
from llmspell_kernel.library.tool.contract import Place, Tool, ToolFailedError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_DEPTH = 50
MAX_ERRORS = 1000


class DataValidator(Tool):
    """Checks a value against rules: type, length, range, pattern, choices, email, url, date, list, object.

    A value that breaks a rule is no Lua error: `success` is false, and `result` has `valid` and `errors`
    either way. All rules but `required` let nil pass.
    """

    name, category, level = "data-validator", "utility", "safe"
    example: ClassVar[dict[str, Any]] = {
        "input": {"name": "Lua", "year": 1993},
        "rules": {
            "rules": [
                {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"rules": [{"type": "length", "min": 1, "max": 20}]},
                        "year": {"rules": [{"type": "range", "min": 1900}]},
                    },
                }
            ]
        },
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[Any, Meta(description="The value to check.")] = None
        rules: Annotated[
            dict[str, Any] | list[Any],
            Meta(
                description="{rules = {{type = 'required'}, ...}}, or the list alone. Types are required, "
                "type (expected), length (min, max), range (min, max), pattern (regex), enum (values), "
                "email, url, date (format), array (items, min, max, unique), object (properties, required, "
                "additional), custom (name). Each may have a `message`."
            ),
        ]

    @classmethod
    def place(cls, given: Any) -> Place:
        """Patterns of others can take forever: they are tried in another process."""
        from llmspell_kernel.library.tool.builtin.utility.rules import has_pattern

        return "process" if has_pattern(given.rules) else "here"

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {valid, errors: [{field, rule, message}]}."""
        from llmspell_kernel.library.tool.builtin.utility.rules import Checker, RuleError

        limited(self.name, "the depth of the input", depth_of(given.input, MAX_DEPTH), MAX_DEPTH)
        limited(self.name, "the depth of the rules", depth_of(given.rules, MAX_DEPTH), MAX_DEPTH)
        try:
            errors = Checker(MAX_ERRORS).check(given.input, given.rules)
        except RuleError as error:
            raise ParameterError(self.name, [str(error)]) from error
        result = {"valid": not errors, "errors": errors}
        if errors:
            first = errors[0]
            more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
            raise ToolFailedError(f"{first['field'] or 'the input'} {first['message']}{more}", result=result)
        return result
