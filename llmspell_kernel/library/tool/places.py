"""Where tools run that do not run at once: on a thread, or in a worker process."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

from llmspell_kernel.errors import ToolTimeoutError
from llmspell_kernel.interpreter import Waits
from llmspell_kernel.library.tool.surroundings import Surroundings


def timed_out(tool: str, seconds: float) -> ToolTimeoutError:
    """What a call comes to that takes too long."""
    return ToolTimeoutError(
        f"{tool}: it has not finished within its {round(seconds, 1):g} s; give it less to do, or raise the "
        "setting tools.timeout_seconds"
    )


class Ending:
    """Something that another thread finishes and this one waits for."""

    def __init__(self, waits: Waits | None) -> None:
        """`waits` are used if they are this thread's."""
        self._waits = waits if waits is not None and waits.thread == threading.get_ident() else None
        self._done = threading.Event()

    def finish(self) -> None:
        """It is finished. Any thread."""
        self._done.set()
        if self._waits is not None:
            self._waits.wake()

    def wait(self, seconds: float) -> bool:
        """Whether it is finished by then.

        Raises:
            KeyboardInterrupt: the cell has been asked to end.
        """
        limit = None if seconds == float("inf") else seconds
        if self._waits is None:
            return self._done.wait(limit)
        return self._waits.until(self._done.is_set, limit)


def in_thread(function: Callable[[], Any], surroundings: Surroundings, waits: Waits | None) -> Any:
    """What a function answers, or raises, on a thread of its own.

    When the time of the call is over, or it is interrupted, nobody waits for the thread any more, and it is
    told so.

    Raises:
        ToolTimeoutError: the time is over.
        KeyboardInterrupt: the cell has been asked to end.
    """
    ending = Ending(waits)
    answers: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - the border of the thread: the waiting one raises it
            errors.append(error)
        finally:
            ending.finish()

    seconds = surroundings.seconds_left
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(run,), name=f"llmspell-tool-{surroundings.tool}", daemon=True
    )
    finished = False
    try:
        thread.start()  # in here, as an interrupt may come while it starts
        finished = ending.wait(seconds)
    finally:
        if not finished:
            surroundings.cancel()
    if not finished:
        raise timed_out(surroundings.tool, surroundings.seconds)
    if errors:
        raise errors[0]
    return answers[0]
