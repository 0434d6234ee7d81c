"""execute_request, as the protocol describes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..kernels import KernelSession


def test_kernel_info(kernel: KernelSession) -> None:
    info = kernel.request(kernel.client.kernel_info())
    assert info["status"] == "ok"
    assert info["protocol_version"].startswith("5.")
    assert info["implementation"] == "llmspell"
    assert info["banner"]
    language = info["language_info"]
    assert language["name"] == "lua"
    assert language["version"] == "5.4"
    assert language["file_extension"] == ".lua"
    assert language["pygments_lexer"] == "lua"
    assert language["codemirror_mode"] == "lua"
    assert language["mimetype"] == "text/x-lua"
    assert all({"text", "url"} == set(link) for link in info["help_links"])
    assert "kernel subshells" not in info["supported_features"]


def test_the_messages_of_a_cell_come_in_order(kernel: KernelSession) -> None:
    done = kernel.execute("print('text') return 7")
    assert [message["msg_type"] for message in done.messages] == [
        "status", "execute_input", "stream", "execute_result", "status",
    ]  # fmt: skip
    count = done.reply["content"]["execution_count"]
    assert done.messages[1]["content"] == {"code": "print('text') return 7", "execution_count": count}
    assert done.messages[3]["content"]["execution_count"] == count
    assert done.messages[0]["content"] == {"execution_state": "busy"}
    assert done.reply["content"]["payload"] == []
    assert done.reply["metadata"]["status"] == "ok"


def test_counts(kernel: KernelSession) -> None:
    def count(*, silent: bool = False, store_history: bool = True) -> int:
        done = kernel.execute("1", silent=silent, store_history=store_history)
        return int(done.reply["content"]["execution_count"])

    first = count()
    assert count() == first + 1
    assert count(silent=True) == first + 1
    assert count(store_history=False) == first + 1
    assert count() == first + 2
    assert kernel.execute("error('x')").reply["content"]["execution_count"] == first + 3
    assert kernel.execute("").reply["content"]["execution_count"] == first + 4


def test_silent_shows_nothing_and_remembers_nothing(kernel: KernelSession) -> None:
    kernel.execute("41 + 1")
    done = kernel.execute("seen = 1 print('hidden') io.stderr:write('hidden') return 5", silent=True)
    assert done.status == "ok"
    assert [message["msg_type"] for message in done.messages] == ["status", "status"]
    assert kernel.execute("_, seen").result == "42\t1"
    failed = kernel.execute("error('quiet')", silent=True)
    assert failed.status == "error"
    assert failed.reply["content"]["ename"] == "LuaError"
    assert failed.error is None


def test_without_history_the_result_is_shown_but_not_remembered(kernel: KernelSession) -> None:
    kernel.execute("'remembered'")
    assert kernel.execute("'not'", store_history=False).result == '"not"'
    assert kernel.execute("_").result == '"remembered"'


def test_user_expressions(kernel: KernelSession) -> None:
    done = kernel.execute(
        "local kept = 20", user_expressions={"sum": "kept + 1", "bad": "kept.x.y", "wrong": "= ="}
    )
    expressions = done.reply["content"]["user_expressions"]
    assert expressions["sum"]["status"] == "ok"
    assert expressions["sum"]["data"]["text/plain"] == "21"
    assert expressions["bad"]["status"] == "error"
    assert expressions["bad"]["ename"] == "LuaError"
    assert expressions["bad"]["traceback"]
    assert expressions["wrong"]["ename"] == "LuaSyntaxError"
    assert (
        kernel.execute("error('x')", user_expressions={"a": "1"}).reply["content"]["user_expressions"] == {}
    )


def test_an_error(kernel: KernelSession) -> None:
    done = kernel.execute("error('broken')")
    content = done.reply["content"]
    assert (content["status"], content["ename"]) == ("error", "LuaError")
    assert content["evalue"].endswith(":1: broken")
    assert done.error is not None
    assert done.error["traceback"] == content["traceback"]
    assert [message["msg_type"] for message in done.messages] == [
        "status",
        "execute_input",
        "error",
        "status",
    ]


def test_requests_behind_an_error_are_aborted(kernel: KernelSession) -> None:
    kernel.execute("ran = 0")
    # What has not arrived when the cell fails is not aborted: it takes its time.
    failing = kernel.client.execute("os.execute('sleep 1') error('x')")
    behind = [kernel.client.execute("ran = ran + 1") for _ in range(50)]
    first, *others = kernel.collect_all([failing, *behind])
    assert first.status == "error"
    for done in others:
        assert done.status == "aborted"
        assert [message["msg_type"] for message in done.messages] == ["status", "status"]
    assert kernel.execute("ran").result == "0"


def test_other_requests_behind_an_error_are_answered(kernel: KernelSession) -> None:
    failing = kernel.client.execute("error('x')")
    info = kernel.client.kernel_info()
    assert kernel.request(info)["status"] == "ok"
    assert failing


def test_requests_behind_an_error_go_on_if_asked_to(kernel: KernelSession) -> None:
    kernel.execute("ran = 0")
    ids = [kernel.client.execute("error('x')", stop_on_error=False)]
    ids += [kernel.client.execute("ran = ran + 1", stop_on_error=False) for _ in range(20)]
    assert [done.status for done in kernel.collect_all(ids)] == ["error"] + ["ok"] * 20
    assert kernel.execute("ran").result == "20"


def test_what_is_sent_after_the_error_reply_runs(kernel: KernelSession) -> None:
    for _ in range(20):
        assert kernel.execute("error('x')").status == "error"
        assert kernel.execute("1 + 1").result == "2"


def test_many_requests_in_a_row_keep_their_order(kernel: KernelSession) -> None:
    kernel.execute("order = {}")
    ids = [kernel.client.execute(f"order[#order + 1] = {index} return order[#order]") for index in range(200)]
    assert [done.result for done in kernel.collect_all(ids)] == [str(index) for index in range(200)]


@pytest.mark.parametrize("text", ["grüße 😀", "a\u2028b", "x" * 100_000, "tab\\tbell\\a"])
def test_text_survives_the_way(kernel: KernelSession, text: str) -> None:
    done = kernel.execute(f"s = '{text}' print(s)")
    assert done.stdout == text.replace("\\t", "\t").replace("\\a", "\a") + "\n"


def test_large_results(kernel: KernelSession) -> None:
    done = kernel.execute("return string.rep('x', 1000000)")
    assert done.result is not None
    assert len(done.result) > 1000


def test_os_exit_keeps_the_kernel(kernel: KernelSession) -> None:
    kernel.execute("still = 'here'")
    done = kernel.execute("os.exit()")
    assert done.status == "ok"
    assert "ended this cell" in done.stderr
    assert kernel.execute("os.exit(2)").reply["content"]["ename"] == "Exit"
    assert kernel.execute("still").result == '"here"'


@pytest.mark.parametrize(("name", "version"), [("llmspell-lua55", "5.5"), ("llmspell-luajit", "5.1")])
def test_the_other_luas(new_kernel: Callable[..., KernelSession], name: str, version: str) -> None:
    kernel = new_kernel(name)
    info = kernel.request(kernel.client.kernel_info())
    assert info["language_info"]["version"] == version
    assert kernel.execute("local x = 20 return x + 1").result == "21"
    assert kernel.execute("x").result == "20"


def test_options(new_kernel: Callable[..., KernelSession]) -> None:
    kernel = new_kernel(
        "llmspell",
        "--no-persistent-locals",
        "--time-limit=0.2",
        "--memory-limit=50000000",
        "--output-limit=1000",
    )
    kernel.execute("local gone = 1")
    assert kernel.execute("gone").result == "nil"
    assert kernel.execute("while true do end").reply["content"]["ename"] == "CellTimeLimit"
    assert kernel.execute("os.execute('sleep 10')").reply["content"]["ename"] == "CellTimeLimit"
    assert kernel.execute("return string.rep('x', 100000000)").reply["content"]["ename"] == "LuaMemoryError"
    done = kernel.execute("for i = 1, 1000 do print(i) end")
    assert len(done.stdout) == 1000
    assert "output_limit" in done.stderr
    assert kernel.execute("1 + 1").result == "2"
