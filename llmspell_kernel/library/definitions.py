"""Definition files of the globals, for the Lua language server (LuaLS) of an editor.

Their format is LuaLS's: Lua with `---@meta` at the top, `---` annotations, and functions without a body.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from llmspell_kernel.library.faces import Documented, documented


def definition(folder: str, name: str) -> str:
    """The definition file of the global `name`, which the folder of the library gives to scripts."""
    package = importlib.import_module(f"llmspell_kernel.library.{folder}")
    place = Path(next(iter(package.__path__)))
    found = list(documented(place, name))
    calls = [each for each in found if each.kind == "call"]
    tables = [each for each in found if each.kind in ("global", "class")]
    rest = [each for each in found if each.kind in ("function", "value")]
    parts = [f"---@meta {name}"]
    parts += [_table(each, calls if each.kind == "global" else []) for each in tables]
    parts += [_member(each, {each.class_name: _local(each.class_name) for each in tables}) for each in rest]
    parts += [_constructor(name, each) for each in getattr(package, "CONSTRUCTORS", ())]
    return "\n\n".join(parts) + "\n"


def write_definitions(folder: Path, library: Mapping[str, str]) -> list[Path]:
    """Writes a file for each global of `library` (its folder, and its name); answers the files.

    Raises:
        OSError: one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for package, name in library.items():
        path = folder / f"{name}.lua"
        path.write_text(definition(package, name), "utf-8")
        written.append(path)
    return written


def _local(class_name: str) -> str:
    """What the table of a class is called in its file; its methods are named by it."""
    return class_name.rpartition(".")[2]


def _table(each: Documented, calls: list[Documented]) -> str:
    comment = list(each.comment)
    for call in calls:
        parameters = ", ".join(_parameter(item.name, item.type) for item in call.doc.parameters)
        results = ", ".join(item.type or "any" for item in call.doc.returns)
        comment.append(f"---@overload fun({parameters})" + (f": {results}" if results else ""))
    head = "" if each.kind == "global" else "local "
    return "\n".join([*comment, f"{head}{_local(each.name)} = {{}}"])


def _constructor(table: str, name: str) -> str:
    return f"---@param attributes? table\n---@return table\nfunction {table}.{name}(attributes) end"


def _parameter(name: str, kind: str) -> str:
    return f"{name}: {kind or 'any'}"


def _member(each: Documented, tables: Mapping[str, str]) -> str:
    if each.kind == "value":
        return "\n".join([*each.comment, f"{each.name} = nil"])
    name, _, arguments = each.signature.partition("(")
    if each.class_name and each.class_name in tables:
        name = tables[each.class_name] + name[len(name.split(":")[0].split(".")[0]) :]
    return "\n".join([*each.comment, f"function {name}({arguments} end"])
