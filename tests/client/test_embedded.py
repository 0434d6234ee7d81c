"""Kernels in this process: several at once, and none that outlives those who use it."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from llmspell_kernel import LLMSpellError, start_embedded_kernel
from llmspell_kernel.client.embedded import EmbeddedClient
from llmspell_kernel.config.loading import load
from llmspell_kernel.errors import SettingsError
from llmspell_kernel.lua.state import LuaSettings
from llmspell_kernel.runtime import RuntimeSettings

SECONDS = 30.0


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS)


def until(true: Callable[[], bool]) -> bool:
    """Waits for what another thread or the garbage collector does; whether it has."""
    deadline = time.monotonic() + SECONDS
    pause = threading.Event()
    while not true() and time.monotonic() < deadline:
        gc.collect()
        pause.wait(0.01)
    return true()


def test_several_kernels_side_by_side() -> None:
    with start_embedded_kernel() as one, start_embedded_kernel() as two:
        one.execute("name = 'one' comm.on_open('who', function(c) c:send{name = name} end)")
        two.execute("name = 'two' comm.on_open('who', function(c) c:send{name = name} end)")
        for kernel, name in ((one, "one"), (two, "two")):
            opening = kernel.start("comm_open", {"comm_id": "c", "target_name": "who", "data": {}})
            sent = [each["content"] for each in opening if each["msg_type"] == "comm_msg"]
            assert [each["data"] for each in sent] == [{"name": name}]
        busy = one.execute_stream("while true do end")
        assert two.execute("return name").text == '"two"'
        busy.interrupt()
        assert busy.result(SECONDS).status == "error"


def test_widgets_belong_to_their_kernel() -> None:
    with start_embedded_kernel() as one, start_embedded_kernel() as two:
        for kernel in (one, two):
            shown = kernel.execute("w = widgets.IntSlider{value = 3} return w")
            assert shown.error is None
        [slider] = [
            each["content"]["comm_id"]
            for each in one.execute("s = widgets.IntSlider{value = 4}").messages
            if each["msg_type"] == "comm_open" and "IntSlider" in str(each["content"])
        ]
        update = {"comm_id": slider, "data": {"method": "update", "state": {"value": 9}, "buffer_paths": []}}
        one.start("comm_msg", update).result(SECONDS)
        assert one.execute("return s.value").text == "9"
        assert two.execute("return w.value").text == "3"


@pytest.mark.parametrize("language", ["lua54", "lua55", "luajit", "echo"])
def test_languages(language: str) -> None:
    with start_embedded_kernel(RuntimeSettings(LuaSettings(language=language))) as kernel:
        assert kernel.execute("return 1").text == ("return 1" if language == "echo" else "1")
        call = kernel.execute_stream("sleep 1000" if language == "echo" else "timer.sleep(1000)")
        call.interrupt()
        failed = call.result(SECONDS).error
        assert failed is not None and failed.ename == "KeyboardInterrupt"


def test_no_such_language() -> None:
    with pytest.raises(LLMSpellError, match="lua99"):
        start_embedded_kernel(RuntimeSettings(LuaSettings(language="lua99")))


def test_settings_of_files_and_flags() -> None:
    loaded = load(flags={"kernel.output_limit": 5})
    with start_embedded_kernel(loaded.settings) as kernel:
        assert kernel.execute("print('123456789')").stdout == "12345"
    with start_embedded_kernel(output_limit=3) as kernel:
        assert kernel.execute("print('123456789')").stdout == "123"


def test_settings_as_tables_or_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "lua.toml"
    file.write_text("[kernel]\noutput_limit = 5\n")
    for settings in ({"kernel": {"output_limit": 5}}, file, str(file)):
        with start_embedded_kernel(settings) as kernel:
            assert kernel.execute("print('123456789')").stdout == "12345"
    wrong = {"kernel": {"output_limt": 5, "idle_timeout": "soon"}}
    with pytest.raises(SettingsError, match="did you mean output_limit") as error:
        start_embedded_kernel(wrong)
    assert error.value.problems[1].startswith("settings: kernel.idle_timeout: expected")
    with pytest.raises(SettingsError, match="there is no such file"):
        start_embedded_kernel(tmp_path / "none.toml")
    with pytest.raises(TypeError, match=r"settings are int; give tables .*load\(\.\.\.\)\.settings"):
        start_embedded_kernel(5)  # type: ignore[arg-type]


def test_time_limit_ends_loops_and_sleeps() -> None:
    with start_embedded_kernel(RuntimeSettings(LuaSettings(time_limit=0.1))) as kernel:
        for code in ("while true do end", "timer.sleep(1000)", "os.execute('sleep 1000')"):
            failed = kernel.execute(code, timeout=SECONDS).error
            assert failed is not None and failed.ename == "CellTimeLimit"


def test_a_child_that_ignores_an_interrupt_is_killed() -> None:
    with start_embedded_kernel() as kernel:
        call = kernel.execute_stream("os.execute([[trap '' INT; echo begun; sleep 1000]])")
        for message in call.stream(SECONDS):
            if message["msg_type"] == "stream":
                break
        call.interrupt()
        failed = call.result(SECONDS).error
        assert failed is not None and failed.ename == "KeyboardInterrupt"


def test_history_is_forgotten_or_kept_in_a_file(tmp_path: pytest.TempPathFactory) -> None:
    with start_embedded_kernel(history=f"{tmp_path}/history.sqlite") as kernel:
        kernel.execute("return 'kept'")
        assert [row[2] for row in kernel.history()["history"]] == ["return 'kept'"]
        kernel.shutdown()
    with start_embedded_kernel(history=f"{tmp_path}/history.sqlite") as kernel:
        assert [row[2] for row in kernel.history()["history"]] == ["return 'kept'"]
    with start_embedded_kernel() as kernel:
        assert kernel.history()["history"] == []


def test_a_forgotten_handle_ends_its_kernel_and_frees_it() -> None:
    def forget() -> tuple[weakref.ref[object], threading.Thread]:
        kernel = start_embedded_kernel()
        kernel.execute("print('x') t = timer.every(0.01, function() end)")
        call = kernel.execute_stream("timer.sleep(1000)")
        call.interrupt()
        call.result(SECONDS)
        requests = kernel._kernel._requests
        assert requests is not None
        return weakref.ref(requests.runtime), kernel._kernel._thread

    runtime, thread = forget()
    assert until(lambda: not thread.is_alive())
    assert until(lambda: runtime() is None)


def test_no_thread_is_left_after_shutdown() -> None:
    before = set(threading.enumerate())
    kernel = start_embedded_kernel()
    call = kernel.execute_stream("while true do end")
    kernel.request("kernel_info_request", channel="control")
    call.interrupt()
    call.result(SECONDS)
    kernel.shutdown()
    assert until(lambda: set(threading.enumerate()) <= before), threading.enumerate()


@pytest.mark.parametrize(
    "code",
    [
        "while true do end",
        "timer.sleep(1000)",
        "timer.every(0.001, function() end)",
        "os.execute('sleep 1000')",
    ],
)
def test_the_process_ends_whatever_runs(code: str) -> None:
    done = run_python(
        "import llmspell_kernel\n"
        "kernel = llmspell_kernel.start_embedded_kernel()\n"
        f"call = kernel.execute_stream({'print(1) ' + code!r})\n"
        "next(each for each in call if each['msg_type'] == 'stream')\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_sockets_are_imported() -> None:
    done = run_python(
        "import llmspell_kernel, sys\n"
        "with llmspell_kernel.start_embedded_kernel() as kernel:\n"
        "    assert kernel.execute('return 1').text == '1'\n"
        "print({'zmq', 'ipykernel', 'jupyter_client', 'msgspec', 'IPython', 'tornado'} & set(sys.modules))\n"
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_debugger_is_there_too() -> None:
    with start_embedded_kernel() as kernel:
        request = {"seq": 1, "type": "request", "command": "initialize", "arguments": {}}
        assert kernel.request("debug_request", request, channel="control")["success"]


def test_close_from_a_callback_of_its_own() -> None:
    kernel: EmbeddedClient = start_embedded_kernel()
    closed = threading.Event()

    def close(_message: object) -> None:
        kernel.close()
        closed.set()

    kernel.listen(close)
    kernel.execute("timer.after(0.01, function() print('late') end)")
    assert closed.wait(SECONDS) and until(lambda: not kernel._kernel._thread.is_alive())
