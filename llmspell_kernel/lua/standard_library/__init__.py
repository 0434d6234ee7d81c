"""Help on Lua's standard library, keywords, metamethods and a few topics.

The texts are TOML files beside this module, one a library, read when help is first asked for. A key is a
qualified name: `string.format`, `file:read`, `__index`, `while`, or a topic such as `patterns`. A key
`name@version` changes what is different about that name in one version. A file may set `versions` and `kind`
for all of its entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from llmspell_kernel.errors import LanguageUnavailableError
from llmspell_kernel.lua.help_page import HelpPage, Parameter

Kind = Literal["function", "method", "value", "library", "metamethod", "keyword", "topic"]
Version = Literal["5.4", "5.5", "luajit"]

VERSIONS: tuple[Version, ...] = get_args(Version)
"""The versions there is help for, as entries name them."""

_SPELLINGS: dict[str, Version] = {"54": "5.4", "55": "5.5", "51": "luajit", "jit": "luajit"}
_SPELLING = re.compile(r"jit|5\.?[145](?!\d)", re.IGNORECASE)
_TITLES = {"5.4": "Lua 5.4", "5.5": "Lua 5.5", "luajit": "LuaJIT"}
_HEAD = re.compile(r"string\.buffer|\w+")
_FILES_OF = {"file": "io", "buffer": "string_buffer", "string.buffer": "string_buffer"}
_WORDS = ("basic", "keywords", "metamethods", "topics")
_PLACES = {"keyword": "Lua keyword", "metamethod": "Lua metamethod", "topic": "Lua topic"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Help on one name, as it is in one version.

    Attributes:
        name: the qualified name it is found under.
        parameters: in the order of the signature.
        returns: what comes back, in words; empty where nothing does.
        example: Lua code that runs in this version; a comment `--> text` tells what the line prints.
        versions: all versions that have the name.
        deprecated: what to do instead; empty if the name is in good standing.
        runnable: false for an example that ends or blocks the program.
    """

    name: str
    kind: Kind
    signature: str
    summary: str
    parameters: tuple[Parameter, ...]
    returns: str
    description: str
    example: str
    versions: tuple[Version, ...]
    deprecated: str
    runnable: bool


def lookup(qualified_name: str, version: str) -> Entry | None:
    """The entry of a name in a version, or none.

    `_G.print` is `print`, and a function called as a method (`string:upper`) is found too.

    Args:
        qualified_name: such as `string.format`, `file:read`, `__index` or `while`.
        version: as usually spelled: `5.4`, `lua54`, `Lua 5.4`, `luajit`, `LuaJIT 2.1`; `Lua 5.1` is LuaJIT.

    Raises:
        LanguageUnavailableError: there is no such version.
    """
    known = _version(version)
    name = qualified_name.strip().removeprefix("_G.").removeprefix("_ENV.")
    head, dot, member = name.rpartition(".")
    candidates = (name, name.replace(":", "."), f"{head}:{member}" if dot else name)
    for stem in _stems(name):
        entries = _entries(known, stem)
        if found := next((entries[candidate] for candidate in candidates if candidate in entries), None):
            return found
    return None


def names(version: str) -> tuple[str, ...]:
    """All names that have an entry in a version, sorted.

    Raises:
        LanguageUnavailableError: there is no such version.
    """
    known = _version(version)
    return tuple(sorted(name for stem in _files() for name in _entries(known, stem)))


def markdown(entry: Entry) -> str:
    """The entry as Markdown for a notebook's tooltip or help pane."""
    return _page(entry).markdown()


def plain(entry: Entry) -> str:
    """The entry as text for a terminal."""
    return _page(entry).plain()


def _page(entry: Entry) -> HelpPage:
    place = _PLACES.get(entry.kind, "Lua standard library")
    return HelpPage(
        signature=entry.signature,
        summary=entry.summary,
        notes=(f"Deprecated: {entry.deprecated}.",) if entry.deprecated else (),
        description=entry.description,
        parameters=entry.parameters,
        returns=(Parameter("", "", entry.returns),) if entry.returns else (),
        example=entry.example,
        place=f"{place} ({', '.join(_TITLES[version] for version in entry.versions)})",
    )


def _version(spelling: str) -> Version:
    if match := _SPELLING.search(spelling):
        return _SPELLINGS[match[0].lower().replace(".", "")]
    raise LanguageUnavailableError.of(spelling, VERSIONS)


@cache
def _files() -> tuple[str, ...]:
    """The files' names without their ending."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


def _stems(name: str) -> tuple[str, ...]:
    """The files that may have `name`, the likeliest first: to read one costs little, all of them do not."""
    head = _HEAD.match(name)
    own = _FILES_OF.get(head[0], head[0]) if head else ""
    first = (own,) if own in _files() else ()
    return first if first and head and head[0] != name else (*first, *_WORDS)


@cache
def _entries(version: Version, stem: str) -> Mapping[str, Entry]:
    """The entries of one file in one version by name."""
    entries: dict[str, Entry] = {}
    for name, fields in _data(stem).items():
        if version in fields["versions"]:
            entries[name] = _entry(name, version, fields)
    return entries


@cache
def _data(stem: str) -> Mapping[str, dict[str, Any]]:
    """What a file says, by name; the variants of a name are under its key `variants`, by version."""
    import tomllib

    data: dict[str, dict[str, Any]] = {}
    path = Path(__file__).parent / f"{stem}.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    kind = document.pop("kind", "function")
    versions = document.pop("versions", VERSIONS)
    for key, fields in document.items():
        name, _, variant = key.partition("@")
        if not variant:
            data[name] = {"kind": kind, "variants": {}, **fields}
            data[name]["versions"] = set(fields.get("versions", versions))
        else:
            data[name]["variants"][variant] = fields
            data[name]["versions"].add(variant)
    return data


def _entry(name: str, version: Version, fields: Mapping[str, Any]) -> Entry:
    variant = fields["variants"].get(version, {})
    merged = {**fields, **variant}
    if version not in merged.get("example_versions", VERSIONS) and "example" not in variant:
        merged["example"] = ""
    return Entry(
        name=name,
        kind=merged["kind"],
        signature=merged["signature"],
        summary=merged["summary"],
        parameters=tuple(
            Parameter(parameter, "", text) for parameter, text in merged.get("parameters", {}).items()
        ),
        returns=merged.get("returns", ""),
        description=merged.get("description", "").strip(),
        example=merged.get("example", "").strip(),
        versions=tuple(known for known in VERSIONS if known in fields["versions"]),
        deprecated=merged.get("deprecated", ""),
        runnable=merged.get("run", True),
    )
