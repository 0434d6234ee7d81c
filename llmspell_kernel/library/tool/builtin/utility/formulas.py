"""Formulas: parsed and computed here, with bounds on everything.

The grammar, from what binds least: `or ||`, `and &&`, `== !=`, `< <= > >=`, `+ -`, `* / %`, `- + !` in front,
`^` or `**` (to the right). Names are letters, digits, `_` and `.`. Whole numbers are exact as
long as they have no more than 64 bits, all others are floats; true is 1.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

MAX_LENGTH = 10_000
MAX_DEPTH = 100
MAX_OPERATIONS = 10_000
WHOLE = 2**63
"""Whole numbers from here on are floats."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9a-fA-F]+|0b[01]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[KMGTmunp]?(?![A-Za-z_0-9]))"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9.]*)"
    r"|(?P<sign>\*\*|\|\||&&|==|!=|<=|>=|[-+*/%^()<>!,]))",
    re.ASCII,
)
_SUFFIXES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_LEVELS = {
    "or": 1, "||": 1, "and": 2, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "^": 8, "**": 8,
}  # fmt: skip
_PREFIX = 7


class FormulaError(Exception):
    """It cannot be read or computed; the message says where and why."""


class Function(NamedTuple):
    """One that formulas may call.

    Attributes:
        arguments: their names; those in brackets may be missing.
        least: how many there must be.
        most: how many there may be.
    """

    arguments: str
    help: str
    least: int
    most: int
    call: Callable[..., float]


def _bounded(value: int | float) -> int | float:
    return value if isinstance(value, float) or -WHOLE <= value < WHOLE else float(value)


def _log(first: float, *second: float) -> float:
    return math.log(second[0], first) if second else math.log10(first)


def _round(first: float, *second: float) -> float:
    """Halves away from zero; with two arguments to a multiple of the first."""
    if not second:
        return first if isinstance(first, int) else math.copysign(math.floor(abs(first) + 0.5), first)
    if not first:
        raise FormulaError("round: the first argument, what to round to, must not be 0")
    return _round(second[0] / first) * first


def _factorial(value: float) -> float:
    if value < 0 or value != int(value):
        raise FormulaError(f"factorial needs a whole number that is not negative, not {value:g}")
    if value > 170:
        raise FormulaError(f"factorial({value:g}) is too big a number; 170 is the most")
    return math.factorial(int(value))


def _root(value: float) -> float:
    if value < 0:
        raise FormulaError(f"sqrt({value:g}): the root of a negative number is no real number")
    return math.sqrt(value)


def _average(*values: float) -> float:
    return _sum(values) / len(values)


def _sum(values: Sequence[float]) -> float:
    return sum(values) if all(isinstance(each, int) for each in values) else math.fsum(values)


