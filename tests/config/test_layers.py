"""Profiles, and files that build on others."""

from __future__ import annotations

from typing import Any

import pytest

from llmspell_kernel.config.layers import DEEPEST, FOLDER, profiles, read_profile
from llmspell_kernel.config.sections import Settings

from .reader import Reader


def test_a_layer_can_restore_a_default(reader: Reader) -> None:
    assert not reader.read(profile="bases/embedded").settings.runtime.security.allow_file_access
    assert reader.read(profile="bases/embedded,features/files").settings.runtime.security.allow_file_access


def test_presets_go_by_their_bare_name() -> None:
    for name in ("presets/restricted", " restricted.toml "):
        assert read_profile(name) == read_profile("restricted")


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_every_profile_changes_something_and_fits(reader: Reader, profile: Any) -> None:
    found = reader.read(profile=profile.name)
    assert found.origins
    assert profile.description.endswith(".")
    assert all(str(origin).startswith("profile ") for origin in found.origins.values())


def test_every_profile_is_listed() -> None:
    assert {each.name for each in profiles()} == {
        f"{path.parent.name}/{path.stem}" for path in FOLDER.rglob("*.toml")
    }


@pytest.mark.parametrize("form", ["extends = {}", "[profile]\nextends = {}"])
def test_a_file_builds_on_profiles_and_files(reader: Reader, form: str) -> None:
    reader.write("sub/base.toml", "[kernel]\nport = 7\noutput_limit = 7")
    text = form.format('["minimal", "./sub/base.toml"]') + "\n[kernel]\noutput_limit = 8"
    found = reader.read(reader.write("mine.toml", text)).settings
    assert (found.engines.lua.stdlib, found.kernel.port, found.kernel.output_limit) == ("basic", 7, 8)


def test_what_does_not_extend(reader: Reader) -> None:
    assert reader.problems_in("\nextends = ['minimall']") == [
        "bad.toml:2: no profile called 'minimall'; did you mean minimal?"
    ]
    assert "expected a list of names of profiles, got 3" in reader.problems_in("extends = 3")[0]
    assert reader.problems_in("extends = './gone.toml'") == [
        "gone.toml: there is no such file; `llmspell config init` writes one"
    ]


def test_a_circle_is_named(reader: Reader) -> None:
    reader.write("b.toml", "extends = './c.toml'")
    reader.write("c.toml", "extends = './a.toml'")
    (problem,) = reader.problems_in("extends = './b.toml'", "a.toml")
    assert problem == "a.toml: extends itself: a.toml -> b.toml -> c.toml -> a.toml"


def test_a_chain_has_an_end(reader: Reader) -> None:
    for number in range(DEEPEST + 1):
        reader.write(f"{number}.toml", f"extends = './{number + 1}.toml'")
    reader.write(f"{DEEPEST}.toml", "")
    (problem,) = reader.problems(str(reader.here / "0.toml"))
    assert f"more than {DEEPEST} files extend each other" in problem
    assert reader.read(str(reader.here / "1.toml")).settings == Settings()
