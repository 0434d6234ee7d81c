"""Ending a running cell from outside, at no cost while nobody asks for it.

A Lua hook that is always installed makes Lua code about twice as slow. Here the hook is registered with
Lua's debug library once and taken away again; to end a cell another thread installs it through the C API
(`lua_sethook`, which Lua documents as callable asynchronously). The hook calls back into Python, which raises
the reason. It stays until the cell has ended, so no `pcall` and no coroutine can swallow it.

Lua hooks belong to one coroutine each. The prelude keeps the running coroutine in an upvalue whose memory
the interrupter reads; `_current_thread_reader` proves at start that it can, and otherwise, or where
lupa's module does not export the C functions, a count hook is always installed instead. LuaJIT has one
hook for all coroutines, which its compiled loops never look at.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

_MASK_EVERYTHING = 1 | 2 | 8  # LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT
_FALLBACK_PERIOD = 10_000  # instructions between two calls of the always-installed hook
_REARM_SECONDS = 0.002


class CellEnd(BaseException):
    """A cell ends before its code does. Not an `Exception`: no border may swallow it."""


class CellExit(CellEnd):
    """The code called os.exit."""

    def __init__(self, code: int) -> None:
        super().__init__(f"os.exit({code})")
        self.code = code


class CellTimeLimit(CellEnd):
    """The cell ran longer than allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the cell ran longer than its limit of {seconds:g} s")
        self.seconds = seconds


class _CHooks:
    """The two C functions of lupa's Lua module, and how to find the main and the running Lua thread."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._set = library.lua_sethook
        self._set.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self._set.restype = None
        self._get = library.lua_gethook
        self._get.argtypes = [ctypes.c_void_p]
        self._get.restype = ctypes.c_void_p

    @classmethod
    def of(cls, module: ModuleType) -> _CHooks | None:
        """The functions of a lupa module; None where its build does not export them."""
        if module.__file__ is None:
            return None
        try:
            return cls(ctypes.CDLL(module.__file__))
        except (OSError, AttributeError):
            return None

    def install(self, thread: int, hook: int) -> None:
        self._set(thread, hook, _MASK_EVERYTHING, 1)

    def remove(self, thread: int) -> None:
        self._set(thread, None, 0, 0)

    def installed(self, thread: int) -> int | None:
        hook: int | None = self._get(thread)
        return hook


class Interrupts:
    """Ends the running cell of one Lua state.

    `end_cell` may be called by any thread; everything else belongs to the Lua thread. A request made while no
    cell runs is forgotten. A daemon thread keeps installing the hook until the cell has ended, because the
    coroutine that runs may change between reading which it is and hooking it.
    """

    def __init__(self, module: ModuleType, runtime: Any) -> None:
        self.is_jit = b"LuaJIT" in runtime.lua_implementation
        self.on_stubborn: Callable[[], None] = lambda: None
        self._hooks = _CHooks.of(module)
        # LuaJIT's hook belongs to no thread, so any thread that stays alive will do.
        make_anchor = b"return coroutine.create(print)" if self.is_jit else b"return (coroutine.running())"
        self._anchor = runtime.execute(
            b"local t = (function() %s end)() return {t}, tostring(t)" % make_anchor
        )
        self._main = _address(self._anchor[1])
        self._hook = 0
        self._current: Callable[[], int | None] = lambda: None
        self._asynchronous = self._hooks is not None and (self.is_jit or _can_peek(runtime, self._main))
        self._touched: set[int] = set()
        self._changed = threading.Condition()
        self._active = False
        self._requests = 0
        self._reason: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def period(self) -> int:
        """Instructions between two calls of the always-installed hook; 0 where none is needed."""
        return 0 if self._asynchronous else _FALLBACK_PERIOD

    def check(self, *_: object) -> None:
        """Called by the hook, and after each failed resume: raises the reason, if there is one."""
        if self._reason is not None:
            raise self._reason.with_traceback(None)
        if self._touched:
            # A coroutine that yielded just as it was hooked, resumed by a later cell.
            self._unhook(self._current())

    def ending(self) -> bool:
        """Whether the running cell has been asked to end. Never raises."""
        return self._reason is not None

    def adopt_hook(self) -> None:
        """Takes over the hook that hooks.lua has just installed on the main thread, and removes it."""
        if self._asynchronous and self._hooks is not None:
            self._hook = self._hooks.installed(self._main) or 0
            self._hooks.remove(self._main)

    def watch(self, runtime: Any, peek: Any) -> None:
        """From now on the running coroutine is what the upvalue of the Lua function `peek` holds."""
        if self._asynchronous and not self.is_jit:
            self._current = _upvalue_reader(runtime, peek)

    def begin(self) -> None:
        """A cell starts."""
        with self._changed:
            self._active, self._requests, self._reason = True, 0, None

    def finish(self) -> BaseException | None:
        """The cell has ended (may be called twice). Answers why it was asked to end, or None."""
        reason = self._reason
        if not self._active:
            return reason
        with self._changed:
            self._active = False
            if self._reason is not None:
                reason, self._reason = self._reason, None
                self._unhook(self._main)
                self._changed.notify_all()
        return reason

    def raise_now(self, reason: BaseException) -> None:
        """Ends the cell from within (Lua thread): raises, and nothing in Lua can catch it for good."""
        if self.end_cell(reason):
            self._install()
        raise reason

    def end_cell(self, reason: BaseException) -> bool:
        """Asks the running cell to end with `reason`; false when none runs. Any thread."""
        with self._changed:
            if not self._active:
                return False
            self._requests += 1
            if self._reason is None:
                self._reason = reason
            again = self._requests > 1
            if self._asynchronous:
                self._install()
                self._start_thread()
                self._changed.notify_all()
        if again:
            self.on_stubborn()
        return True

    @property
    def active(self) -> bool:
        """Whether a cell runs."""
        return self._active

    def _install(self) -> None:
        if self._hooks is None or not self._hook:
            return
        self._hooks.install(self._main, self._hook)
        current = self._current()
        if current and current != self._main:
            self._touched.add(current)
            self._hooks.install(current, self._hook)

    def _unhook(self, thread: int | None) -> None:
        if self._asynchronous and self._hooks is not None and thread:
            self._touched.discard(thread)
            self._hooks.remove(thread)

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._insist, name="llmspell-interrupts", daemon=True)
            self._thread.start()

    def _insist(self) -> None:
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._reason is not None)
                self._install()
                self._changed.wait(_REARM_SECONDS)


def _address(text: bytes) -> int:
    """The address in Lua's "thread: 0x55d1..."; some C libraries print no 0x."""
    return int(text.rpartition(b" ")[2], 16)


def _upvalue_reader(runtime: Any, function: Any) -> Callable[[], int | None]:
    """Reads the object in the first upvalue of a Lua function, without Lua.

    Layout of Lua 5.4's and 5.5's UpVal: GC header (16 bytes), then the pointer `v` to the value, which is the
    object's address followed by its type tag (lobject.h).
    """
    identity = runtime.execute(b"local f = ... return tostring(debug.upvalueid(f, 1))", function)
    value_at = ctypes.c_void_p.from_address(_address(identity) + 16).value
    if value_at is None:
        return lambda: None
    cell = ctypes.c_void_p.from_address(value_at)
    return lambda: cell.value


def _can_peek(runtime: Any, main: int) -> bool:
    """Whether the layout that `_upvalue_reader` expects is the one this Lua has."""
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    peek = runtime.execute(
        b"local current = (coroutine.running()) return function() return current end",
    )
    return _upvalue_reader(runtime, peek)() == main
