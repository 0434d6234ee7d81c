"""The help is complete, names nothing that is missing, and its examples do what they say."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.errors import LanguageUnavailableError
from llmspell_kernel.interpreter import MimeBundle, StreamName
from llmspell_kernel.lua import standard_library
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.standard_library import VERSIONS, Entry, Version, lookup, names
from llmspell_kernel.lua.state import LuaSettings

MODULES = {"5.4": "lupa.lua54", "5.5": "lupa.lua55", "luajit": "lupa.luajit21"}
LANGUAGES = {"5.4": "lua54", "5.5": "lua55", "luajit": "luajit"}

ADDED_BY_THE_KERNEL = {"io.getpass"}
LOADED_BY_REQUIRE = {"table.clear", "table.new", "ffi", "string.buffer", "jit.util", "jit.profile"}

WALK = rb"""
local add, extras = ...
local function walk(t, prefix)
  for key, value in pairs(t) do
    if type(key) == "string" then
      add(prefix .. key)
      if type(value) == "table" and prefix == "" and key ~= "_G" and key ~= "python" then
        walk(value, key .. ".")
      elseif prefix .. key == "jit.opt" then
        walk(value, "jit.opt.")
      end
    end
  end
end
for name in extras:gmatch("%S+") do
  local found, module = pcall(require, name)
  if found then
    add(name)
    if type(module) == "table" then walk(module, name .. ".") end
  end
end
walk(_G, "")
local methods = debug.getmetatable(io.stdout).__index
for name in pairs(methods) do
  add("file:" .. name)
