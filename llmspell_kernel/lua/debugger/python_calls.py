"""The Python functions between two Lua parts of a stack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from llmspell_kernel.lua.binding import enters_from_lua

_BRIDGE = str(Path(__file__).parents[1]) + os.sep
"""Between Lua and Python: of no interest to whoever debugs a script."""
_DEPTH = 1000
_Frame = tuple[bool, bool, bytes, bytes, int]
"""Whether it is where Lua calls in, whether it is of the bridge; function, file and line."""


class PythonCalls:
    """What Python is doing while Lua has stopped. Belongs to the Lua thread.

    Lua knows where on its stack Python was called; Python knows its own frames. `calls` puts them together,
    for one such place after the other from the innermost on.
    """

    def __init__(self) -> None:
        self._frames: list[_Frame] = []
        self._next = 0

    def stopped(self, frame: FrameType | None) -> None:
        """Lua has stopped below this frame."""
        self._frames = [
            (
                enters_from_lua(each.f_code),
                each.f_code.co_filename.startswith(_BRIDGE),
                each.f_code.co_name.encode(),
                os.fsencode(each.f_code.co_filename),
                each.f_lineno,
            )
            for each in _outwards(frame)
        ]

    def begin(self) -> None:
        """Another stack is looked at, or the same one again."""
        self._next = 0

    def calls(self, bound: Callable[..., Any] | None, name: bytes | None) -> tuple[Any, ...]:
        """The Python function that was called next on the way outwards.

        Args:
            bound: what `Binder` has given Lua, if it was called through that.
            name: what the code calls it.

        Returns:
            What to call it, and the name, file and line of each frame that belongs to it, innermost first.
        """
        if bound is not None:
            function = getattr(bound, "__wrapped__", bound)
            label = getattr(function, "__name__", type(function).__name__).encode()
            found = self._until(lambda enters, _: enters)
            self._next += 1
        else:
            label = name or b"function"
            while self._next < len(self._frames) and self._is_plain_bridge(self._next):
                self._next += 1
            found = self._until(lambda _, bridge: bridge, entry=label)
        return (label, *(each for _, bridge, *frame in found if not bridge for each in frame))

    def _is_plain_bridge(self, index: int) -> bool:
        enters, bridge, *_ = self._frames[index]
        return bridge and not enters

    def _until(self, ends: Callable[[bool, bool], bool], entry: bytes | None = None) -> list[_Frame]:
        """The frames before one that `ends`, or up to one that is called `entry`."""
        first = self._next
        while self._next < len(self._frames):
            enters, bridge, name, *_ = self._frames[self._next]
            if ends(enters, bridge):
                break
            self._next += 1
            if name == entry:
                break
        return self._frames[first : self._next]


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    depth = 0
    while frame is not None and depth < _DEPTH:
        yield frame
        frame, depth = frame.f_back, depth + 1
