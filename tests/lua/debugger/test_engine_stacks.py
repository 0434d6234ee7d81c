"""Stacks: of great depth, and with Python between their Lua parts."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from llmspell_kernel.lua.debugger.model import StackFrame, Stop

from .session import WAIT, Recorder, Session, debugged

DEPTH = {"lua54": 100_000, "lua55": 100_000, "luajit": 10_000}


def give(session: Session, **functions: Callable[..., Any]) -> None:
    """Gives the cells Python functions, as the library's are."""

    def bind() -> None:
        state = session.shell.interpreter.state
        for name, function in functions.items():
            state.globals[name.encode()] = state.binder.function(function)

    session.on_lua(bind)


def shown(frames: list[StackFrame]) -> list[tuple[str, str, bool]]:
    """Names, files and whether they are subtle."""
    return [(frame.name, frame.source.name if frame.source else "", frame.subtle) for frame in frames]


def test_a_very_deep_stack_is_shown_by_pages_at_once(session: Session) -> None:
    depth = DEPTH[session.shell.language]
    cell = session.start(
        f"""
        local function deep(n)
          if n == 0 then
            return 0 -- bottom
          end
          local r = deep(n - 1)
          return r + 1 -- return
        end
        local result = deep({depth})
        return result -- end
        """,
        "bottom",
    )
    stop = session.wait_stop()
    asked = time.thread_time()
    pages = {
        start: session.debugger.stack(stop.thread, start, 10) for start in (0, 500, depth // 2, depth - 3)
    }
    assert time.thread_time() - asked < 1
    assert {total for _, total in pages.values()} == {depth + 2}
    assert [frame.line for frame in pages[0][0]] == [3] + [5] * 9
    assert [frame.name for frame in pages[depth - 3][0]] == ["deep"] * 4 + ["main chunk"]
    for start in (500, depth // 2, depth - 3):
        frame = pages[start][0][0]
        assert session.debugger.evaluate("n", frame.id, "watch").value == str(start)
    everything, total = session.debugger.stack(stop.thread)
    assert 500 < len(everything) <= 1000 < total
    session.set_breakpoints(cell.path, cell.code)
    session.debugger.step("out", stop.thread)
    session.wait_stop()
    top, total = session.debugger.stack(stop.thread, 0, 1)
    assert (top[0].name, total) == ("deep", depth + 1)
    session.resume()
    assert session.finish(cell) == str(depth)


def test_python_functions_between_two_lua_parts_are_on_the_stack(session: Session) -> None:
    def serve(function: Any) -> Any:
        return handle(function)

    def handle(function: Any) -> Any:
        return session.shell.interpreter.call(function, 5)[0]

    give(session, serve=serve)
    cell = session.start(
        """
        local function back(n)
          return n + 1 -- here
        end
        local function again(n)
          return (serve(back)) + n
        end
        local r = serve(again)
        return r
        """,
        "here",
    )
    session.wait_stop()
    here = "test_engine_stacks.py"
    python = [("[Python] handle", here, True), ("[Python] serve", here, True)]
    frames = session.frames()
    assert shown(frames) == [
        ("back", cell.path, False), *python,
        ("again", cell.path, False), *python,
        ("main chunk", cell.path, False),
    ]  # fmt: skip
    lines = {frame.name: frame.line for frame in frames}
    assert lines["[Python] serve"] == serve.__code__.co_firstlineno + 1
    for frame in frames:
        kinds = {scope.kind for scope in session.debugger.scopes(frame.id)}
        assert ("locals" in kinds) != frame.subtle
    page, total = session.debugger.stack(1, 2, 2)
    assert total == len(frames)
    assert shown(page) == shown(frames)[2:4]
    session.set_breakpoints(cell.path, cell.code)
    session.resume()
    assert session.finish(cell) == "11"


def test_python_that_a_coroutine_has_called(session: Session) -> None:
    def serve(function: Any) -> Any:
        return session.shell.interpreter.call(function, 5)[0]

    give(session, serve=serve)
    cell = session.start(
        """
        local function back(n)
          return n + 1 -- here
        end
        local co = coroutine.wrap(function()
          local r = serve(back)
          return r
        end)
        local r = co()
        return r
        """,
        "here",
    )
    session.wait_stop()
    stacks = {
        thread.id: [frame.name for frame in session.frames(thread.id)]
        for thread in session.debugger.threads()
    }
    assert any("[Python] serve" in names for names in stacks.values())
    assert session.names()[0] == "back"
    session.resume()
    assert session.finish(cell) == "6"


def test_python_that_trusted_code_calls_by_itself(language: str) -> None:
    with debugged(language, trusted=True) as session:
        cell = session.start(
            """
            local call = python.eval("lambda f: f()")
            local r = call(function()
              local x = 5 -- here
              return x
            end)
            return r
            """,
            "here",
        )
        session.wait_stop()
        assert [frame.name for frame in session.frames()] == [
            "function at line 2", "[Python] <lambda>", "main chunk",
        ]  # fmt: skip
        assert session.frames()[1].source is None
        assert session.step("over") == cell.line("here") + 1
        session.resume()
        assert session.finish(cell) == "5"


class HastyClient(Recorder):
    """Asks for the stack while it is still being told of the stop, just as what was printed is called for."""

    def __init__(self, session: Session, thread: ThreadPoolExecutor) -> None:
        super().__init__()
        self._session, self._thread = session, thread
        self.asked: Future[tuple[list[StackFrame], int]] | None = None

    def stopped(self, stop: Stop) -> None:
        self.asked = self._thread.submit(self._session.debugger.stack, stop.thread)
        waiting = self._session.debugger._calls.mailbox
        while waiting.is_empty and not self.asked.done():
            pass
        self._session.shell.interpreter.release_output()
        super().stopped(stop)


def test_who_asks_while_the_stop_is_told_sees_the_stack_of_the_code(session: Session) -> None:
    with ThreadPoolExecutor(1) as thread:
        client = HastyClient(session, thread)
        session.debugger.attach(client)
        session.debugger.detach(session.recorder)
        session.recorder = client
        cell = session.start("local a = 1\nlocal b = 2 -- b\nreturn b", "b")
        session.wait_stop()
        assert client.asked is not None
        frames, total = client.asked.result(WAIT)
        assert ([frame.name for frame in frames], total) == (["main chunk"], 1)
        assert session.line() == cell.line("b")
        session.resume()
        assert session.finish(cell) == "2"
