"""Tables checked against rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmspell_kernel.library.tool.builtin.utility.rules import Checker, RuleError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.builtin.data.table_reading import Table

MAX_ERRORS = 1000


def check(table: Table, rules: dict[str, Any] | list[Any]) -> dict[str, Any]:
    """What is wrong: {valid, row_count, error_count, errors: [{row, column, rule, message}]}.

    Rows are counted from 1, without the header.

    Raises:
        RuleError: a rule makes no sense.
    """
    by_column = _by_column(rules)
    for name in by_column:
        table.check(name)
    unique = {name: set[str]() for name, each in by_column.items() if _pop_unique(each)}
    places = {name: at for at, name in enumerate(table.names)}
    errors: list[dict[str, Any]] = []
    count = wrong = 0
    reader = table.rows()
    if table.header:
        next(reader, None)
    for row in reader:
        if not row:
            continue
        count += 1
        found = []
        if len(row) != len(table.names):
            message = f"has {len(row)} cells, not {len(table.names)}"
            found.append({"row": count, "column": "", "rule": "columns", "message": message})
        for name, each in by_column.items():
            cell = row[places[name]] if places[name] < len(row) else ""
            for rule in each:
                found += [
                    {"row": count, "column": name, "rule": error["rule"], "message": error["message"]}
                    for error in Checker(10).check(_value(cell, rule), [rule])
                ]
            if name in unique and cell:
                if cell in unique[name]:
                    message = f"must be unique, and {cell[:40]!r} is there before"
                    found.append({"row": count, "column": name, "rule": "unique", "message": message})
                unique[name].add(cell)
        wrong += len(found)
        errors += found[: max(0, MAX_ERRORS - len(errors))]
    return {"valid": not wrong, "row_count": count, "error_count": wrong, "errors": errors}


def _by_column(rules: dict[str, Any] | list[Any]) -> dict[str, list[Any]]:
    if isinstance(rules, Mapping) and isinstance(rules.get("rules"), list):
        rules = rules["rules"]
    found: dict[str, list[Any]] = {}
    if isinstance(rules, list):
        for rule in rules:
            if not isinstance(rule, Mapping) or not isinstance(rule.get("column"), str):
                raise RuleError("each rule of a list needs a `column`")
            found.setdefault(rule["column"], []).append(rule)
        return found
    for name, each in rules.items():
        inner = each.get("rules", [each]) if isinstance(each, Mapping) else each
        if not isinstance(inner, list):
            raise RuleError(f"the rules of the column {name!r} must be a list")
        found[name] = list(inner)
    return found


def _pop_unique(rules: list[Any]) -> bool:
    before = len(rules)
    rules[:] = [each for each in rules if not (isinstance(each, Mapping) and each.get("type") == "unique")]
    return len(rules) < before


def _value(cell: str, rule: Any) -> Any:
    """What a rule is applied to: rules of numbers take a number, if the cell is one."""
    text = cell.strip()
    if not text:
        return None
    kind = rule.get("type") if isinstance(rule, Mapping) else None
    as_text = (
        kind not in ("range", "type", "enum")
        or cell in rule.get("values", ())
        or (kind == "type" and "string" in str(rule.get("expected")))
    )
    if not as_text and text[0] in "+-.0123456789" and len(text) < 400:
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    return {"true": True, "false": False}.get(text.lower(), cell) if kind == "type" else cell
