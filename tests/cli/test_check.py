from __future__ import annotations

import json
from pathlib import Path

import pytest

from .command import llmspell


def check(folder: Path, source: str, *options: str) -> tuple[int, list[str], str]:
    (folder / "script.lua").write_text(source)
    done = llmspell("check", *options, "script.lua", cwd=folder)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_good_script(tmp_path: Path) -> None:
    source = """#!/usr/bin/env llmspell
        local json = {}
        function helper(...) return select("#", ...) + #ARGS + #arg end
        total, json.x = helper(1), math.pi
        for i, v in ipairs({a = 1, [total] = 2}) do display(i, v, plot, widgets, timer, comm) end
        local function again(n) return n > 0 and again(n - 1) end
        if jit then print(jit.version) end
        local unpack = table.unpack or unpack
        if optional then optional() end
        _G.made = 1
        print(made, json, again, unpack, _VERSION, _ENV)
    """
    assert check(tmp_path, source) == (0, [], "no problems in 1 file\n")
    assert check(tmp_path, source, "--quiet") == (0, [], "")


def test_unknown_globals_are_named_with_their_place(tmp_path: Path) -> None:
    source = "local function f(pritn)\n  return pritn\nend\npritn(f, nul)\nreturn null, Print\n"
    status, lines, err = check(tmp_path, source)
    assert status == 1 and err == "4 problems in 1 file\n"
    assert lines == [
        "script.lua:4:1: unknown global 'pritn'; did you mean 'print'?",
        "script.lua:4:10: unknown global 'nul'",
        "script.lua:5:8: unknown global 'null'; Lua's name for no value is nil",
        "script.lua:5:14: unknown global 'Print'; did you mean 'print'?",
    ]
    assert check(tmp_path, source, "--global", "pritn", "--global", "nul")[1] == lines[2:]


def test_a_syntax_error(tmp_path: Path) -> None:
    status, lines, _ = check(tmp_path, "local x = 1\nif x != 2 then end\n")
    assert status == 1
    assert lines == ["script.lua:2: unexpected symbol near '!'; In Lua, not equal is written ~="] or (
        len(lines) == 1 and lines[0].startswith("script.lua:2: ")
    )


@pytest.mark.parametrize(("engine", "status"), [("lua54", 0), ("lua55", 0), ("luajit", 1)])
def test_each_lua_has_its_own_syntax(tmp_path: Path, engine: str, status: int) -> None:
    assert check(tmp_path, "return 7 // 2", "--engine", engine)[0] == status


def test_what_a_script_loads_may_set_globals(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "init.lua").write_text("require 'deeper'")
    (tmp_path / "deeper.lua").write_text("function Deep() end require('lib')")
    (tmp_path / "setup.lua").write_text("Setting = 1")
    assert check(tmp_path, "require 'lib'\ndofile('setup.lua')\nDeep(Setting)")[0] == 0
    assert check(tmp_path, "Deep(Setting)")[0] == 1


def test_several_files_and_those_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "good.lua").write_text("return 1")
    (tmp_path / "bad.lua").write_text("x = = 1")
    (tmp_path / "binary.lua").write_bytes(b"\x7fELF")
    done = llmspell("check", "good.lua", "bad.lua", "binary.lua", "god.lua", "--output", "json", cwd=tmp_path)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert (document["status"], document["problems"]) == ("error", 3)
    good, bad, binary, missing = document["files"]
    assert good == {"file": "good.lua", "problems": []}
    assert (bad["problems"][0]["kind"], bad["problems"][0]["line"]) == ("syntax", 1)
    assert binary["problems"][0]["kind"] == missing["problems"][0]["kind"] == "file"
    assert "did you mean good.lua?" in missing["problems"][0]["message"]


def test_our_own_lua_files_are_good() -> None:
    package = Path(__file__).parents[2] / "llmspell_kernel"
    files = sorted(str(file) for file in package.rglob("*.lua"))
    done = llmspell("check", *files)
    assert (done.stdout, done.returncode) == ("", 0)


def test_globals_may_be_named_with_commas(tmp_path: Path) -> None:
    (tmp_path / "x.lua").write_text("one() two() three()")
    assert (
        llmspell("check", "--global", "one, two", "--global", "three", "x.lua", cwd=tmp_path).returncode == 0
    )
    done = llmspell("check", "y.lua", "--output", "json", cwd=tmp_path)
    (problem,) = json.loads(done.stdout)["files"][0]["problems"]
    assert (problem["line"], problem["column"], problem["hint"]) == (None, None, None)
    assert problem["message"] == "there is no such file"
