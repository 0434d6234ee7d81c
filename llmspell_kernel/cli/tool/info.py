"""`llmspell tool info`."""

from __future__ import annotations

import json
from typing import Any

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.output import terminal_columns, wrapped
from llmspell_kernel.cli.tool.asking import ask, format_option, name_argument, there

_KIND_COLUMNS = 26
"""What is longer goes beyond its column, where there is not room for all."""


@command(
    epilog="""\b
Examples:
  llmspell tool info calculator
  llmspell tool info calculator --show-schema --output pretty"""
)
@name_argument
@click.option("--show-schema", is_flag=True, help="Also the JSON Schema of the parameters.")
@format_option
@there
@pass_frame
def info(frame: Frame, name: str, show_schema: bool, connect: str | None) -> None:
    """Show what a tool does and takes."""
    reply = ask(frame, connect, "info", name=name, show_schema=show_schema)
    shown = {key: value for key, value in reply.items() if key != "status"}
    frame.show(shown, lambda: text(reply, terminal_columns()))


def text(reply: dict[str, Any], columns: int | None) -> str:
    """What is known of a tool, for people, on a terminal of that many columns."""
    lines = [
        f"{reply['name']} {reply['version']}: {reply['category']}, {reply['security_level']}",
        wrapped(reply["description"], "", columns),
    ]
    if reply["operations"]:
        lines += ["", "Operations"]
        width = max(len(each["name"]) for each in reply["operations"])
        for each in reply["operations"]:
            also = f" (also {', '.join(each['aliases'])})" if each["aliases"] else ""
            line = f"  {each['name']:<{width}}  {each['description']}{also}"
            lines.append(wrapped(line, " " * (width + 4), columns))
    lines += ["", "Parameters", *_parameters(reply["parameters"], columns)]
    if "schema" in reply:
        lines += ["", json.dumps(reply["schema"], indent=2, ensure_ascii=False)]
    return "\n".join(lines)


def _parameters(parameters: list[dict[str, Any]], columns: int | None) -> list[str]:
    rows = _rows(parameters)
    if not rows:
        return ["  none"]
    names, kinds = (max(len(row[column]) for row in rows) for column in (0, 1))
    if columns is not None:
        kinds = min(kinds, _KIND_COLUMNS)
    margin = " " * (names + kinds + 6)
    return [
        wrapped(f"  {name:<{names}}  {kind:<{kinds}}  {about}".rstrip(), margin, columns)
        for name, kind, about in rows
    ]


def _rows(parameters: list[dict[str, Any]], prefix: str = "") -> list[tuple[str, str, str]]:
    rows = []
    for each in parameters:
        about = each["type"]
        if each["required"]:
            about += ", required"
        elif each.get("default") not in (None, "", {}, []):
            about += f", default {json.dumps(each['default'], ensure_ascii=False)}"
        description = each["description"]
        if "enum" in each and each["name"] != "operation":  # those have lines of their own
            description = f"{description} One of: {', '.join(map(str, each['enum']))}."
        rows.append((prefix + each["name"], about, description))
        rows += _rows(each.get("properties", []), f"{prefix}{each['name']}.")
        rows += _rows(each.get("items", []), f"{prefix}{each['name']}[].")
    return rows
