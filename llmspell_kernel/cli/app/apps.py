"""Apps: folders with a `main.lua`, and a `config.toml` that describes them and has settings for them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from llmspell_kernel.config import layers
from llmspell_kernel.config.checking import shown
from llmspell_kernel.config.documents import key_lines, parse_document, read_text
from llmspell_kernel.config.layers import Values
from llmspell_kernel.errors import SettingsError, UsageError

PATH_VARIABLE = "LLMSPELL_APP_PATH"
MAIN, CONFIG = "main.lua", "config.toml"


_WANTED = {"tags": "a list of texts", "agents": "a number or a list of names"}


class About(Struct, frozen=True):
    """The table `[app]` of a config.toml. All of it may be missing.

    Attributes:
        name: as people write it; commands take the folder's name too.
        agents: how many agents it has, or what they are called.
    """

    name: str = ""
    description: str = ""
    version: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    complexity: str = ""
    agents: int | tuple[str, ...] = 0


@dataclass(frozen=True, slots=True)
class App:
    """One app.

    Attributes:
        name: of its folder, by which commands know it.
        about: what it says of itself.
        problems: what is wrong with its config.toml; a line for each.
    """

    name: str
    folder: Path
    about: About
    problems: tuple[str, ...] = ()

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """By its folder, whose config.toml is read now; what is wrong there is in `problems`."""
        name = folder.absolute().name
        file = folder / CONFIG
        if not os.path.lexists(file):
            return cls(name, folder, About())
        try:
            text = read_text(file)
            document = parse_document(text, str(file))
        except SettingsError as error:
            return cls(name, folder, About(), tuple(str(error).splitlines()))
        lines = key_lines(text)
        problems = []
        fields: dict[str, Any] = {}
        for key, value, annotation in _described(document):
            try:
                fields[key] = msgspec.convert(value, annotation)
            except msgspec.ValidationError:
                line = lines.get(("app", key), 0)
                wanted = _WANTED.get(key, "a text")
                problems.append(f"{file}:{line}: app.{key}: expected {wanted}, got {shown(value)}")
        if not isinstance(document.get("app", {}), dict):
            problems.append(f"{file}:{lines.get(('app',), 0)}: app: expected a table, as in [app]")
        return cls(name, folder, About(**fields), tuple(problems))

    @property
    def main(self) -> Path:
        """The script that is run."""
        return self.folder / MAIN

    @property
    def agents(self) -> int:
        """How many agents it says to have."""
        return self.about.agents if isinstance(self.about.agents, int) else len(self.about.agents)

    def settings(self) -> Values:
        """The settings that it brings; they count less than any that the user makes.

        Raises:
            SettingsError: they cannot be read, or would loosen the sandbox.
        """
        file = self.folder / CONFIG
        if not os.path.lexists(file):
            return {}
        values = layers.read_file(str(file))
        for key, (value, origin) in values.items():
            if key[-1] == "security_level" and value != "safe":
                raise SettingsError.at(
                    str(origin),
                    f"{'.'.join(key)}: an app cannot ask for more than safe; leave it out, and run the "
                    "app with --profile features/trusted if you trust it",
                )
        return values

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        about = msgspec.to_builtins(self.about)
        title = about.pop("name")
        record = {"name": self.name, "title": title or self.name, **about}
        return {**record, "folder": str(self.folder), "problems": list(self.problems)}


def _described(document: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The values of `[app]` that About knows, each with its type."""
    table = document.get("app")
    if isinstance(table, dict):
        for field in msgspec.structs.fields(About):
            if field.name in table:
                yield field.name, table[field.name], field.type


def places(first: Sequence[Path] = ()) -> list[Path]:
    """Where apps are looked for: in `first`, in what the environment names, and where they usually are.

    The working directory comes last: it cannot put something else in the place of an app that is installed.
    """
    named = [Path(each).expanduser() for each in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if each]
    usual = [Path.home() / ".llmspell" / "apps", Path("/usr/local/share/llmspell/apps"), Path("apps")]
    return list(dict.fromkeys((*first, *named, *usual)))


def find_apps(first: Sequence[Path] = ()) -> list[App]:
    """All apps by name; of two with one name the one that is found first."""
    found: dict[str, App] = {}
    for place in places(first):
        for folder in _folders(place):
            if folder.name not in found and (folder / MAIN).is_file():
                found[folder.name] = App.of_folder(folder)
    return [found[name] for name in sorted(found, key=str.casefold)]


def _folders(place: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(place) if entry.is_dir() and entry.name[0] != "."]
    except OSError:  # not there, or not ours to read
        return []


def find_app(name: str, first: Sequence[Path] = ()) -> App:
    """The app of that name; with a slash in it, of that folder.

    Raises:
        UsageError: there is none; names the nearest.
    """
    if os.sep in name or name == os.curdir:
        folder = Path(name)
        if not (folder / MAIN).is_file():
            raise UsageError(f"{folder} is no app: there is no {MAIN} in it")
        return App.of_folder(folder)
    there = find_apps(first)
    for app in there:
        if app.name == name:
            return app
    for app in there:
        if app.about.name.casefold() == name.casefold():
            return app
    close = difflib.get_close_matches(name, [app.name for app in there], 1)
    hint = f"did you mean {close[0]}?" if close else "`llmspell app list` shows those that there are"
    raise UsageError(f"there is no app called {name}; {hint}")