FUNCTIONS: dict[str, Function] = {
    "abs": Function("x", "without its sign", 1, 1, abs),
    "sign": Function("x", "-1, 0 or 1", 1, 1, lambda x: float((x > 0) - (x < 0))),
    "int": Function("x", "the whole part", 1, 1, math.trunc),
    "ceil": Function("x", "rounded up", 1, 1, math.ceil),
    "floor": Function("x", "rounded down", 1, 1, math.floor),
    "round": Function("[multiple,] x", "rounded, halves away from zero", 1, 2, _round),
    "sqrt": Function("x", "square root", 1, 1, _root),
    "cbrt": Function("x", "cube root", 1, 1, math.cbrt),
    "exp": Function("x", "e to the power of x", 1, 1, math.exp),
    "ln": Function("x", "natural logarithm", 1, 1, math.log),
    "log": Function("[base,] x", "logarithm, to base 10 if none is given", 1, 2, _log),
    "log2": Function("x", "logarithm to base 2", 1, 1, math.log2),
    "log10": Function("x", "logarithm to base 10", 1, 1, math.log10),
    "pow": Function("x, y", "x to the power of y", 2, 2, lambda x, y: _power(x, y)),
    "mod": Function("x, y", "the rest, with the sign of x", 2, 2, lambda x, y: _rest(x, y)),
    "hypot": Function("x, ...", "root of the sum of squares", 1, 100, math.hypot),
    "min": Function("x, ...", "the smallest", 1, 1000, min),
    "max": Function("x, ...", "the largest", 1, 1000, max),
    "sum": Function("x, ...", "the sum", 1, 1000, lambda *values: _sum(values)),
    "avg": Function("x, ...", "the mean", 1, 1000, _average),
    "factorial": Function("n", "1 * 2 * ... * n", 1, 1, _factorial),
    "gcd": Function("m, n", "greatest common divisor", 2, 2, lambda m, n: math.gcd(int(m), int(n))),
    "if": Function("condition, x, y", "x if the condition is not 0, else y", 3, 3, lambda *values: values[0]),
    "pi": Function("", "3.14159...", 0, 0, lambda: math.pi),
    "e": Function("", "2.71828...", 0, 0, lambda: math.e),
    "tau": Function("", "2 * pi", 0, 0, lambda: math.tau),
    "deg": Function("x", "radians in degrees", 1, 1, math.degrees),
    "rad": Function("x", "degrees in radians", 1, 1, math.radians),
    "atan2": Function("y, x", "the angle of the point (x, y)", 2, 2, math.atan2),
    **{
        name: Function("x", f"{help}", 1, 1, getattr(math, name))
        for name, help in {
            "sin": "sine, of radians", "cos": "cosine, of radians", "tan": "tangent, of radians",
            "asin": "arc sine", "acos": "arc cosine", "atan": "arc tangent",
            "sinh": "hyperbolic sine", "cosh": "hyperbolic cosine", "tanh": "hyperbolic tangent",
            "asinh": "inverse hyperbolic sine", "acosh": "inverse hyperbolic cosine",
            "atanh": "inverse hyperbolic tangent",
        }.items()
    },
}  # fmt: skip

CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau, "true": 1.0, "false": 0.0}


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        raise FormulaError("division by zero: 0 to a negative power")
    if base < 0 and exponent != math.floor(exponent):
        raise FormulaError(f"{base:g} ^ {exponent:g} is no real number")
    if isinstance(base, int) and isinstance(exponent, int) and 0 <= exponent * base.bit_length() <= 128:
        exact: int = base**exponent
        return exact
    return math.pow(base, exponent)


def _quotient(left: float, right: float) -> float:
    if right == 0:
        raise FormulaError("division by zero")
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


def _rest(left: float, right: float) -> float:
    if right == 0:
        raise FormulaError("division by zero")
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _quotient, "%": _rest, "^": _power,
    "**": _power, "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


