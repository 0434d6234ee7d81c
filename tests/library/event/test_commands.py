"""Events and hooks of `llmspell run`: settings, the end of a script, what is switched off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ...cli.command import llmspell


def run(folder: Path, code: str, *options: str) -> tuple[str, str, int]:
    """Output, complaints and status of a script."""
    (folder / "script.lua").write_text(code)
    done = llmspell(*options, "run", "script.lua", cwd=folder)
    return done.stdout, done.stderr, done.returncode


def test_a_script_that_ends_calls_its_hooks(tmp_path: Path) -> None:
    code = "Hook.register('SystemShutdown', function() print('ended') end) Event.on('x', print) print('runs')"
    assert run(tmp_path, code) == ("runs\nended\n", "", 0)
    assert run(tmp_path, code + " error('oops', 0)")[0] == "runs\nended\n"


def test_what_scripts_publish_between_timers(tmp_path: Path) -> None:
    code = (
        "Event.on('tick', function(e) print(e.data) end) "
        "timer.after(0.01, function() Event.publish('tick', 7) end)"
    )
    assert run(tmp_path, code) == ("7\n", "", 0)


def test_events_are_written_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text("[events.export]\nfile = 'events.jsonl'\n")
    assert run(tmp_path, "print(1 + 1)")[0] == "2\n"
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["event_type"] for event in events] == ["kernel.cell.started", "kernel.cell.completed"]
    assert len({event["metadata"]["correlation_id"] for event in events}) == 1


@pytest.mark.parametrize("name", ["Event", "Hook"])
def test_switched_off_they_are_nil(tmp_path: Path, name: str) -> None:
    (tmp_path / "llmspell.toml").write_text(f"[{name.lower()}s]\nenabled = false\n")
    assert run(tmp_path, f"print({name})")[0] == "nil\n"
    code = "State.set('k', 1) print(State.get('k'), Tool.execute('uuid-generator', {}).success)"
    assert run(tmp_path, code)[:2] == ("1\ttrue\n", "")


def test_unknown_settings_are_told(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text("[hooks.builtin.retry]\nenabled = true\nmax_attempt = 3\n")
    assert "hooks.builtin.retry.max_attempt: no such setting" in run(tmp_path, "print(1)")[1]


def test_a_threshold_of_the_original_is_understood(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text(
        "[hooks]\nenabled = true\nrate_limit_per_minute = 100\ntimeout_ms = 5000\ncircuit_breaker_threshold "
        "= 0.01\n"
        "[events]\nbuffer_size = 10\n[events.filtering]\ninclude_types = ['*']\n"
    )
    code = (
        "Hook.register('BeforeStateWrite', function() error('x') end) "
        "for i = 1, 15 do State.set('k', i) end print(Hook.list()[1].circuit)"
    )
    assert run(tmp_path, code)[0] == "open\n"
