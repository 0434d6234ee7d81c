"""The definition files for editors, and the help that every function has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmspell_kernel.client.embedded import EmbeddedClient, start_embedded_kernel
from llmspell_kernel.library.definitions import write_definitions
from llmspell_kernel.runtime import LIBRARY

FUNCTIONS = """
local global = ...
local names = {}
for name, value in pairs(_G[global]) do
  if type(name) == "string" and type(value) == "function" then names[#names + 1] = name end
end
table.sort(names)
return table.concat(names, " ")
"""


@pytest.fixture(scope="module")
def client() -> Iterator[EmbeddedClient]:
    with start_embedded_kernel({"runtime": {"state_persistence": {"backend_type": "memory"}}}) as client:
        yield client


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("definitions")
    write_definitions(folder, LIBRARY)
    return folder


def functions_of(client: EmbeddedClient, name: str) -> list[str]:
    execution = client.execute(f"print((function(...) {FUNCTIONS} end)('{name}'))")
    assert execution.error is None, execution.error
    return execution.stdout.split()


@pytest.mark.parametrize("name", LIBRARY.values())
def test_each_function_is_defined(client: EmbeddedClient, definitions: Path, name: str) -> None:
    text = (definitions / f"{name}.lua").read_text("utf-8")
    defined = set(re.findall(rf"^(?:function )?{name}\.(\w+)", text, re.MULTILINE))
    assert set(functions_of(client, name)) <= defined


def test_parameters_have_their_names(definitions: Path) -> None:
    text = (definitions / "State.lua").read_text("utf-8")
    assert "function State.set(scope, key, value, options) end" in text


@pytest.mark.parametrize("name", LIBRARY.values())
def test_each_global_says_what_it_is(client: EmbeddedClient, name: str) -> None:
    paragraphs = client.inspect(name)["data"]["text/plain"].split("\n\n")
    assert paragraphs[1].endswith("."), paragraphs[:2]


@pytest.mark.parametrize("name", LIBRARY.values())
def test_definitions_are_lua(client: EmbeddedClient, definitions: Path, name: str) -> None:
    path = definitions / f"{name}.lua"
    assert path.read_text("utf-8").startswith(f"---@meta {name}\n")
    assert client.execute(f"assert(loadfile({str(path)!r}))").error is None


@pytest.mark.parametrize("name", LIBRARY.values())
def test_each_function_has_help(client: EmbeddedClient, name: str) -> None:
    without = []
    for function in functions_of(client, name):
        reply = client.inspect(f"{name}.{function}")
        text = reply["data"].get("text/plain", "") if reply["found"] else ""
        if not re.search(r"[({]", text) or len(text.splitlines()) < 2:
            without.append(function)
    assert not without
