"""What is called while a script waits for its timers, and what is left of it for the kernel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from llmspell_kernel.kernel.scripts import ScriptCalls
from llmspell_kernel.kernel.timers import Inbox
from llmspell_kernel.runtime import Runtime
from tests.lua.shell import MemoryFrontend


class Others:
    """What calls between requests: a thread without an event loop."""

    def __init__(self) -> None:
        self.inbox: Inbox[Callable[[], object]] = Inbox()
        self.call_soon = self.inbox.put
        self.call_later = self.inbox.call_later

    def call_all(self) -> None:
        while self.inbox.is_due:
            self.inbox.next()()


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    runtime = Runtime(MemoryFrontend())
    yield runtime
    runtime.close()


def test_another_thread_ends_the_wait(runtime: Runtime) -> None:
    calls, called = ScriptCalls(runtime), list[str]()
    calls.call_later(600, lambda: called.append("late"))
    thread = threading.Thread(target=calls.call_soon, args=(lambda: called.append("soon"),))
    thread.start()
    calls.serve(lambda is_due: bool(called))
    thread.join()
    assert called == ["soon"]


def test_an_interrupt_ends_the_wait(runtime: Runtime) -> None:
    calls = ScriptCalls(runtime)
    calls.call_later(600, lambda: None)
    thread = threading.Thread(target=runtime.interrupt)

    def until(_is_due: bool) -> bool:
        thread.start()
        return False

    with pytest.raises(KeyboardInterrupt):
        calls.serve(until)
    thread.join()
    runtime.expect(False)


def test_what_was_not_called_is_called_between_requests(runtime: Runtime) -> None:
    calls, others, called = ScriptCalls(runtime), Others(), list[str]()
    calls.call_soon(lambda: called.append("soon"))
    calls.call_later(0, lambda: called.append("later"))
    calls.call_later(0, lambda: called.append("cancelled before"))()
    cancel = calls.call_later(0, lambda: called.append("cancelled afterwards"))
    calls.hand_over(others)
    cancel()
    others.call_all()
    assert sorted(called) == ["later", "soon"]


def test_a_callback_that_fails_is_not_the_last(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    calls, called = ScriptCalls(runtime), list[str]()
    calls.call_later(0, lambda: [][0])
    calls.call_later(0, lambda: called.append("next"))
    calls.serve(lambda is_due: bool(called))
    assert called == ["next"] and "Could not call back" in caplog.text
