"""`llmspell session` and `llmspell artifact`, as one types them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from .command import LLMSPELL

Llmspell = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def llmspell(tmp_path: Path) -> Llmspell:
    (tmp_path / "here").mkdir()
    variables = {**os.environ, "HOME": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path / "data")}

    def run(*arguments: str, status: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [LLMSPELL, *arguments],
            input=stdin,
            capture_output=True,
            timeout=60,
            cwd=tmp_path / "here",
            env=variables,
        )
        assert done.returncode == status, done
        assert b"Traceback" not in done.stderr
        return done

    return run


def data(done: subprocess.CompletedProcess[bytes]) -> Any:
    return json.loads(done.stdout)


def text(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode()


def test_a_session_from_beginning_to_end(llmspell: Llmspell) -> None:
    assert text(llmspell("session", "list")) == "There are no such sessions.\n"
    whole = text(llmspell("session", "create", "--name", "whole")).strip()
    options = ("--name", "june", "--tag", "report", "--description", "d", "--parent", "whole")
    made = data(llmspell("session", "create", *options, "--output", "json"))
    assert made["parent_session_id"] == whole and made["tags"] == ["report"] and made["created_by"] == "cli"
    rows = data(llmspell("session", "list", "--output", "json"))
    assert [row["id"] for row in rows] == [made["id"], whole]
    assert text(llmspell("session", "list", "--tag", "report", "-q")).split() == [made["id"]]
    listed = text(llmspell("session", "list", "--detailed"))
    assert made["id"] in listed and "report" in listed
    assert text(llmspell("session", "suspend", "june")) == f"{made['id']} is suspended\n"
    refused = text(llmspell("session", "suspend", made["id"], status=1))
    assert refused.startswith(f"error: session {made['id']} is suspended: to suspend it, it must be active")
    assert data(llmspell("session", "resume", made["id"][:8], "--output", "json"))["status"] == "active"
    llmspell("session", "complete", "june")
    assert text(llmspell("session", "list", "--status", "completed", "-q")).split() == [made["id"]]
    assert "status: completed" in text(llmspell("session", "show", "june"))
    assert "no session 'july'" in text(llmspell("session", "show", "july", status=1))
    assert "needs --yes where nobody can be asked" in text(llmspell("session", "delete", "--all", status=2))
    assert data(llmspell("session", "delete", "june", "--output", "json")) == {"deleted": [made["id"]]}
    llmspell("session", "delete", "--all", "--yes")
    assert data(llmspell("session", "list", "--output", "json")) == []
    llmspell("session", "delete", status=2)
    assert "session delete [OPTIONS] [SESSION]..." in text(llmspell("session", "delete", "--help"))


def test_what_ran_is_shown_replayed_and_exported(llmspell: Llmspell, tmp_path: Path) -> None:
    here = tmp_path / "here"
    session_id = text(llmspell("session", "create", "--name", "june")).strip()
    script = "Session.set_current(ARGS[1]) print('ä', io.open('n'):read('n')) return 1 + 1"
    (here / "script.lua").write_text(script)
    (here / "n").write_text("1")
    llmspell("run", "script.lua", session_id)
    llmspell("run", "script.lua", session_id, "--output", "json")
    llmspell("exec", f"Session.set_current('{session_id}') error('oops')", status=1)
    shown = data(llmspell("session", "show", "june", "--output", "json"))
    assert [run["status"] for run in shown["runs"]] == ["ok", "ok", "error"]
    assert [run.get("stdout") for run in shown["runs"]] == ["ä\t1\n", "ä\t1\n", None]
    assert shown["runs"][0]["script"] == "script.lua" and shown["runs"][2]["error"].endswith("oops")
    lines = text(llmspell("session", "show", "june", "--runs"))
    assert "stdout: ä\t1" in lines and "run 1: script.lua" in lines
    done = text(llmspell("session", "replay", "june"))
    assert done.startswith("identical: 3 executed, 3 identical, 1 failed")
    (here / "n").write_text("2")
    different = text(llmspell("session", "replay", "june", "--to-step", "1", status=1))
    assert "-stdout: ä\t1\n+stdout: ä\t2\n" in different and "\ndifferent: 1 executed" in different
    assert data(llmspell("session", "replay", "june", "--from-step", "3", "--output", "json"))["success"]
    (here / "new.lua").write_text("print('new')")
    modified = llmspell("session", "replay", "june", "--modify", "3=new.lua", "--output", "json")
    assert data(modified)["cells"][2]["replayed"]["stdout"] == "new\n"
    assert (
        data(llmspell("session", "replay", "june", "--mode", "simulate", "--output", "json"))["executed"] == 0
    )
    assert "cannot read gone" in text(llmspell("session", "replay", "june", "--modify", "3=gone", status=1))
    assert "--modify x" in text(llmspell("session", "replay", "june", "--modify", "x", status=2))
    assert "has no run 9" in text(llmspell("session", "replay", "june", "--modify", "9=new.lua", status=1))
    llmspell("session", "export", "june", "june.ipynb")
    notebook = nbformat.read(here / "june.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source == script
    assert notebook.metadata.language_info.version == "5.4"
    assert notebook.metadata.kernelspec.name == "llmspell"
    assert [each.output_type for each in notebook.cells[0].outputs] == ["stream", "execute_result"]
    assert script in llmspell("session", "export", "june", "-", "-f", "lua").stdout.decode()
    llmspell("session", "export", "june", "june.lua")
    assert text(llmspell("check", "june.lua")) == "no problems in 1 file\n"
    wrong = text(llmspell("session", "export", "june", "june.xyz", status=1))
    assert "june.xyz ends in .xyz, which names no format: .json, .ipynb, .lua do" in wrong
    llmspell("session", "export", "june", "june.xyz", "--format", "json")
    assert data(llmspell("session", "export", "june", "-"))["session"]["id"] == session_id
    assert text(llmspell("run", "script.lua", "nope", status=1)).count("Invalid session ID") >= 1


def test_artifacts(llmspell: Llmspell, tmp_path: Path) -> None:
    content = bytes(range(256)) * 100
    (tmp_path / "here" / "data.bin").write_bytes(content)
    session_id = text(llmspell("session", "create", "--name", "june")).strip()
    assert text(llmspell("artifact", "store", "june", "data.bin", "--tag", "raw")) == f"{session_id}/1\n"
    arguments = ("artifact", "store", "june", "-", "--name", "data.bin", "--type", "tool_result")
    assert data(llmspell(*arguments, "--output", "json", stdin=b"\xff"))["version"] == 2
    assert llmspell("artifact", "get", "june", "1").stdout == content
    assert llmspell("artifact", "get", "june", "data.bin").stdout == b"\xff"
    assert llmspell("artifact", "get", f"{session_id}/1").stdout == content
    assert "say SESSION ARTIFACT or SESSION/NUMBER" in text(llmspell("artifact", "get", "june", status=1))
    llmspell("artifact", "get", "june", "1", "-o", "copy")
    assert (tmp_path / "here" / "copy").read_bytes() == content
    assert data(llmspell("artifact", "get", "june", "data.bin", "--output", "json"))["content"] == "/w=="
    rows = data(llmspell("artifact", "list", "june", "--output", "json"))
    assert [(row["sequence"], row["size"], row["tags"]) for row in rows] == [(1, 25600, ["raw"]), (2, 1, [])]
    for options, found in (
        ("--tag raw --min-size 100 --max-size 30000 --after 2020-01-01", [1]),
        ("--name *.bin --session june", [2, 1]),
        ("--type tool_result --limit 1", [2]),
        ("--before 2020-01-01", []),
    ):
        lines = text(llmspell("artifact", "query", *options.split(), "-q")).split()
        assert lines == [f"{session_id}/{number}" for number in found], options
    assert "data.bin" in text(llmspell("artifact", "list"))
    assert text(llmspell("artifact", "delete", "june/2")) == "deleted data.bin v2\n"
    assert "has no artifact 2" in text(llmspell("artifact", "get", "june", "2", status=1))
    assert "cannot read gone" in text(llmspell("artifact", "store", "june", "gone", status=1))
    assert "give --name" in text(llmspell("artifact", "store", "june", "-", status=2))
    assert "--after: seconds" in text(llmspell("artifact", "query", "--after", "soon", status=1))


def test_sessions_in_memory_are_nobodys(llmspell: Llmspell, tmp_path: Path) -> None:
    (tmp_path / "here" / "llmspell.toml").write_text('[runtime.sessions]\nstorage_backend = "memory"\n')
    for command in (("session", "list"), ("session", "create"), ("artifact", "query")):
        said = text(llmspell(*command, status=1))
        assert said.startswith(
            'error: the settings keep no sessions (runtime.sessions.storage_backend is "memory")'
        )
