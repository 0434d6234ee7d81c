"""Expressions over columns: a small part of Python's syntax, made into expressions of polars, never run."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl

from llmspell_kernel.errors import ParameterError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.builtin.data.table_reading import Table

MAX_LENGTH = 2000
MAX_DEPTH = 50

_SQL = re.compile(r"('[^']*'|\"[^\"]*\")|<>|(?<![=!<>])=(?!=)")

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., pl.Expr]]] = {
    "upper": (1, lambda x: x.cast(pl.String).str.to_uppercase()),
    "lower": (1, lambda x: x.cast(pl.String).str.to_lowercase()),
    "trim": (1, lambda x: x.cast(pl.String).str.strip_chars()),
    "length": (1, lambda x: x.cast(pl.String).str.len_chars()),
    "concat": (-1, lambda *values: pl.concat_str([each.cast(pl.String).fill_null("") for each in values])),
    "contains": (2, lambda x, part: x.cast(pl.String).str.contains(part, literal=True)),
    "starts_with": (2, lambda x, part: x.cast(pl.String).str.starts_with(part)),
    "ends_with": (2, lambda x, part: x.cast(pl.String).str.ends_with(part)),
    "round": (2, lambda x, digits: x.cast(pl.Float64).round(_digits(digits))),
    "abs": (1, lambda x: x.abs()),
    "number": (1, lambda x: x.cast(pl.Float64, strict=False)),
    "text": (1, lambda x: x.cast(pl.String)),
    "is_null": (1, lambda x: x.is_null()),
    "coalesce": (-1, lambda *values: pl.coalesce(*values)),
}
_OPERATORS = {"=": "==", "eq": "==", "ne": "!=", "<>": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def condition(given: str | dict[str, Any] | list[Any], table: Table) -> pl.Expr:
    """What must be true of a row.

    Raises:
        ParameterError: it makes no sense.
    """
    if isinstance(given, str):
        # What SQL writes otherwise than Python; quoted texts stay.
        text = _SQL.sub(lambda match: match[1] or {"=": "==", "<>": "!="}[match[0]], given)
        return _Compiler(table, "options.filter").compile(text).cast(pl.Boolean)
    parts = [_simple(each, table) for each in (given if isinstance(given, list) else [given])]
    return pl.all_horizontal(parts)


def column(name: str, table: Table) -> pl.Expr:
    """The cells of a column; dates are texts, which compare as dates do.

    Raises:
        ParameterError: there is none.
    """
    table.check(name)
    return pl.col(name).str.strip_chars() if table.kinds[name].is_temporal() else table.cell(name)


def value(given: Any, table: Table) -> pl.Expr:
    """An expression, or a value that is the same in each row.

    Raises:
        ParameterError: it makes no sense.
    """
    if isinstance(given, str):
        return _Compiler(table, "options.add_columns").compile(given)
    if isinstance(given, dict | list):
        raise ParameterError(table.tool, ["options.add_columns must have expressions or values by names"])
    return pl.lit(given)


def _simple(given: Any, table: Table) -> pl.Expr:
    if not isinstance(given, dict) or not isinstance(given.get("column"), str):
        raise ParameterError(table.tool, ["options.filter: {column, operator, value} was expected"])
    cells, wanted = column(given["column"], table), given.get("value")
    sign = str(given.get("operator", given.get("op", "==")))
    sign = _OPERATORS.get(sign, sign)
    if sign in ("contains", "starts_with", "ends_with"):
        return _FUNCTIONS[sign][1](cells, pl.lit(str(wanted)))
    if sign in ("is_null", "not_null"):
        return cells.is_null() if sign == "is_null" else cells.is_not_null()
    if sign == "in" and isinstance(wanted, list):
        return cells.is_in(wanted)
    compare = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
               ">=": operator.ge}.get(sign)  # fmt: skip
    if compare is None or isinstance(wanted, dict | list):
        raise ParameterError(
            table.tool,
            [
                f"options.filter: the operator {sign!r} with {wanted!r}: there are == != < <= > >= contains "
                "starts_with ends_with is_null not_null, and in with a list"
            ],
        )
    result: pl.Expr = compare(cells, pl.lit(wanted))
    return result


def _digits(expression: pl.Expr) -> int:
    return max(0, min(15, int(pl.select(expression).item())))


class _Compiler:
    def __init__(self, table: Table, where: str) -> None:
        self._table = table
        self._where = where
        self._depth = 0

    def compile(self, text: str) -> pl.Expr:
        if len(text) > MAX_LENGTH:
            raise self._wrong(f"it has {len(text):,} characters, and may have {MAX_LENGTH:,}")
        try:
            return self._expression(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._wrong(f"{text[:80]!r} cannot be read ({getattr(error, 'msg', error)})") from error

    def _wrong(self, problem: str) -> ParameterError:
        return ParameterError(
            self._table.tool,
            [f"{self._where}: {problem}; examples: age > 30 and city == 'Bonn', price * count"],
        )

    def _expression(self, node: ast.expr) -> pl.Expr:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"it is nested more than {MAX_DEPTH} deep")
        try:
            return self._made(node)
        finally:
            self._depth -= 1

    def _made(self, node: ast.expr) -> pl.Expr:
        match node:
            case ast.Name(id=name):
                if name.lower() in ("true", "false", "null", "nil"):
                    return pl.lit({"true": True, "false": False}.get(name.lower()))
                return column(name, self._table)
            case ast.Constant(value=str() | int() | float() | bool() | None as found):
                return pl.lit(found)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                made: pl.Expr = _BINARY[type(op)](self._expression(left), self._expression(right))
                return made
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._expression(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ~self._expression(operand)
            case ast.BoolOp(op=op, values=values):
                parts = [self._expression(each) for each in values]
                return pl.all_horizontal(parts) if isinstance(op, ast.And) else pl.any_horizontal(parts)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison(left, ops, others)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
        raise self._wrong(f"{ast.unparse(node)[:80]!r} is no part of an expression here")

    def _comparison(self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> pl.Expr:
        parts: list[pl.Expr] = []
        for op, right in zip(ops, others, strict=True):
            if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
                found = self._expression(left).is_in([ast.literal_eval(each) for each in right.elts])
                parts.append(~found if isinstance(op, ast.NotIn) else found)
            elif isinstance(op, ast.Is | ast.IsNot):
                found = self._expression(left).is_null()
                parts.append(~found if isinstance(op, ast.IsNot) else found)
            elif type(op) in _COMPARE:
                parts.append(_COMPARE[type(op)](self._expression(left), self._expression(right)))
            else:
                raise self._wrong("`in` needs a list such as ['a', 'b']")
            left = right
        return pl.all_horizontal(parts)

    def _call(self, name: str, arguments: list[ast.expr]) -> pl.Expr:
        if name == "col" and len(arguments) == 1 and isinstance(arguments[0], ast.Constant):
            return column(str(arguments[0].value), self._table)
        if name not in _FUNCTIONS:
            raise self._wrong(f"there is no function {name!r}; there are col, {', '.join(_FUNCTIONS)}")
        count, function = _FUNCTIONS[name]
        given = [self._expression(each) for each in arguments]
        if name == "round" and len(given) == 1:
            given.append(pl.lit(0))
        if len(given) != count and not (count < 0 and given):
            raise self._wrong(f"{name} takes {count if count > 0 else 'some'} values, not {len(given)}")
        return function(*given)
