"""The reference of a Lua global, read from the doc comments in its Lua files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmspell_kernel.lua.annotations import DocComment, doc_comment, markdown, signature

_FUNCTION = re.compile(r"(?P<local>local )?function (?P<name>[\w.:]+)\(")
_ASSIGNED = re.compile(r"(?P<name>\w+\.\w+) = ")
_TABLE = re.compile(r"local (?P<name>\w+)\b.*=")
_SIGNATURE_FENCE = "``` { .lua .signature }"


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented name; a class has no signature of its own."""

    name: str
    text: str


def entries(folder: Path) -> list[Entry]:
    """What the Lua files of a library folder document: the file named like the folder first.

    The global of a folder is called like it. A documented `local function call` is what calling the global
    does; any other documented local function `name` is the global's field `name`. Methods are named by the
    last part of their class, whatever the file calls its table.
    """
    main = folder / f"{folder.name}.lua"
    files = [main, *(file for file in sorted(folder.glob("*.lua")) if file != main)]
    return [entry for file in files for entry in _entries_of(file.read_text("utf-8"), folder.name)]


def page(folder: Path) -> str:
    """The Markdown below the title of a global's page; calling the global comes first."""
    found = sorted(entries(folder), key=lambda entry: entry.name != folder.name)
    return "\n\n".join(f"## {entry.name}\n\n{entry.text}" for entry in found)


def _entries_of(source: str, library: str) -> Iterator[Entry]:
    lines = source.splitlines()
    classes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if number == 1 or not lines[number - 2].startswith("---"):
            continue
        doc = doc_comment(source, number)
        if doc is None:
            continue
        if function := _FUNCTION.match(line):
            name = function["name"]
            if function["local"]:
                name = library if name == "call" else f"{library}.{name}"
            name = _public(name, classes)
            yield Entry(name, _as_markdown(doc, _signature_at(source, number, function["name"], name)))
        elif assigned := _ASSIGNED.match(line):
            name = _public(
                assigned["name"].replace(".", ":", assigned["name"].split(".")[0] in classes), classes
            )
            names = ", ".join(parameter.name.rstrip("?") for parameter in doc.parameters)
            yield Entry(name, _as_markdown(doc, f"{name}({names})"))
        elif (table_line := _TABLE.match(line)) and doc.class_name and doc.class_name != library:
            classes[table_line["name"]] = doc.class_name.rpartition(".")[2]
            yield Entry(doc.class_name, _as_markdown(doc, ""))


def _public(name: str, classes: Mapping[str, str]) -> str:
    """A name of the file as scripts know it: methods by their class."""
    table = re.split("[.:]", name)[0]
    return classes[table] + name.removeprefix(table) if table in classes else name


def _signature_at(source: str, line: int, written: str, public: str) -> str:
    text = signature(source, line, written)
    arguments = text[text.index("(") :]
    if written == "call":  # what __call gets first is the global itself
        arguments = "(" + arguments.removeprefix("(").partition(",")[2].strip()
    return (public if written != public else text.partition("(")[0]) + arguments


def _as_markdown(doc: DocComment, shown: str) -> str:
    text = markdown(doc, shown)
    return text.replace("```lua", _SIGNATURE_FENCE, 1) if shown else text
