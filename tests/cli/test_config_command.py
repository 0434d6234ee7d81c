"""`llmspell config`, as one types it."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from .command import LLMSPELL

Llmspell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "home"
    path.mkdir()
    yield path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here"
    path.mkdir()
    return path


@pytest.fixture
def llmspell(here: Path, home: Path) -> Llmspell:
    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **environ}
        return subprocess.run(
            [LLMSPELL, *arguments], capture_output=True, text=True, timeout=60, cwd=here, env=variables
        )

    return run


def test_the_settings_in_effect(llmspell: Llmspell, here: Path) -> None:
    (here / "llmspell.toml").write_text(
        "[engines.lua]\nstdlib = 'basic'\n[providers.a]\napi_key = 'tell-nobody'"
    )
    done = llmspell("config", "show")
    assert done.returncode == 0 and done.stderr == ""
    shown = tomllib.loads(done.stdout)
    assert shown["engines"]["lua"]["stdlib"] == "basic"
    assert shown["kernel"]["output_limit"] == 100_000_000
    assert "tell-nobody" not in done.stdout
    section = llmspell("config", "show", "engines.lua")
    assert tomllib.loads(section.stdout) == {"engines": {"lua": shown["engines"]["lua"]}}
    whole = json.loads(llmspell("config", "show", "--output", "json").stdout)
    assert whole["providers"]["a"].pop("temperature") is None  # TOML has no word for it
    assert whole == shown
    assert json.loads(llmspell("--output", "pretty", "config", "show", "kernel").stdout) == shown["kernel"]


def test_where_they_came_from(llmspell: Llmspell, here: Path) -> None:
    (here / "llmspell.toml").write_text("\n[engines.lua]\nstdlib = 'basic'")
    arguments = ("-p", "restricted", "config", "show", "--origins")
    shown = llmspell(*arguments, LLMSPELL_KERNEL_PORT="7000").stdout.splitlines()
    assert 'stdlib = "basic"  # llmspell.toml:3' in shown
    assert "port = 7000  # LLMSPELL_KERNEL_PORT" in shown
    assert "allow_file_access = false  # profile features/restricted:8" in shown
    assert 'ip = "127.0.0.1"  # default' in shown
    rows = json.loads(llmspell(*arguments, "--output", "json").stdout)
    assert {
        "key": "engines.lua.stdlib",
        "value": "basic",
        "origin": "file",
        "name": "llmspell.toml",
        "line": 3,
    } in rows


def test_one_setting(llmspell: Llmspell) -> None:
    assert llmspell("config", "get", "kernel.ip").stdout == "127.0.0.1\n"
    assert llmspell("config", "get", "kernel.persistent_locals").stdout == "true\n"
    assert llmspell("config", "get", "kernel.port", "--output", "json").stdout == "0\n"
    assert tomllib.loads(llmspell("config", "get", "logging").stdout) == {
        "level": "warning",
        "file": "",
        "format": "text",
    }
    assert (
        llmspell("config", "get", "security.hmac_key", LLMSPELL_SECURITY_HMAC_KEY="x").stdout == "********\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("get", "kernel.prot"), 2, "kernel.prot: no such setting; did you mean port?"),
        (("show", "enginse"), 2, "enginse: no such setting; did you mean engines?"),
        (("get", "providers.none.base_url"), 1, "providers.none.base_url: there is nothing of that name"),
        (("set", "kernel.port", "x"), 1, 'kernel.port: expected a whole number from 0 to 65531, got "x"'),
        (("set", "kernel", "x"), 1, "kernel: "),
        (("set", "kernel.idle_timeout", "-5"), 1, "expected a number from 0 on"),
        (("get", ""), 2, "Invalid value for 'KEY': it is empty"),
        (("set", "kernel.prot", "1"), 2, "did you mean port?"),
        (("validate", "gone.toml"), 1, ""),
        (("init", "--user", "-o", "x"), 2, "choose one"),
    ],
)
def test_what_makes_no_sense(
    llmspell: Llmspell, here: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = llmspell("config", *arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(here.iterdir())


def test_a_variable_that_is_no_setting_is_noted(llmspell: Llmspell) -> None:
    done = llmspell("config", "get", "kernel.port", LLMSPELL_KERNEL_PROT="1")
    assert done.returncode == 0
    assert (
        done.stderr == "note: LLMSPELL_KERNEL_PROT is no setting (did you mean LLMSPELL_KERNEL_PORT?); "
        "it is ignored\n"
    )
    assert llmspell("-q", "config", "get", "kernel.port", LLMSPELL_KERNEL_PROT="1").stderr == ""


def test_a_change_keeps_the_rest_of_the_file(llmspell: Llmspell, here: Path) -> None:
    file = here / "llmspell.toml"
    file.write_text("# mine\n[kernel] # here\nport = 1  # the first\nip = '::1'\n\n# end\n")
    file.chmod(0o640)
    assert llmspell("config", "set", "kernel.port", "7000").returncode == 0
    assert file.read_text() == "# mine\n[kernel] # here\nport = 7000  # the first\nip = '::1'\n\n# end\n"
    assert file.stat().st_mode & 0o777 == 0o640
    for key, value in {
        "kernel.persistent_locals": "no",
        "engines.lua.stdlib": "basic",
        "providers.local.base_url": "http://localhost",
        "providers.local.stop": "['a', 'b']",
        "providers.local.note": "plain words",
    }.items():
        assert llmspell("config", "set", key, value).returncode == 0
    changed = tomllib.loads(file.read_text())
    assert changed["kernel"] == {"port": 7000, "ip": "::1", "persistent_locals": False}
    assert changed["engines"] == {"lua": {"stdlib": "basic"}}
    assert changed["providers"]["local"] == {
        "base_url": "http://localhost",
        "stop": ["a", "b"],
        "note": "plain words",
    }
    assert "# mine" in file.read_text() and "# end" in file.read_text()


def test_which_file_is_changed(llmspell: Llmspell, here: Path, home: Path) -> None:
    llmspell("config", "set", "kernel.port", "1", "--user")
    assert tomllib.loads((home / ".llmspell" / "config.toml").read_text()) == {"kernel": {"port": 1}}
    llmspell("config", "set", "kernel.port", "2")
    assert tomllib.loads((home / ".llmspell" / "config.toml").read_text()) == {"kernel": {"port": 2}}
    llmspell("-c", "new.toml", "config", "set", "kernel.port", "3")
    assert tomllib.loads((here / "new.toml").read_text()) == {"kernel": {"port": 3}}
    assert (here / "new.toml").stat().st_mode & 0o777 == 0o600
    (home / ".llmspell" / "config.toml").unlink()
    llmspell("config", "set", "kernel.port", "4")
    assert tomllib.loads((here / "llmspell.toml").read_text()) == {"kernel": {"port": 4}}


def test_a_change_that_contradicts_is_not_made(llmspell: Llmspell, here: Path) -> None:
    file = here / "llmspell.toml"
    file.write_text("[runtime.security]\nallow_file_access = false\n")
    done = llmspell("config", "set", "engines.lua.security_level", "unrestricted")
    assert done.returncode == 1
    assert "llmspell.toml:2: runtime.security.allow_file_access: false cannot be kept" in done.stderr
    assert file.read_text() == "[runtime.security]\nallow_file_access = false\n"


def test_a_new_file(llmspell: Llmspell, here: Path) -> None:
    assert llmspell("config", "init").stderr == "wrote llmspell.toml\n"
    text = (here / "llmspell.toml").read_text()
    assert json.loads(llmspell("config", "validate", "--output", "json").stdout)["valid"]
    # With the comments taken off it says the defaults.
    lines = [line.removeprefix("# ") for line in text.splitlines() if " = " in line or line.startswith("[")]
    full = tomllib.loads(
        "\n".join(line for line in lines if line.split()[0].isidentifier() or line[0] == "[")
    )
    del full["extends"]
    shown = json.loads(llmspell("config", "show", "--output", "json").stdout)
    assert full["kernel"] == shown["kernel"] and full["runtime"] == shown["runtime"]
    done = llmspell("config", "init")
    assert done.returncode == 1 and "--force" in done.stderr
    assert llmspell("-p", "restricted,envs/prod", "config", "init", "-f").returncode == 0
    assert tomllib.loads((here / "llmspell.toml").read_text())["extends"] == [
        "presets/restricted",
        "envs/prod",
    ]
    assert llmspell("config", "get", "runtime.security.allow_file_access").stdout == "false\n"
    assert llmspell("-p", "none", "config", "init", "-o", "other.toml").returncode == 1
    assert not (here / "other.toml").exists()


def test_checking(llmspell: Llmspell, here: Path) -> None:
    assert llmspell("config", "validate").stdout == "valid: the defaults\n"
    (here / "bad.toml").write_text("[kernel]\nprot = 1\nport = 'x'\n")
    done = llmspell("config", "validate", "bad.toml")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "bad.toml:2: kernel.prot: no such setting; did you mean port?",
        'bad.toml:3: kernel.port: expected a whole number from 0 to 65531, got "x"',
    ]
    report = json.loads(llmspell("config", "validate", "-f", "bad.toml", "--output", "json").stdout)
    assert report["valid"] is False and report["path"] == "bad.toml"
    assert len(report["errors"]) == 2 and report["warnings"] == []
    report = json.loads(llmspell("--output", "json", "config", "validate", LLMSPELL_KERNEL_PROT="1").stdout)
    assert report["valid"] and report["warnings"] == ["LLMSPELL_KERNEL_PROT: no such setting; it is ignored"]


def test_problems_are_told_by_other_commands_too(llmspell: Llmspell, here: Path) -> None:
    (here / "llmspell.toml").write_text("[kernel]\nprot = 1\nport = 'x'\n")
    done = llmspell("config", "show")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: llmspell.toml:2: kernel.prot: no such setting; did you mean port?",
        'llmspell.toml:3: kernel.port: expected a whole number from 0 to 65531, got "x"',
    ]


def test_profiles(llmspell: Llmspell) -> None:
    shown = llmspell("config", "list-profiles").stdout
    assert "presets/restricted" in shown and "envs/prod" in shown
    rows = json.loads(llmspell("config", "list-profiles", "-d", "--output", "json").stdout)
    restricted = next(row for row in rows if row["name"] == "presets/restricted")
    assert restricted["extends"] == ["bases/cli", "features/restricted"]
    assert restricted["settings"]["runtime.security.allow_file_access"] is False


def test_places(llmspell: Llmspell, here: Path, home: Path) -> None:
    assert llmspell("config", "path").stdout == ""
    (home / ".llmspell.toml").touch()
    assert llmspell("config", "path").stdout == f"{home}/.llmspell.toml\n"
    rows = json.loads(llmspell("config", "path", "--all", "--output", "json").stdout)
    assert [row["path"] for row in rows if row["used"]] == [f"{home}/.llmspell.toml"]
    assert rows[0]["path"] == f"{here}/llmspell.toml"


def test_the_schema_fits_what_is_shown(llmspell: Llmspell) -> None:
    schema = json.loads(llmspell("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    settings = json.loads(llmspell("config", "show", "--output", "json").stdout)
    check.validate(settings)
    check.validate({"extends": "minimal", "providers": {"a": {"base_url": "x", "own": 1}}})
    assert not check.is_valid({"kernel": {"prot": 1}})
    assert not check.is_valid({"kernel": {"port": -1}})


def test_editing(llmspell: Llmspell, here: Path) -> None:
    done = llmspell("config", "edit", EDITOR="sh -c 'echo default_engine = 1 >> $0'", VISUAL="")
    assert done.returncode == 1
    told = "debug.stack_trace.default_engine: no such setting here; did you mean default_engine?"
    assert told in done.stderr
    assert (here / "llmspell.toml").read_text().endswith("default_engine = 1\n")
    (here / "llmspell.toml").unlink()
    assert llmspell("config", "edit", EDITOR="true", VISUAL="").returncode == 0
    done = llmspell("config", "edit", EDITOR="no-such-editor", VISUAL="")
    assert done.returncode == 1 and "VISUAL or EDITOR is to name an editor" in done.stderr


@pytest.mark.parametrize("typed", ["config get ", "config show kernel.p"])
def test_keys_are_completed(llmspell: Llmspell, typed: str) -> None:
    done = llmspell(_LLMSPELL_COMPLETE="bash", COMP_LINE=f"llmspell {typed}")
    assert "kernel.port" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("kernel", "start", "--language", "luajit"),
        ("run", "--engine", "luajit", "there.lua"),
        ("exec", "--engine", "luajit", "error()"),
    ],
)
def test_a_dry_run_shows_the_settings_only(llmspell: Llmspell, here: Path, command: tuple[str, ...]) -> None:
    (here / "there.lua").write_text("error()")
    done = llmspell("-p", "restricted", *command, "--dry-run", LLMSPELL_KERNEL_PORT="7000")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert 'default_engine = "luajit"  # command line' in lines
    assert "port = 7000  # LLMSPELL_KERNEL_PORT" in lines
    assert "allow_file_access = false  # profile features/restricted:8" in lines


def test_settings_reach_scripts(llmspell: Llmspell, here: Path) -> None:
    (here / "llmspell.toml").write_text("[engines.lua]\nstdlib = 'basic'\n")
    assert llmspell("exec", "print(io, Config.getSection('engines.lua.stdlib'))").stdout == "nil\tbasic\n"
    done = llmspell(
        "-p", "features/restricted", "exec", "os.execute('echo')", LLMSPELL_ENGINES_LUA_STDLIB="all"
    )
    assert done.returncode == 1 and "runtime.security.allow_process_spawn" in done.stderr
    (here / "forever.lua").write_text("while true do end")
    done = llmspell("run", "forever.lua", LLMSPELL_SCRIPT_TIMEOUT_SECONDS="0.2")
    assert done.returncode == 124 and "0.2 s" in done.stderr
    (here / "llmspell.toml").write_text("[kernel]\nprot = 1\n")
    for command in (("run", "forever.lua"), ("exec", "1"), ("kernel", "start")):
        done = llmspell(*command)
        assert done.returncode == 1
        assert done.stderr == "error: llmspell.toml:2: kernel.prot: no such setting; did you mean port?\n"