class Formula:
    """A formula that could be read.

    Attributes:
        names: of the variables it needs.
        functions: that it calls.
    """

    def __init__(self, text: str) -> None:
        """Reads it.

        Raises:
            FormulaError: it makes no sense, is too long or nested too deeply.
        """
        if len(text) > MAX_LENGTH:
            raise FormulaError(f"the formula has {len(text):,} characters; {MAX_LENGTH:,} is the most")
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._operations = 0
        self._tree = self._expression(0)
        if self._peek():
            raise FormulaError(f"{self._where()}: an operator was expected, not {self._peek()!r}")

    def compute(self, variables: Mapping[str, float]) -> float:
        """Its value.

        Raises:
            FormulaError: a variable is not there, or the value is no finite number.
        """
        if unknown := sorted(self.names - variables.keys() - CONSTANTS.keys()):
            raise FormulaError(f"unknown variable {', '.join(map(repr, unknown))}: give it in `variables`")
        try:
            given = {name: _bounded(value) for name, value in variables.items()}
            value = self._tree({**CONSTANTS, **given})
        except OverflowError as error:
            raise FormulaError("the result is too big a number") from error
        except ValueError as error:
            raise FormulaError(f"the result is no real number: {error}") from error
        if math.isnan(value):
            raise FormulaError("the result is no number")
        if math.isinf(value):
            raise FormulaError("the result is too big a number")
        return int(value) if isinstance(value, bool) else value

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _where(self) -> str:
        if self._at < len(self._tokens):
            return f"at character {self._tokens[self._at][1] + 1}"
        return "at the end"

    def _take(self, expected: str) -> None:
        if self._peek() != expected:
            found = repr(self._peek()) if self._peek() else "nothing"
            raise FormulaError(f"{self._where()}: {expected!r} was expected, not {found}")
        self._at += 1

    def _expression(self, level: int) -> _Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FormulaError(f"the formula is nested more than {MAX_DEPTH} deep")
        first = self._operand()
        steps: list[tuple[str, _Node]] = []
        while (found := _LEVELS.get(self._peek(), 0)) > level:
            sign = self._peek()
            self._at += 1
            # A power binds to the right: 2^3^2 is 2^9.
            steps.append((sign, self._expression(found - 1 if found == 8 else found)))
        self._depth -= 1
        return _chain(first, steps) if steps else first

    def _operand(self) -> _Node:
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            raise FormulaError(f"the formula has more than {MAX_OPERATIONS:,} operations")
        if self._at >= len(self._tokens):
            raise FormulaError("at the end: a number, a name or '(' was expected")
        token, _ = self._tokens[self._at]
        if token == "(":
            self._at += 1
            inner = self._expression(0)
            self._take(")")
            return inner
        if token in ("-", "+", "!"):
            self._at += 1
            value = self._expression(_PREFIX)
            if token == "!":
                return lambda names: float(not value(names))
            return value if token == "+" else lambda names: _bounded(-value(names))
        if token[0].isdigit() or token[0] == ".":
            self._at += 1
            number = _number(token)
            return lambda names: number
        if token[0].isalpha() or token[0] == "_":
            if token in _LEVELS:
                raise FormulaError(f"{self._where()}: a number or a name was expected, not {token!r}")
            self._at += 1
            return self._call(token) if self._peek() == "(" else self._name(token)
        raise FormulaError(f"{self._where()}: a number, a name or '(' was expected, not {token!r}")

    def _name(self, name: str) -> _Node:
        self.names.add(name)
        return lambda names: names[name]

    def _call(self, name: str) -> _Node:
        function = FUNCTIONS.get(name)
        if function is None:
            import difflib

            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"; did you mean {near[0]}?" if near else "; the operation `functions` lists them"
            raise FormulaError(f"unknown function {name!r}{hint}")
        self.functions.add(name)
        self._take("(")
        arguments: list[_Node] = []
        while self._peek() != ")":
            if arguments:
                self._take(",")
            arguments.append(self._expression(0))
        self._take(")")
        if not function.least <= len(arguments) <= function.most:
            raise FormulaError(f"{name}({function.arguments}) was called with {len(arguments)} arguments")
        call = function.call
        if name == "if":
            condition, then, otherwise = arguments
            return lambda names: then(names) if condition(names) else otherwise(names)
        return lambda names: _bounded(call(*(argument(names) for argument in arguments)))


_Node = Callable[[Mapping[str, float]], float]


def _chain(first: _Node, steps: list[tuple[str, _Node]]) -> _Node:
    """From left to right, in a loop: a sum of thousands must not nest."""

    def compute(names: Mapping[str, float]) -> float:
        value = first(names)
        for sign, node in steps:
            if sign in ("or", "||"):
                value = value or node(names)
            elif sign in ("and", "&&"):
                value = value and node(names)
            else:
                value = _bounded(_OPERATORS[sign](value, node(names)))
        return value

    return compute


def _tokens(text: str) -> list[tuple[str, int]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise FormulaError(f"at character {at + 1}: {text[at]!r} means nothing here")
        group = match.lastgroup or ""
        found.append((match[group], match.start(group)))
        at = match.end()
    if not found:
        raise FormulaError("the formula is empty")
    return found


def _number(token: str) -> float:
    if token[:2] in ("0x", "0b"):
        try:
            return _bounded(int(token, 0))
        except OverflowError as error:
            raise FormulaError(f"{token[:20]}... is too big a number") from error
    if scale := _SUFFIXES.get(token[-1]):
        return float(token[:-1]) * scale
    return _bounded(int(token)) if token.isdecimal() and len(token) < 20 else float(token)
