"""Showing something again and again, in place where there is a terminal."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import click

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.output import Table

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class View(NamedTuple):
    """What is shown: for programs, and for people."""

    data: object
    text: str | Table


def show_once_or_watch(frame: Frame, look: Callable[[], View], *, watch: bool, interval: float) -> View:
    """Shows what `look` answers; with `watch` every `interval` seconds until Ctrl-C. Answers the last one."""
    if not watch:
        view = look()
        frame.show(view.data, view.text)
        return view
    if frame.output == "text" and sys.stdout is not None and sys.stdout.isatty():
        return _watch_terminal(frame, look, interval)
    view = look()
    with suppress(KeyboardInterrupt):
        while True:
            frame.show(view.data, view.text)
            sys.stdout.flush()
            time.sleep(interval)
            view = look()
    return view


def _watch_terminal(frame: Frame, look: Callable[[], View], interval: float) -> View:
    view = look()
    with _screen(), _resizes() as resized, suppress(KeyboardInterrupt):
        while True:
            _draw(view, interval, colours=frame.colours())
            due = time.monotonic() + interval
            while (left := due - time.monotonic()) > 0:
                if select.select([resized], [], [], left)[0]:
                    os.read(resized, 64)
                    _draw(view, interval, colours=frame.colours())
            view = look()
    frame.show(view.data, view.text)  # stays, when the screen is as before
    return view


def _draw(view: View, interval: float, *, colours: bool) -> None:
    """Over what is there, in one go: nothing is cleared first, so nothing flickers."""
    columns, rows = shutil.get_terminal_size()
    text = view.text if isinstance(view.text, str) else view.text.text(colours=colours, width=columns)
    lines = text.split("\n")
    if len(lines) > rows - 2:
        lines[rows - 3 :] = [f"... {len(lines) - rows + 3} more"]
    lines += ["", f"{time.strftime('%H:%M:%S')}, every {interval:g} s; Ctrl-C ends"]
    drawn = f"{_REST_OF_LINE}\r\n".join(_fitted(line, columns) for line in lines[:rows])
    sys.stdout.write(f"{_HOME}{drawn}{_REST_OF_LINE}{_REST_OF_SCREEN}")
    sys.stdout.flush()


def _fitted(line: str, columns: int) -> str:
    """A line that is not wrapped; one that is too long loses its colours too."""
    plain = click.unstyle(line)
    return line if len(plain) <= columns else f"{plain[: columns - 1]}…"


@contextmanager
def _screen() -> Iterator[None]:
    """The terminal's other screen, so that the user's is as before at the end."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.stdout.write(_ENTER)
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _resizes() -> Iterator[int]:
    """A descriptor that can be read when the terminal has another size."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def tell(*_: object) -> None:
        with suppress(BlockingIOError):
            os.write(writing, b".")

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        yield reading
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(reading)
        os.close(writing)
