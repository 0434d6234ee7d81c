"""Reading the settings from all their sources."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from llmspell_kernel.config import layers, schema, sources
from llmspell_kernel.config.checking import checked
from llmspell_kernel.config.documents import Key, flat
from llmspell_kernel.config.environment import read_environment
from llmspell_kernel.config.layers import DEFAULT, Origin, Values
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import SettingsError

HIDDEN = "********"
"""What is shown instead of a secret."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where they came from.

    Attributes:
        settings: all of them.
        origins: where each came from that is not simply the default, by its key.
        sources: what was read, from the weakest to the strongest: files, profiles, `environment`, `flags`.
        file: the discovered file or the one that was named; None if there is none.
        unknown_variables: those of the environment that look like settings but are none.
    """

    settings: Settings
    origins: Mapping[Key, Origin]
    sources: tuple[str, ...] = ()
    file: str | None = None
    unknown_variables: tuple[str, ...] = ()

    def origin(self, key: Key) -> Origin:
        """Where a setting came from; for a part of a provider's option, where the option did."""
        if key in self.origins:
            return self.origins[key]
        node = schema.find(key[:3])
        is_part = len(key) > 3 and node is not None and node.kind is Any
        return self.origin(key[:-1]) if is_part else DEFAULT

    def shown(self, key: Key) -> Any:
        """A setting, or a table of them as a dict; without secrets.

        Raises:
            SettingsError: there is none of that key.
        """
        value: Any = as_table(self.settings, hide=True)
        for name in key:
            if not isinstance(value, dict) or name not in value:
                raise SettingsError.at(".".join(key), "there is nothing of that name in the settings")
            value = value[name]
        return value


def load(
    config: str | None = None,
    profile: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    defaults: Values | None = None,
    environ: Mapping[str, str] | None = None,
    directory: str = "",
) -> Loaded:
    """The settings: defaults < discovered file < `config` < `profile` < environment < `flags`, all merged.

    Args:
        config: a file that the command line names; LLMSPELL_CONFIG if it names none.
        profile: as `--profile` has it; LLMSPELL_PROFILE if there is none.
        flags: settings of the command line by dotted key, as values or as texts.
        defaults: settings that all others come over.
        environ: in place of the process's environment.
        directory: where files are looked for first; the working directory by default.

    Raises:
        SettingsError: something cannot be read or does not fit; a line for each problem.
    """
    known = os.environ if environ is None else environ
    values: Values = dict(defaults or {})
    read = []
    found = sources.discovered(known, directory)
    config = config or known.get(sources.FILE_VARIABLE)
    for path in (found, config):
        if path and path not in read:
            layers.lay_over(values, layers.read_file(path))
            read.append(path)
    place = "--profile" if profile else sources.PROFILE_VARIABLE
    profile = profile or known.get(sources.PROFILE_VARIABLE)
    if profile:
        layers.lay_over(values, layers.read_profile(profile, place))
        read.append(f"profile {profile}")
    from_environment, unknown = read_environment(known)
    if from_environment:
        layers.lay_over(values, from_environment)
        read.append("environment")
    if flags:
        for name, value in flags.items():
            layers.lay_over(values, {tuple(name.split(".")): (value, Origin("flag", "command line"))})
        read.append("flags")
    values = _renamed(values)
    settings = checked(values)
    origins = {key: origin for key, (_, origin) in values.items()}
    return Loaded(settings, origins, tuple(read), config or found, tuple(unknown))


def over_defaults(given: Mapping[str, Any] | os.PathLike[str] | str) -> Settings:
    """The settings of tables, or of a file and what it extends, over the defaults; nothing else is read.

    Raises:
        SettingsError: the file cannot be read, or something does not fit; a line for each problem.
        TypeError: a key that is no string.
    """
    if isinstance(given, Mapping):
        values = {}
        for key, value in flat(given):
            if not all(isinstance(name, str) for name in key):
                raise TypeError(f"the key of a setting is a string, not one of {key!r}")
            values[key] = (value, Origin("settings"))
    else:
        values = layers.read_file(os.path.expanduser(given))
    return checked(_renamed(values))


def _renamed(values: Values) -> Values:
    """With what older files write in another way."""
    result: Values = {}
    for key, value in values.items():
        if key[:2] == ("providers", "providers") and len(key) > 2:
            key = ("providers", *key[2:])
        if key[:1] == ("providers",) and len(key) == 3 and key[2] == "model":
            key = (*key[:2], "default_model")
        result.pop(key, None)
        result[key] = value
    return result


def as_table(settings: Settings, *, hide: bool = False) -> dict[str, Any]:
    """The settings as the tables that a TOML file of them has; with `hide`, without secrets' values."""
    table: dict[str, Any] = _tables(schema.root(), msgspec.to_builtins(settings), (), hide)
    return table


def _tables(node: schema.Node, value: Any, key: Key, hide: bool) -> Any:
    if hide and node.table is None and value and key and schema.is_secret(key):
        return HIDDEN
    if node.table is None or not isinstance(value, dict):
        return value
    table = {
        child.key[-1]: _tables(child, value[child.key[-1]], (*key, child.key[-1]), hide)
        for child in node.children
    }
    if node.rest is not None:
        for name, each in value[node.rest_field].items():
            table[name] = _tables(node.rest, each, (*key, name), hide)
    return table
