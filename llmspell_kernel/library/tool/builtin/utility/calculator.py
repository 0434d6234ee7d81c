"""Computing formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec import field as member

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.contract import Tool, ToolFailedError, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

EXACT = 2**53
"""From here on a float stands for several whole numbers."""


class Calculator(Tool):
    """Computes formulas: numbers, variables, comparisons and some forty functions.

    Operators are `+ - * / % ^`, `== != < <= > >=`, `and`, `or` and `!`; what is true is 1. Numbers may end in
    K, M, G, T, m, u, n, p. A formula that is wrong or has no result is no Lua error: `success` is false and
    `error.message` says why.
    """

    name, category, level = "calculator", "utility", "safe"
    example: ClassVar[dict[str, Any]] = {"input": "(3 + 4) * x ^ 2", "variables": {"x": 10}}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["evaluate", "validate", "functions"], Meta(description="What to do.")
        ] = "evaluate"
        input: Annotated[str, Meta(description="The formula.")] = ""
        expression: Annotated[str, Meta(description="The same as `input`.")] = ""
        variables: Annotated[
            dict[str, int | float], Meta(description="Numbers by the names that the formula uses.")
        ] = member(default_factory=dict)

    @operation("evaluate")
    def evaluate(self, given: Parameters, tools: Surroundings) -> object:
        """Computes `input`: {input, result, result_type, variables}."""
        from llmspell_kernel.library.tool.builtin.utility.formulas import Formula, FormulaError

        text = self._formula(given)
        try:
            value = Formula(text).compute(given.variables)
        except FormulaError as error:
            raise ToolFailedError(str(error), input=text) from error
        whole = isinstance(value, int) or (value.is_integer() and abs(value) < EXACT)
        return {
            "input": text,
            "result": int(value) if whole else value,
            "result_type": "integer" if whole else "float",
            "variables": given.variables,
        }

    @operation("validate")
    def validate(self, given: Parameters, tools: Surroundings) -> object:
        """Whether `input` is a formula: {valid, input, variables, functions}, or {valid, input, error}."""
        from llmspell_kernel.library.tool.builtin.utility.formulas import CONSTANTS, Formula, FormulaError

        text = self._formula(given)
        try:
            formula = Formula(text)
        except FormulaError as error:
            return {"valid": False, "input": text, "error": str(error)}
        return {
            "valid": True,
            "input": text,
            "variables": sorted(formula.names - CONSTANTS.keys()),
            "functions": sorted(formula.functions),
        }

    @operation("functions")
    def functions(self, given: Parameters, tools: Surroundings) -> object:
        """Lists what formulas may use: {functions, constants, operators}."""
        from llmspell_kernel.library.tool.builtin.utility.formulas import CONSTANTS, FUNCTIONS

        return {
            "functions": [
                {"name": name, "usage": f"{name}({each.arguments})", "description": each.help}
                for name, each in sorted(FUNCTIONS.items())
            ],
            "constants": dict(CONSTANTS),
            "operators": ["or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "!", "^"],
        }

    def _formula(self, given: Parameters) -> str:
        if text := given.input or given.expression:
            return text
        raise ParameterError(self.name, ['input is missing: the formula to compute, such as "2 * (3 + 4)"'])
