"""The reference of the tools, read from their classes."""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from llmspell_kernel.library.tool.builtin import ALIASES, BUILTIN
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool
from llmspell_kernel.library.tool.entries import ClassEntry
from llmspell_kernel.library.tool.registry import Registry
from tools.tool_examples import CALLS, SHOWS

INTRODUCTION = """
What scripts call by `Tool.execute(name, {...})` ([the global `Tool`](tool.md)), clients by `tool_request` and
the shell by `llmspell tool invoke`. [Call tools](../how-to/tools.md) shows how, and how they are limited.

Names may also be written with underscores. A tool is *safe*, *restricted* (it reads files, or reaches what
the settings allow) or *privileged* (most of what it does changes something outside). A call *acts* if it
writes or removes files, starts a program, sends something or changes a database: then it counts as
privileged, whatever the level, where [the user or a script is asked
before](../how-to/tools.md#ask-before-tools-are-called). Each page says when its tool acts. It runs at once,
on a thread of its own where it waits for something, or in a worker process where what it is given could make
it slow, big or break it.
""".strip()

_PLACES = {"here": "at once", "thread": "on a thread of its own", "process": "in a worker process"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONG = re.compile(r"(?:[^\x00-\x1f]*\n){5,}")
"""Texts that are easier to read as they are, between `[[` and `]]`."""
_KEYWORDS = {"end", "for", "function", "if", "in", "local", "not", "or", "and", "repeat", "return", "then"}


def index() -> str:
    """The page that lists them all."""
    by_category: dict[str, list[ClassEntry]] = {}
    for entry in entries():
        by_category.setdefault(entry.category, []).append(entry)
    parts = ["# Tools", INTRODUCTION]
    for category in sorted(by_category):
        rows = [
            (f"[{entry.name}](tools/{entry.name}.md)", entry.level, _cell(entry.description))
            for entry in by_category[category]
        ]
        parts += [f"## {category}", _table(("tool", "level", ""), rows)]
    return "\n\n".join(parts)


def pages() -> dict[str, Callable[[], str]]:
    """File name below docs/reference -> what writes it."""
    found: dict[str, Callable[[], str]] = {"tools.md": index}
    for name in sorted(BUILTIN):
        found[f"tools/{name}.md"] = _writer(name)
    return found


def entries() -> list[ClassEntry]:
    """Those of the package, in order."""
    return [entry for entry in map(Registry().get, sorted(BUILTIN)) if isinstance(entry, ClassEntry)]


def _writer(name: str) -> Callable[[], str]:
    def page() -> str:
        entry = Registry().get(name)
        assert isinstance(entry, ClassEntry)
        return _page(entry)

    return page


def _page(entry: ClassEntry) -> str:
    parts = [f"# {entry.name}", inspect.getdoc(entry.tool) or "", _facts(entry)]
    parts += ["## Parameters", _parameters(entry.parameters) if entry.parameters else "None."]
    if entry.operations:
        rows = [
            (
                f"`{each.name}`" + "".join(f", `{alias}`" for alias in each.aliases),
                ", ".join(f"`{name}`" for name in each.needs),
                _cell(each.help),
            )
            for each in entry.operations.values()
        ]
        parts += ["## Operations", _table(("operation", "needs", ""), rows)]
    return "\n\n".join([*parts, "## Example", *_example(entry)])


def _example(entry: ClassEntry) -> Iterator[str]:
    """How to try it, and the code."""
    if entry.example is None:
        call = CALLS[entry.name]
        yield call.preparation()
        code = [f"local answer = {_call(entry.name, call.params)}", call.shows]
    else:
        calls = [_call(*each) for each in _preparation(entry)]
        code = [*calls, f"local answer = {_call(entry.name, entry.example)}", SHOWS[entry.name]]
    yield "\n".join(["```lua", *code, "```"])


def _preparation(entry: ClassEntry) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Calls that make the files of the example, as tools and their parameters."""
    if entry.example_files:
        yield "file-operations", {"operation": "create_dir", "path": EXAMPLE_FOLDER}
    for name, content in entry.example_files.items():
        path = f"{EXAMPLE_FOLDER}/{name}"
        if content.isascii() and not re.search(rb"[^\t\n -~]", content):
            yield "file-operations", {"operation": "write", "path": path, "input": content.decode()}
        else:
            encoded = base64.b64encode(content).decode()
            yield "base64-encoder", {"operation": "decode", "input": encoded, "output_file": path}


def _call(tool: str, params: Mapping[str, Any]) -> str:
    return f'Tool.execute("{tool}", {literal(params)})'


def _facts(entry: ClassEntry) -> str:
    runs = entry.tool.runs
    if isinstance(runs, str):
        where = _PLACES[runs]
    else:
        where = "; ".join(f"{_PLACES[place]}: {name}" for name, place in runs.items())
    also = [*entry.tool.aliases, *(alias for alias, name in ALIASES.items() if name == entry.name)]
    rows = [
        ("category", entry.category),
        ("level", entry.level),
        ("version", entry.version),
        ("acts", _acts(entry.tool)),
        ("runs", where),
    ]
    if also:
        rows.append(("also called", ", ".join(f"`{each}`" for each in dict.fromkeys(also))))
    return _table(("", ""), rows)


def _acts(tool: type[Tool]) -> str:
    """Which calls change something outside."""
    if "acts" in vars(tool):
        text = (inspect.getdoc(tool.acts) or "").rstrip(".")
        return text[:1].lower() + text[1:]
    operations = [f"`{each.name}`" for each in tool.operations.values() if each.acts]
    return ", ".join([*operations, *(f"with `{name}`" for name in tool.writes)]) or "never"


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> str:
    return _table(("parameter", "values", "default", ""), _rows(parameters))


def _rows(parameters: Sequence[Mapping[str, Any]], prefix: str = "") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for each in parameters:
        kind = ", ".join(f"`{choice}`" for choice in each["enum"]) if "enum" in each else each["type"]
        default = "required" if each["required"] else ""
        if each.get("default") not in (None, "", [], {}):
            default = f"`{json.dumps(each['default'], ensure_ascii=False)}`"
        rows.append((f"`{prefix}{each['name']}`", kind, default, _cell(each["description"])))
        rows += _rows(each.get("properties", ()), f"{prefix}{each['name']}.")
        rows += _rows(each.get("items", ()), f"{prefix}{each['name']}[].")
    return rows


def literal(value: Any, indent: str = "") -> str:
    """A value as Lua writes it."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and _LONG.fullmatch(value) and "]]" not in value:
        return f"[[\n{value}]]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return re.sub(r"\\u([0-9a-f]{4})", lambda found: f"\\{int(found[1], 16):03}", text)
    if isinstance(value, Mapping):
        items = [f"{_key(key)} = {literal(each, indent + '  ')}" for key, each in value.items()]
    elif isinstance(value, list | tuple):
        items = [literal(each, indent + "  ") for each in value]
    else:
        return str(value)
    line = f"{{{', '.join(items)}}}"
    if len(line) + len(indent) <= 80 and "\n" not in line:
        return line
    inner = "".join(f"{indent}  {item},\n" for item in items)
    return f"{{\n{inner}{indent}}}"


def _key(key: object) -> str:
    text = str(key)
    return text if _NAME.fullmatch(text) and text not in _KEYWORDS else f"[{json.dumps(text)}]"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
