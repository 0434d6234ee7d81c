"""The Jupyter front without a language: what it adds to any interpreter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kernels import KernelSession, start_kernel


@pytest.fixture(scope="module")
def echo(kernelspecs: list[str]) -> Iterator[KernelSession]:
    """A kernel that answers with what it is told."""
    session = start_kernel("llmspell", "--language=echo")
    yield session
    session.end()


def test_who_it_is(echo: KernelSession) -> None:
    info = echo.request(echo.client.kernel_info())
    assert info["language_info"]["name"] == "echo"
    assert "Echo" in info["banner"]


def test_results_and_counts(echo: KernelSession) -> None:
    first = echo.execute("hello")
    assert first.result == "hello"
    second = echo.execute("one\ntwo")
    assert second.result == "one\ntwo"
    assert second.reply["content"]["execution_count"] == first.reply["content"]["execution_count"] + 1
    assert echo.execute("").result is None


def test_streams_and_displays_keep_their_order(echo: KernelSession) -> None:
    done = echo.execute("stdout a\nstderr b\nstdout c\ndisplay d\nstdout e\nresult")
    shown = [
        message["content"].get("text") or message["content"]["data"]["text/plain"]
        for message in done.messages
        if message["msg_type"] in ("stream", "display_data", "execute_result")
    ]
    assert shown == ["a\n", "b\n", "c\n", "d", "e\n", "result"]


def test_errors_abort_what_waits(echo: KernelSession) -> None:
    ids = [echo.client.execute("sleep 1\nerror broken"), *(echo.client.execute("later") for _ in range(10))]
    first, *others = echo.collect_all(ids)
    assert first.reply["content"]["ename"] == "EchoError"
    assert first.error is not None
    assert first.error["evalue"] == "broken"
    assert {done.status for done in others} == {"aborted"}
    assert echo.execute("again").result == "again"


def test_input(echo: KernelSession) -> None:
    assert echo.execute("input Name?", answers=["Ada"]).result == "Ada"
    assert echo.execute("password Key:", answers=["secret"]).result == "secret"
    done = echo.execute("input Name?")
    assert done.reply["content"]["ename"] == "StdinUnavailableError"


def test_interrupts(echo: KernelSession) -> None:
    for _ in range(5):
        msg_id = echo.client.execute("stdout started\nsleep 60")
        while echo.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            continue
        echo.manager.interrupt_kernel()
        assert echo.collect(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"
        assert echo.execute("alive").result == "alive"


def test_silence_and_expressions(echo: KernelSession) -> None:
    done = echo.execute("stdout hidden\nresult", silent=True, user_expressions={"x": "value"})
    assert [message["msg_type"] for message in done.messages] == ["status", "status"]
    assert done.reply["content"]["user_expressions"]["x"]["data"] == {"text/plain": "value"}


def test_help(echo: KernelSession) -> None:
    completed = echo.request(echo.client.complete("stdo"))
    assert completed["matches"] == ["stdout"]
    assert (completed["cursor_start"], completed["cursor_end"]) == (0, 4)
    assert echo.request(echo.client.inspect("name"))["data"]["text/plain"] == "name"
    assert echo.request(echo.client.inspect(""))["found"] is False
    assert echo.request(echo.client.is_complete("line \\"))["status"] == "incomplete"
    assert echo.request(echo.client.is_complete("line"))["status"] == "complete"


def test_history(echo: KernelSession) -> None:
    echo.execute("remember me")
    echo.execute("forget me", store_history=False)
    history = echo.request(echo.client.history(hist_access_type="tail", n=1))["history"]
    assert history[0][2] == "remember me"


def test_clearing(echo: KernelSession) -> None:
    done = echo.execute("stdout before\nclear\nstdout after")
    assert [message["msg_type"] for message in done.messages[2:-1]] == ["stream", "clear_output", "stream"]
