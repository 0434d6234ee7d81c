"""What the Lua files of the library document: the names that scripts see, with their doc comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from llmspell_kernel.lua.annotations import DocComment, doc_comment, signature, with_documented

_FUNCTION = re.compile(r"(?P<local>local )?function (?P<name>[\w.:]+)\(")
_ASSIGNED = re.compile(r"(?P<name>\w+\.\w+) = ")
_TABLE = re.compile(r"local (?P<name>\w+)\b.*=")


class Documented(NamedTuple):
    """One documented name.

    Attributes:
        kind: the `global` table itself, a `call` of it, another `class`, a `function`, or a `value`.
        name: as scripts know it; a method's is `class:name`, by the last part of its class's name.
        signature: `name(a, b)`; empty for a class.
        class_name: of a method or a class, in full.
        comment: the lines of the comment, with their dashes.
        doc: what they say.
    """

    kind: Literal["global", "call", "class", "function", "value"]
    name: str
    signature: str
    class_name: str
    comment: tuple[str, ...]
    doc: DocComment


def documented(folder: Path, name: str) -> Iterator[Documented]:
    """What a library folder documents, the file named like the folder first.

    `name` is the global that the folder gives to scripts. A documented `local function call` is what calling
    it does; any other documented local function is its field of that name.
    """
    main = folder / f"{folder.name}.lua"
    for file in (main, *(file for file in sorted(folder.glob("*.lua")) if file != main)):
        yield from _documented_in(file.read_text("utf-8"), name)


def _documented_in(source: str, library: str) -> Iterator[Documented]:
    lines = source.splitlines()
    classes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if number == 1 or not lines[number - 2].startswith("---"):
            continue
        doc = doc_comment(source, number)
        if doc is None:
            continue
        comment = _comment(lines, number - 1)
        if function := _FUNCTION.match(line):
            written = function["name"]
            name = written
            if function["local"]:
                name = library if name == "call" else f"{library}.{name}"
            public = _public(name, classes)
            shown = with_documented(doc, _signature_at(source, number, written, public))
            kind: Literal["call", "function"] = "call" if public == library else "function"
            yield Documented(kind, public, shown, classes.get(_table_of(name), ""), comment, doc)
        elif assigned := _ASSIGNED.match(line):
            table = _table_of(assigned["name"])
            public = _public(assigned["name"].replace(".", ":", table in classes), classes)
            names = ", ".join(parameter.name.rstrip("?") for parameter in doc.parameters)
            if doc.parameters or doc.returns or not doc.type:
                yield Documented(
                    "function", public, f"{public}({names})", classes.get(table, ""), comment, doc
                )
            else:
                yield Documented("value", public, public, classes.get(table, ""), comment, doc)
        elif (table_line := _TABLE.match(line)) and doc.class_name:
            if doc.class_name == library:
                yield Documented("global", library, "", library, comment, doc)
            else:
                classes[table_line["name"]] = doc.class_name
                yield Documented("class", doc.class_name, "", doc.class_name, comment, doc)


def _comment(lines: list[str], end: int) -> tuple[str, ...]:
    """The `---` lines that end with the line of this number (from 1)."""
    start = end
    while start > 0 and lines[start - 1].startswith("---"):
        start -= 1
    return tuple(lines[start:end])


def _table_of(name: str) -> str:
    return re.split("[.:]", name)[0]


def _public(name: str, classes: Mapping[str, str]) -> str:
    """A name of the file as scripts know it: methods by the last part of their class."""
    table = _table_of(name)
    return classes[table].rpartition(".")[2] + name.removeprefix(table) if table in classes else name


def _signature_at(source: str, line: int, written: str, public: str) -> str:
    text = signature(source, line, written)
    arguments = text[text.index("(") :]
    if written == "call":  # what __call gets first is the global itself
        arguments = "(" + arguments.removeprefix("(").partition(",")[2].strip()
    return (public if written != public else text.partition("(")[0]) + arguments