end
"""

BUFFER_METHODS = rb"""
local add, name = ...
local found, buffer = pcall(require, "string.buffer")
local methods = found and debug.getmetatable(buffer.new()).__index or {}
for name in pairs(methods) do add("buffer:" .. name) end
"""


class Recorder:
    """Remembers what was written to the standard output."""

    def __init__(self) -> None:
        self.stdout = b""

    def write(self, stream: StreamName, data: bytes) -> None:
        if stream == "stdout":
            self.stdout += data

    def flush(self) -> None:
        return None

    def display(self, bundle: MimeBundle, *, display_id: str | None = None, update: bool = False) -> None:
        raise AssertionError("the examples show nothing")

    def can_update(self) -> bool:
        return True

    def clear_output(self, *, wait: bool) -> None:
        raise AssertionError("the examples clear nothing")

    def read_line(self, prompt: str, *, password: bool) -> str:
        raise AssertionError("the examples that are run read nothing from the user")

    def current_cell(self) -> object:
        return None

    def output_to(self, cell: object) -> AbstractContextManager[None]:
        return nullcontext()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    def wake(self) -> None:
        return None


def lua(version: Version) -> Any:
    module = importlib.import_module(MODULES[version])
    return module.LuaRuntime(encoding=None, unpack_returned_tuples=True)


def entries(version: Version) -> list[Entry]:
    return [entry for name in names(version) if (entry := lookup(name, version))]


def real_names(version: Version) -> set[str]:
    found: set[str] = set()
    runtime = lua(version)

    def add(name: bytes) -> None:
        found.add(name.decode())

    extras = b"ffi jit.util jit.profile string.buffer table.new table.clear"
    runtime.execute(WALK, add, extras)
    runtime.execute(BUFFER_METHODS, add)
    return {name for name in found if name != "python" and ":__" not in name}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_function_and_value_has_help(version: Version) -> None:
    assert sorted(real_names(version) - set(names(version))) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_described_that_does_not_exist(version: Version) -> None:
    about_values = {e.name for e in entries(version) if e.kind in ("function", "method", "value", "library")}
    assert sorted(about_values - real_names(version) - {"_ENV"} - ADDED_BY_THE_KERNEL) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_functions_are_told_from_values(version: Version) -> None:
    runtime = lua(version)
    for entry in entries(version):
        root = next((name for name in LOADED_BY_REQUIRE if entry.name.startswith(name)), None)
        if entry.kind in ("function", "value") and not root and entry.name not in ADDED_BY_THE_KERNEL:
            is_function = runtime.eval(entry.name.encode() + b" ~= nil and type(%s)" % entry.name.encode())
            assert (is_function == b"function") == (entry.kind == "function"), entry.name


@pytest.mark.parametrize("version", VERSIONS)
def test_every_entry_is_complete(version: Version) -> None:
    for entry in entries(version):
        assert entry.summary.endswith((".", ":")), entry.name
        if entry.kind in ("function", "method"):
            assert entry.example, entry.name
            inside = re.search(r"\((.*?)\)", entry.signature.replace("function(", ""))
            assert inside, entry.name
            in_signature = re.findall(r"(?:^|, )(\.\.\.|\w+)", re.sub(r'"[^"]*"|<[^>]*>', "", inside[1]))
            assert [p.name for p in entry.parameters] == in_signature, entry.name
            assert ("->" in entry.signature) >= bool(entry.returns), entry.name


def stated_output(example: str) -> list[str]:
    return [" ".join(text.split()) for text in re.findall(r"--> (.*)", example)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_example_runs_as_a_cell_and_prints_what_it_states(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = LuaSettings(language=LANGUAGES[version], trusted=True)
    wrong: dict[str, object] = {}
    for entry in entries(version):
        frontend = Recorder()
        interpreter = LuaInterpreter(frontend, settings)
        code = entry.example if entry.runnable else f"local function _()\n{entry.example}\nend"
        error = interpreter.run(code, number=1).error
        interpreter.close()
        stated = stated_output(entry.example) if entry.runnable else []
        printed = [" ".join(line.split()) for line in frontend.stdout.decode().splitlines()]
        if error or (stated and printed != stated):
            wrong[entry.name] = (error and error.value, printed, stated)
        elif printed and not stated and entry.name != "io.flush":
            wrong[entry.name] = ("prints without stating it", printed)
    assert wrong == {}
    assert list(tmp_path.iterdir()) == []


def test_keywords_are_the_languages_own() -> None:
    assert lookup("goto", "luajit") and lookup("while", "5.4")
    assert lookup("global", "5.5") and lookup("global", "5.4") is None
    for version in VERSIONS:
        runtime = lua(version)
        for entry in entries(version):
            if entry.kind == "keyword" and entry.name not in ("goto", "global"):
                assert runtime.eval(b"load('local %s = 1') == nil" % entry.name.encode()), entry.name


def test_texts_follow_the_version() -> None:
    offset54, offset55 = lookup("utf8.offset", "5.4"), lookup("utf8.offset", "5.5")
    assert offset54 and offset55
    assert offset54.signature.endswith("integer | nil")
    assert offset55.signature.endswith("integer | nil, integer")
    assert offset54.versions == offset55.versions == ("5.4", "5.5")
    assert lookup("math.frexp", "5.4") is None
    assert lookup("unpack", "luajit") and lookup("unpack", "5.4") is None


@pytest.mark.parametrize("spelling", ["5.5", "lua55", "Lua 5.5", "Lua 5.5.0"])
def test_versions_may_be_spelled_as_usual(spelling: str) -> None:
    assert lookup("table.create", spelling)


@pytest.mark.parametrize("spelling", ["luajit", "luajit21", "LuaJIT 2.1.1774896198", "Lua 5.1"])
def test_luajit_may_be_spelled_as_usual(spelling: str) -> None:
    assert lookup("bit.band", spelling)


def test_an_unknown_version_is_named() -> None:
    with pytest.raises(LanguageUnavailableError, match=r"'python'.*5\.4, 5\.5, luajit"):
        lookup("print", "python")


def test_names_are_found_as_users_write_them() -> None:
    for written, found in {
        "_G.print": "print",
        "_G.string.rep": "string.rep",
        "string:upper": "string.upper",
        "file.read": "file:read",
        "file:read": "file:read",
        "__index": "__index",
    }.items():
        entry = lookup(written, "5.4")
        assert entry and entry.name == found
    assert lookup("string.nothing", "5.4") is None
    assert lookup("", "5.4") is None


def test_markdown_for_the_tooltip() -> None:
    entry = lookup("table.insert", "5.4")
    assert entry
    text = standard_library.markdown(entry)
    assert text.startswith(
        "```lua\ntable.insert(list: table, pos?: integer, value: any)\n```\n\nAdd an element"
    )
    assert "\n**Parameters**\n\n- `list` — the list\n- `pos` — where" in text
    assert "\n**Example**\n\n```lua\nlocal t = " in text
    assert text.endswith("*Lua standard library (Lua 5.4, Lua 5.5, LuaJIT)*")


def test_plain_text_for_terminals() -> None:
    for version in VERSIONS:
        for entry in entries(version):
            text = standard_library.plain(entry)
            assert text.startswith(entry.signature)
            prose = text.replace(entry.signature, "").replace("\n    ", "\n").split("Example:")[0]
            assert max(map(len, prose.splitlines())) <= 80, entry.name
    remove = lookup("table.remove", "5.4")
    assert remove
    text = standard_library.plain(remove)
    assert "Parameters:\n    list — the list\n    pos — which one\n\nReturns: the element" in text
    assert "Example:\n    local t = " in text


def test_deprecated_names_say_what_to_use() -> None:
    entry = lookup("table.getn", "luajit")
    assert entry
    assert "*Deprecated: use `#t`.*" in standard_library.markdown(entry)


def test_nothing_is_read_before_help_is_asked_for() -> None:
    program = "import sys, llmspell_kernel.lua.standard_library; print('tomllib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
