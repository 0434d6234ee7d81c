"""Magics through a real kernel: what needs streams, input, history and signals."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ..kernels import KernelSession

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def clean(kernel: KernelSession) -> KernelSession:
    kernel.execute("%reset -f")
    return kernel


def test_output_of_a_cell_with_magics_keeps_its_order(clean: KernelSession) -> None:
    done = clean.execute("print('lua')\n!echo shell\nprint('again')\n%time 6 * 7")
    assert done.status == "ok" and done.result == "42"
    assert done.stdout.startswith("lua\nshell\nagain\nCPU times:")


def test_pages_and_next_input_are_payloads(clean: KernelSession, tmp_path: Path) -> None:
    reply = clean.execute("%time?").reply["content"]
    assert [entry["source"] for entry in reply["payload"]] == ["page"]
    assert "%time CODE" in reply["payload"][0]["data"]["text/plain"]
    (tmp_path / "a.lua").write_text("x = 1\n")
    reply = clean.execute(f"%load {tmp_path / 'a.lua'}").reply["content"]
    assert reply["payload"][0]["source"] == "set_next_input" and reply["payload"][0]["replace"]


def test_an_unknown_magic_is_an_error_that_names_the_nearest(clean: KernelSession) -> None:
    error = clean.execute("%timet 1", stop_on_error=False).error
    assert error is not None and error["ename"] == "MagicError" and "%timeit" in error["evalue"]


def test_capture_keeps_everything_of_the_cell(clean: KernelSession) -> None:
    done = clean.execute(
        "%%capture seen\nprint('out') io.stderr:write('err') os.execute('echo child')\n"
        "display.html('<b>bold</b>')\n!echo shell\n6 * 7"
    )
    assert [message["msg_type"] for message in done.messages] == ["status", "execute_input", "status"]
    assert clean.execute("seen.stdout:gsub('\\n', ' ')").result == '"out child shell "\t3'
    assert clean.execute("seen.stderr").result == '"err"'
    assert clean.execute('seen.outputs[1]["text/html"], seen.outputs[2]["text/plain"]').result == (
        '"<b>bold</b>"\t"42"'
    )


def test_capture_lets_through_what_it_is_told(clean: KernelSession) -> None:
    done = clean.execute("%%capture --no-stdout --no-display\nprint('out') io.stderr:write('err')\n7")
    assert (done.stdout, done.stderr, done.result) == ("out\n", "", "7")


def test_a_failed_capture_shows_its_text(clean: KernelSession) -> None:
    done = clean.execute("%%capture seen\nprint('before')\nerror('oops')", stop_on_error=False)
    assert done.stdout == "before\n"
    assert done.error is not None and done.error["evalue"].endswith(":3: oops")
    assert clean.execute("print('shown')").stdout == "shown\n"


def test_reset_asks_the_client(clean: KernelSession) -> None:
    clean.execute("local a = 1; b = 2")
    assert clean.execute("%reset", answers=["n"]).stdout == "Nothing was deleted.\n"
    assert clean.execute("%reset", answers=["y"]).status == "ok"
    assert clean.execute("a, b").result == "nil\tnil"


def test_history_shows_earlier_cells(new_kernel: Callable[..., KernelSession]) -> None:
    session = new_kernel("llmspell", "--LLMSpellKernel.history_file=:memory:")
    session.execute("first = 1\nfirst")
    session.execute("second = 2")
    assert session.execute("%history").stdout == "first = 1\nfirst\nsecond = 2\n"
    assert session.execute("%history -n 2").stdout == "   2: second = 2\n"
    assert session.execute("%history -o 1").stdout == "first = 1\nfirst\n--> 1\n"
    assert session.execute("%history -l 1").stdout == "%history -o 1\n"
    assert session.execute("%history -g second").stdout.endswith("/2: second = 2\n")
    assert session.execute("%history 77").stdout == "There are no such cells.\n"
    error = session.execute("%history x-y", stop_on_error=False).error
    assert error is not None and "is no range of cells" in error["evalue"]


def test_the_kernels_own_settings_change_live(new_kernel: Callable[..., KernelSession]) -> None:
    session = new_kernel()
    assert "output_limit = 50" in session.execute("%config output_limit = 50").stdout
    limited = session.execute("print(string.rep('x', 1000))")
    assert len(limited.stdout) == 50 and "%config output_limit" in limited.stderr
    session.execute("%config LLMSpellKernel.output_limit = 0")
    assert len(session.execute("print(string.rep('x', 1000))").stdout) == 1001


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("!echo ready; exec sleep 30", 1),
        ("x = 1\n!echo ready; exec sleep 30", 2),
        ("%%bash\necho ready; exec sleep 30", 1),
        ("print('ready')\n%time while true do end", 2),
        ("%%timeit -n 1 print('ready')\nwhile true do end", 2),
    ],
)
def test_everything_can_be_interrupted(clean: KernelSession, code: str, line: int) -> None:
    msg_id = clean.client.execute(code, stop_on_error=False)
    seen = threading.Event()
    while not seen.is_set():
        message = clean.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and "ready" in message["content"]["text"]:
            seen.set()
    clean.manager.interrupt_kernel()
    done = clean.collect(msg_id)
    assert done.error is not None and done.error["ename"] == "KeyboardInterrupt"
    shown = COLOURS.sub("", "\n".join(done.error["traceback"]))
    assert re.search(rf"^cell \[\d+\]:{line}$", shown, re.MULTILINE)
    assert f"-->    {line} {code.splitlines()[line - 1]}\n" in shown + "\n"
    assert clean.execute("1 + 1").result == "2"
