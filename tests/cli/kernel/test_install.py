from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import llmspell


def spec_in(kernels: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((kernels / name / "kernel.json").read_text("utf-8"))
    return content


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the kernelspecs of the current user are."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "kernels"


@pytest.mark.parametrize("arguments", [(), ("--user",)])
def test_installs_lua_5_4_for_the_user(kernels: Path, arguments: tuple[str, ...]) -> None:
    done = llmspell("kernel", "install", *arguments)
    assert done.stderr == ""
    assert done.stdout == f"installed llmspell in {kernels / 'llmspell'}\n"
    assert [path.name for path in kernels.iterdir()] == ["llmspell"]
    argv = [sys.executable, "-m", "llmspell_kernel", "-f", "{connection_file}"]
    assert spec_in(kernels, "llmspell")["argv"] == argv


def test_installs_all_languages(kernels: Path) -> None:
    assert len(llmspell("kernel", "install", "--all").stdout.splitlines()) == 3
    assert {path.name for path in kernels.iterdir()} == {"llmspell", "llmspell-lua55", "llmspell-luajit"}
    assert spec_in(kernels, "llmspell-luajit")["argv"][-2:] == ["--language", "luajit"]


def test_takes_name_display_name_language_and_environment(kernels: Path) -> None:
    llmspell(
        *("kernel", "install", "--language", "luajit", "--name", "Fast", "--display-name", "Schnelles Lüa"),
        *("--env", "LUA_PATH=./?.lua;x=y", "--env", "EMPTY="),
    )
    spec = spec_in(kernels, "fast")
    assert spec["display_name"] == "Schnelles Lüa"
    assert spec["env"] == {"LUA_PATH": "./?.lua;x=y", "EMPTY": ""}
    assert spec["argv"][-1] == "luajit"


def test_a_prefix_that_jupyter_does_not_search_is_told(kernels: Path, tmp_path: Path) -> None:
    done = llmspell("kernel", "install", "--prefix", "here", cwd=tmp_path)
    place = tmp_path / "here" / "share" / "jupyter"
    assert done.returncode == 0
    assert (place / "kernels" / "llmspell" / "kernel.json").is_file()
    assert done.stderr == f"note: Jupyter does not look there; set JUPYTER_PATH={place}\n"


def test_installing_again_replaces(kernels: Path) -> None:
    llmspell("kernel", "install", "--display-name", "old")
    (kernels / "llmspell" / "left-over.txt").touch()
    assert llmspell("kernel", "install").returncode == 0
    assert spec_in(kernels, "llmspell")["display_name"] == "Lua 5.4 (LLMSpell)"
    assert not (kernels / "llmspell" / "left-over.txt").exists()
    assert [path.name for path in kernels.iterdir()] == ["llmspell"]


def test_another_kernel_is_not_replaced(kernels: Path) -> None:
    (kernels / "python3").mkdir(parents=True)
    other = json.dumps(
        {"argv": ["python", "-m", "ipykernel_launcher"], "display_name": "P", "language": "python"}
    )
    (kernels / "python3" / "kernel.json").write_text(other)
    done = llmspell("kernel", "install", "--name", "python3")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 'python3' is another kernel's name")
    assert "--name" in done.stderr and len(done.stderr.splitlines()) == 1
    assert (kernels / "python3" / "kernel.json").read_text() == other


@pytest.mark.parametrize("name", ["two words", "../up", "lüa", "a/b"])
def test_a_name_jupyter_does_not_take(kernels: Path, name: str) -> None:
    done = llmspell("kernel", "install", "--name", name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {name!r} cannot name a kernel")
    assert not kernels.exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = llmspell("kernel", "install", "--prefix", str(tmp_path / "file" / "below"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot write {tmp_path}{os.sep}file")
    assert "--user" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_profile_and_a_settings_file_become_the_kernels(kernels: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[kernel]\nmax_clients = 7\n")
    done = llmspell(
        "kernel",
        "install",
        "--name",
        "careful",
        "--profile",
        "restricted",
        "--config",
        str(file),
        "--env",
        "A=b",
    )
    assert done.returncode == 0, done.stderr
    assert spec_in(kernels, "careful")["env"] == {
        "LLMSPELL_CONFIG": str(file),
        "LLMSPELL_PROFILE": "restricted",
        "A": "b",
    }
    done = llmspell("kernel", "install", "--name", "worse", "--profile", "nonsense")
    assert done.returncode == 1 and "nonsense" in done.stderr
    assert not (kernels / "worse").exists()
    done = llmspell("kernel", "install", "--all", "--output", "json")
    assert [each["name"] for each in json.loads(done.stdout)] == [
        "llmspell",
        "llmspell-lua55",
        "llmspell-luajit",
    ]
