"""Settings as TOML text: what is in effect, a new file, a changed value."""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

import msgspec

from llmspell_kernel.config import schema
from llmspell_kernel.config.checking import checked, convert
from llmspell_kernel.config.documents import Key, parse_document, read_text
from llmspell_kernel.config.layers import KINDS, Origin, Values, read_layer
from llmspell_kernel.errors import SettingsError

_BARE = re.compile(r"[A-Za-z0-9_-]+")

Note = Callable[[Key], str]
"""What stands behind a line as a comment; nothing if it is empty."""


def toml_text(table: Mapping[str, Any], note: Note = lambda key: "", above: Key = ()) -> str:
    """A table as TOML; what has no value (None) is left out."""
    return "\n\n".join(_blocks(table, note, above))


def _blocks(table: Mapping[str, Any], note: Note, above: Key) -> Iterator[str]:
    values = {name: value for name, value in table.items() if not isinstance(value, dict)}
    lines = [_header(above)] if above and (values or not table) else []
    for name, value in values.items():
        if value is not None:
            behind = note((*above, name))
            lines.append(f"{_name(name)} = {toml_value(value)}" + (f"  # {behind}" if behind else ""))
    if lines:
        yield "\n".join(lines)
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _blocks(value, note, (*above, name))


def _header(key: Key) -> str:
    return f"[{'.'.join(map(_name, key))}]"


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_name(name)} = {toml_value(each)}" for name, each in value.items()) + " }"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def new_file(extends: Sequence[str] = ()) -> str:
    """The text of a file with every setting in it, as comments: description, default, what is allowed."""
    named = [name if "/" in name else f"presets/{name}" for name in extends]
    lines = [
        "# Settings of LLMSpell. A line without # in front counts; `llmspell config validate` checks them.",
        f"{'' if named else '# '}extends = {toml_value(named or ['presets/default'])}"
        f"  # {', '.join(KINDS)}: llmspell config list-profiles",
        "",
        *_commented(schema.root()),
    ]
    return "\n".join(lines) + "\n"


def _commented(table: schema.Node) -> Iterator[str]:
    is_free = schema.ANY_NAME in table.key
    if table.key:
        yield ""
        yield from _remark(table.description)
        yield f"{'# ' if is_free else ''}[{table.name}]"
    for child in table.children:
        if child.table is None:
            values = "" if child.kind in (bool, str) else f" ({child.wanted})"
            yield from _remark(child.description + values)
            value = 0 if child.default is None else child.default
            yield f"# {child.key[-1]} = {toml_value(value)}"
    for child in table.children:
        if child.table is not None:
            yield from _commented(child)
    if table.rest is not None and table.rest.table is not None:
        yield from _commented(table.rest)


def _remark(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="# ", subsequent_indent="# ")


def with_value(text: str, key: Key, value: str, name: str) -> str:
    """The text of a file with one setting changed or added; comments and order stay.

    Args:
        text: TOML, or nothing.
        key: a setting's.
        value: as the command line has it.
        name: the file's, for messages.

    Raises:
        SettingsError: no such setting, a value that does not fit, or a file that is wrong in another place.
    """
    import tomlkit

    converted = converted_value(key, value)
    parse_document(text, name)  # for its message
    document = tomlkit.parse(text)
    place: Any = document
    for each in key[:-1]:
        if not isinstance(place.setdefault(each, tomlkit.table()), dict):
            break
        place = place[each]
    place[key[-1]] = converted
    changed = tomlkit.dumps(document)
    checked(read_layer(changed, Path(name)))
    return changed


def converted_value(key: Key, text: str) -> Any:
    """What a text of the command line means for a setting.

    Raises:
        SettingsError: no such setting, or a value that does not fit.
    """
    name = ".".join(key)
    values: Values = {key: (text, Origin("flag", "VALUE"))}
    node = schema.find(key)
    if node is None or node.table is not None:
        checked(values)  # tells what is wrong
        raise SettingsError.at(name, "is a table; name one of its settings")
    if node.kind is Any:
        return _any_value(text)
    try:
        return msgspec.to_builtins(convert(node, text, from_text=True))
    except ValueError as error:
        raise SettingsError.at(name, str(error)) from error


def _any_value(text: str) -> Any:
    """An option of a provider: TOML if it reads as such, a text otherwise."""
    try:
        return parse_document(f"value = {text}", "")["value"]
    except SettingsError:
        return text


def write_file(path: Path, text: str) -> None:
    """Writes a file of settings at once or not at all; only its owner may read a new one.

    Raises:
        SettingsError: it cannot be written.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        with tempfile.NamedTemporaryFile("w", dir=target.parent, prefix=".llmspell-", delete=False) as fresh:
            fresh.write(text)
        os.chmod(fresh.name, mode)
        os.replace(fresh.name, target)
    except OSError as error:
        raise SettingsError.at(str(path), f"cannot be written: {error.strerror}") from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file of settings, for editors that check TOML."""
    names = {"type": "array", "items": {"type": "string"}}
    about = {
        "extends": {"description": "Profiles or files to build on.", "anyOf": [{"type": "string"}, names]},
        "profile": {"type": "object", "description": "What the file says about itself."},
        "metadata": {"type": "object", "description": "What the file says about itself."},
    }
    top = _schema_of(schema.root())
    top["properties"] |= about
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "LLMSpell settings",
        **top,
    }


def _schema_of(node: schema.Node) -> dict[str, Any]:
    if node.table is None:
        found: dict[str, Any] = msgspec.json.schema(node.annotation) if node.kind is not Any else {}
        if node.default is not None:
            found["default"] = node.default
        return found
    children = {child.key[-1]: _schema_of(child) for child in node.children}
    found = {"type": "object", "properties": children}
    if node.description:
        found["description"] = node.description
    found["additionalProperties"] = _schema_of(node.rest) if node.rest is not None else False
    return found


def current_text(path: Path) -> str:
    """The text of a file that may not be there yet.

    Raises:
        SettingsError: it cannot be read.
    """
    return read_text(path) if path.exists() else ""
