"""Layers: tables of settings that are laid over each other, each setting with where it came from.

A layer is a TOML file. Files that come with the package are known by names like `envs/dev`; a profile is such
a name, a comma-separated list of them, or a bare name of a preset. A file may build on others with `extends`,
at its top or in its table `[profile]`: names again, or paths of files (with `/` at the start, `./`, `../` or
`~`) that count from its own folder. What a file says itself comes over what it extends, later names over
earlier ones. Only what a file mentions counts, so it may also say a default again.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmspell_kernel.config.documents import Key, entries, key_lines, parse_document, read_text
from llmspell_kernel.errors import SettingsError

FOLDER = Path(__file__).parent / "profiles"
KINDS = ("bases", "features", "envs", "backends", "presets")
DEEPEST = 10

_ABOUT = ("app", "extends", "metadata", "profile")
"""What a file says about itself or its app; no settings."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting came from.

    Attributes:
        kind: `default`, `file`, `profile`, `environment`, `flag` or `script`.
        name: the file, the profile's layer, the variable; `command line` for a flag.
        line: in the file; 0 where there is none.
    """

    kind: str
    name: str = ""
    line: int = 0

    def __str__(self) -> str:
        """As in `place: problem`."""
        place = f"{self.name}:{self.line}" if self.line else self.name
        return f"profile {place}" if self.kind == "profile" else place or self.kind


DEFAULT = Origin("default")

Values = dict[Key, tuple[Any, Origin]]
"""Settings by key: the value as it was written, and where."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One layer file of the package, as a list of profiles shows it."""

    name: str
    description: str
    extends: tuple[str, ...]


def profiles() -> list[Profile]:
    """All layers that come with the package; presets last."""
    found = []
    for kind in KINDS:
        for path in sorted((FOLDER / kind).glob("*.toml")):
            about = parse_document(read_text(path), str(path))["profile"]
            found.append(
                Profile(f"{kind}/{path.stem}", about["description"], tuple(about.get("extends", ())))
            )
    return found


def read_file(path: str) -> Values:
    """The settings of a file and of all that it extends.

    Raises:
        SettingsError: one of them cannot be read, or does not exist.
    """
    return _read(Path(path), Origin("file", path), ())


def read_profile(name: str, place: str = "--profile") -> Values:
    """The settings of the layers of a profile, as the command line names it; `place` is for messages.

    Raises:
        SettingsError: there is no such layer.
    """
    values: Values = {}
    for each in filter(None, map(str.strip, name.split(","))):
        lay_over(values, _layer(each, place, ()))
    return values


def _layer(name: str, place: str, below: Sequence[str]) -> Values:
    path = _find(name, place)
    return _read(path, Origin("profile", f"{path.parent.name}/{path.stem}"), below)


def _find(name: str, place: str) -> Path:
    full = name.removesuffix(".toml") if "/" in name else f"presets/{name.removesuffix('.toml')}"
    kind, _, stem = full.partition("/")
    path = FOLDER / kind / f"{stem}.toml"
    if kind in KINDS and "/" not in stem and path.is_file():
        return path
    known = [f"{each.parent.name}/{each.stem}" for each in sorted(FOLDER.glob("*/*.toml"))]
    stems = {each.rpartition("/")[2]: each for each in known}
    close = difflib.get_close_matches(full, known, 1) if "/" in name else []
    close = close or [stems[each] for each in difflib.get_close_matches(stem or full, stems, 1)]
    advice = (
        f"did you mean {close[0].removeprefix('presets/')}?" if close else "there are " + ", ".join(known)
    )
    raise SettingsError.at(place, f"no profile called {name!r}; {advice}")


def _read(path: Path, origin: Origin, below: Sequence[str]) -> Values:
    """`below` are the files that extend each other down to this one."""
    here = str(path.resolve())
    if here in below:
        circle = " -> ".join(_shown(each) for each in (*below[below.index(here) :], here))
        raise SettingsError.at(str(origin), f"extends itself: {circle}")
    if len(below) >= DEEPEST:
        raise SettingsError.at(
            str(origin),
            f"more than {DEEPEST} files extend each other: {_shown(below[0])} -> ... -> {_shown(here)}",
        )
    return _with_layers(read_text(path), path, origin, (*below, here))


def read_layer(text: str, path: Path) -> Values:
    """The settings of a text that is, or will be, in a file; with all that it extends.

    Raises:
        SettingsError: it is no TOML, or something that it extends cannot be read.
    """
    return _with_layers(text, path, Origin("file", str(path)), (str(path.resolve()),))


def _with_layers(text: str, path: Path, origin: Origin, chain: Sequence[str]) -> Values:
    """`chain` are the files that extend each other down to and with this one."""
    document = parse_document(text, str(origin))
    values: Values = {}
    lines = key_lines(text)
    for at, name in _extended(document, origin, lines):
        if name.startswith(("/", "./", "../", "~")):
            file = path.parent / Path(name).expanduser()
            lay_over(values, _read(file, Origin("file", str(file)), chain))
        else:
            lay_over(values, _layer(name, at, chain))
    for about in _ABOUT:
        document.pop(about, None)
    own = {
        entry.key: (entry.value, Origin(origin.kind, origin.name, entry.line))
        for entry in entries(document, text)
    }
    lay_over(values, own)
    return values


def lay_over(values: Values, above: Values) -> None:
    """Puts a layer over others; what is later in the result counts more."""
    for key, value in above.items():
        values.pop(key, None)
        values[key] = value


def _extended(document: dict[str, Any], origin: Origin, lines: dict[Key, int]) -> list[tuple[str, str]]:
    """Where, and what it names, for each name that a file extends."""
    about = document.get("profile")
    found = []
    for key, table in (("extends",), document), (("profile", "extends"), about):
        names = table.get("extends", []) if isinstance(table, dict) else []
        line = lines.get(key, 0)
        at = str(Origin(origin.kind, origin.name, line))
        if isinstance(names, str):
            names = [names]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SettingsError.at(
                at, f"{'.'.join(key)}: expected a list of names of profiles, got {names!r}"
            )
        found += [(at, name) for name in names]
    return found


def _shown(path: str) -> str:
    file = Path(path)
    return f"{file.parent.name}/{file.stem}" if FOLDER.resolve() in file.parents else path
