"""VS Code's own test client for debug adapters (npm's @vscode/debugadapter-testsupport) over TCP."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dap.session import Program
from tests.dap.targets import ScriptTarget

HERE = Path(__file__).parent / "debugadapter"
ROOT = Path(__file__).parents[2]

AREA = Program.of("""
    local function area(w, h)
      local a = w * h  -- @product
      return a
    end
    print("area " .. area(3, 4))
""")
BUSY = Program.of("print('busy') while true do end")


@pytest.fixture(scope="module")
def client_folder() -> Path:
    """Where the client is installed: once, below build/."""
    folder = ROOT / "build" / "debugadapter"
    folder.mkdir(parents=True, exist_ok=True)
    lock = HERE / "package-lock.json"
    installed = folder / "installed.json"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, folder)
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, f"npm ci: {done.stderr}"
        shutil.copy(lock, installed)
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[[Program], ScriptTarget]]:
    """Start a program that waits for its client; all are ended after the test."""
    started: list[ScriptTarget] = []

    def start(program: Program) -> ScriptTarget:
        file = tmp_path / "program.lua"
        file.write_text(program.text)
        started.append(ScriptTarget(file))
        return started[-1]

    yield start
    for target in started:
        target.close()


def run_scenario(name: str, folder: Path, target: ScriptTarget, line: int) -> None:
    """Run one of scenarios.js to its good end."""
    shutil.copy(HERE / "scenarios.js", folder)
    port = target.address[1]
    done = subprocess.run(
        ["node", folder / "scenarios.js", name, str(port), target.path, str(line)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stderr}\nthe program: {target.stderr.text}"


@pytest.mark.parametrize("name", ["attach", "launch"])
def test_it_stops_shows_and_goes_on_to_the_end(
    client_folder: Path, script: Callable[[Program], ScriptTarget], name: str
) -> None:
    target = script(AREA)
    run_scenario(name, client_folder, target, AREA.line("product"))
    assert target.process.wait(60) == 0
    assert target.stdout.join().endswith("area 12\n")


def test_a_busy_loop_is_paused_and_ended(
    client_folder: Path, script: Callable[[Program], ScriptTarget]
) -> None:
    target = script(BUSY)
    run_scenario("pauseAndDisconnect", client_folder, target, 1)
    target.process.wait(60)
