"""Hooks of a script that runs in a process of its own, with its signals."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...cli.command import llmspell


@pytest.mark.parametrize(
    "body",
    ["while true do end", "timer.sleep(30)", "os.execute('sleep 30')"],
    ids=["loop", "wait", "process"],
)
def test_a_hook_that_takes_too_long_is_all_that_ends(tmp_path: Path, body: str) -> None:
    settings = tmp_path / "hooks.toml"
    settings.write_text("[hooks]\ntimeout_ms = 200\n")
    script = (
        f"Hook.register('custom:slow', function() {body} end) print(pcall(Hook.run, 'custom:slow', {{}})) "
        "timer.sleep(0.1) print('went on')"
    )
    done = llmspell("--config", str(settings), "exec", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("true") and done.stdout.endswith("went on\n")
    assert "it ran longer than 0.2 s" in done.stderr
