"""Calling back in a terminal, from any thread."""

from __future__ import annotations

import threading

from llmspell_kernel.cli.terminal_frontend import TerminalFrontend


def test_other_threads_have_functions_called_on_the_script_s_own() -> None:
    frontend = TerminalFrontend()
    called: list[int] = []
    timer = threading.Timer(
        0.02, lambda: frontend.call_later(0, lambda: called.append(threading.get_ident()))
    )
    frontend.call_later(60, lambda: None)  # it waits for that
    timer.start()
    frontend.serve(until=lambda: bool(called))
    timer.join()
    assert called == [threading.get_ident()]


def test_what_is_cancelled_is_not_called() -> None:
    frontend = TerminalFrontend()
    called: list[str] = []
    frontend.call_later(0, lambda: called.append("first"))()
    frontend.call_later(0, lambda: called.append("second"))
    frontend.serve(until=lambda: not frontend.has_timers)
    assert called == ["second"]
