"""What every client guarantees to who waits for its calls: input, interrupts, several at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmspell_kernel import Call, Client, Execution, KernelTimeoutError
from llmspell_kernel.client.call import Message

from .calls import BUSY, SECONDS, SLEEPING, interrupted, run, wait_begun

# Input


def test_input_is_read_by_who_waits(client: Client) -> None:
    asked: list[tuple[str, bool, int]] = []

    def read_line(prompt: str, password: bool) -> str:
        asked.append((prompt, password, threading.get_ident()))
        return "Ada"

    code = "io.write('name? ') local name = io.read() return name .. io.getpass('secret: ')"
    assert run(client, code, read_line=read_line).text == '"AdaAda"'
    here = threading.get_ident()
    assert asked == [("name? ", False, here), ("secret: ", True, here)]


def test_the_end_of_input(client: Client) -> None:
    def read_line(prompt: str, password: bool) -> str:
        raise EOFError

    assert run(client, "return io.read() == nil", read_line=read_line).text == "true"


def test_without_input_code_gets_an_error(client: Client) -> None:
    failed = run(client, "io.read()")
    assert failed.error is not None and "cannot be asked for input" in failed.error.evalue


def test_an_error_while_reading_ends_the_code(client: Client) -> None:
    def read_line(prompt: str, password: bool) -> str:
        raise ZeroDivisionError

    call = client.execute_stream("io.read()", read_line=read_line)
    with pytest.raises(ZeroDivisionError):
        call.result(SECONDS)
    assert interrupted(call.result(SECONDS))


# Interrupts


@pytest.mark.parametrize("code", [BUSY, SLEEPING, "print('begun') os.execute('exec sleep 1000')"])
def test_interrupt_ends_running_code(client: Client, code: str) -> None:
    call = client.execute_stream(code)
    wait_begun(call)
    asked = time.monotonic()
    call.interrupt()
    assert interrupted(call.result(SECONDS))
    assert time.monotonic() - asked < 10
    assert run(client, "return 1").text == "1"


def test_interrupt_ends_a_question(client: Client) -> None:
    asked = threading.Event()
    may_answer = threading.Event()

    def read_line(prompt: str, password: bool) -> str:
        asked.set()
        may_answer.wait(SECONDS)
        return "too late"

    call = client.execute_stream("io.read()", read_line=read_line)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(call.result, SECONDS)
        assert asked.wait(SECONDS)
        client.interrupt()
        for message in call.stream(SECONDS):
            if message["msg_type"] == "error":
                assert message["content"]["ename"] == "KeyboardInterrupt"
        may_answer.set()
        assert interrupted(waiting.result(SECONDS))
    assert run(client, "return io.read()", read_line=lambda prompt, password: "new").text == '"new"'


def test_interrupt_of_a_call_that_waits_hits_that_call(client: Client) -> None:
    ready = threading.Event()
    first = client.execute_stream(
        "io.read() return 'first'", read_line=lambda prompt, password: str(ready.wait(SECONDS))
    )
    second = client.execute_stream("while true do end")
    second.interrupt()
    ready.set()
    assert first.result(SECONDS).text == '"first"'
    assert interrupted(second.result(SECONDS))


def test_interrupt_of_what_is_over_does_nothing(client: Client) -> None:
    call = client.execute_stream("1")
    call.result(SECONDS)
    call.interrupt()
    assert client.request("interrupt_request", channel="control") == {"status": "ok"}
    assert run(client, "2").text == "2"


def test_ctrl_c_while_waiting_ends_the_code(client: Client) -> None:
    def press(message: Message) -> None:
        if message["msg_type"] == "stream":
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    stop = client.listen(lambda message: None)
    call: Call[Execution] | None = None
    try:
        with pytest.raises(KeyboardInterrupt):
            run(client, BUSY, on_message=press)
        call = client.execute_stream(SLEEPING)
        wait_begun(call)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            call.result(SECONDS)
        call.interrupt()
        assert interrupted(call.result(SECONDS))
    finally:
        signal.signal(signal.SIGINT, before)
        stop()


def test_timeout_of_execute_ends_the_code(client: Client) -> None:
    with pytest.raises(KernelTimeoutError, match="execute"):
        client.execute("while true do end", timeout=0.2)
    assert run(client, "return 'free'").text == '"free"'


def test_timeout_of_a_result_leaves_it_running(client: Client) -> None:
    call = client.execute_stream(BUSY)
    with pytest.raises(KernelTimeoutError):
        call.result(0.1)
    with pytest.raises(KernelTimeoutError):
        list(call.stream(0.1))
    assert not call.done
    call.interrupt()
    assert interrupted(call.result(SECONDS))


# Several at once


def test_concurrent_callers_get_their_own(client: Client) -> None:
    def work(name: int) -> list[str]:
        return [run(client, f"print({name} .. '/' .. {turn})").stdout for turn in range(20)]

    with ThreadPoolExecutor(8) as pool:
        for name, texts in enumerate(pool.map(work, range(8))):
            assert texts == [f"{name}/{turn}\n" for turn in range(20)]


def test_several_wait_for_one_call(client: Client) -> None:
    call = client.execute_stream("io.read() return 1", read_line=lambda prompt, password: "")
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(call.result, SECONDS) for _ in range(3)]
        assert [each.result().text for each in waiting] == ["1"] * 3


def test_asyncio(client: Client) -> None:
    async def work() -> None:
        async def read_line(prompt: str, password: bool) -> str:
            return await asyncio.to_thread(lambda: "async")

        calls = [client.execute_stream(f"return {number}") for number in range(5)]
        assert [each.text for each in await asyncio.gather(*calls)] == ["0", "1", "2", "3", "4"]
        types = [message["msg_type"] async for message in client.execute_stream("print(1)")]
        assert types == ["status", "execute_input", "stream", "status"]
        assert (await client.execute_stream("return io.read()", read_line=read_line)).text == '"async"'
        plain = client.execute_stream("return io.read()", read_line=lambda prompt, password: "plain")
        assert (await plain).text == '"plain"'
        assert (await client.start("is_complete_request", {"code": "x"}))["status"] == "complete"

    asyncio.run(work())


def test_a_cancelled_task_ends_its_code(client: Client) -> None:
    async def work() -> Call[Execution]:
        call = client.execute_stream(BUSY)
        waiting = asyncio.ensure_future(call)
        with pytest.raises(asyncio.CancelledError):
            async for message in call:
                if message["msg_type"] == "stream":
                    waiting.cancel()
                    await waiting
        return call

    assert interrupted(asyncio.run(work()).result(SECONDS))
