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
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

_MASK_EVERYTHING = 1 | 2 | 8  # LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT
_FALLBACK_PERIOD = 10_000  # instructions between two calls of the always-installed hook
_REARM_SECONDS = 0.002
_WARN_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
STUBBORN_SECONDS = 0.3
"""A cell that was asked twice and still runs this long after the first time is said not to listen."""


class CellEnd(BaseException):
    """A cell ends before its code does. Not an `Exception`: no border may swallow it."""


class CellExit(CellEnd):
    """The code called os.exit."""

    def __init__(self, code: int) -> None:
        super().__init__(f"os.exit({code})")
        self.code = code


class CellTimeLimit(CellEnd):
    """The cell ran longer than allowed; `hint` says how to allow more."""

    def __init__(
        self,
        seconds: float,
        hint: str = "Raise the limit with the kernel's option time_limit (seconds; 0 for none).",
    ) -> None:
        super().__init__(f"it ran longer than its limit of {seconds:g} s")
        self.seconds = seconds
        self.hint = hint


class _CHooks:
    """The two C functions of lupa's Lua module, and how to find the main and the running Lua thread."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._set = library.lua_sethook
        self._set.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self._set.restype = None
        self._get = library.lua_gethook
        self._get.argtypes = [ctypes.c_void_p]
        self._get.restype = ctypes.c_void_p
        self._mask = library.lua_gethookmask
        self._mask.argtypes = [ctypes.c_void_p]
        self._mask.restype = ctypes.c_int

    @classmethod
    def of(cls, module: ModuleType) -> _CHooks | None:
        """The functions of a lupa module; None where its build does not export them."""
        if module.__file__ is None:
            return None
        try:
            return cls(ctypes.CDLL(module.__file__))
        except (OSError, AttributeError):
            return None

    def send_warnings(self, thread: int, warn: Callable[[bytes, bool], None]) -> None:
        """What Lua itself warns of goes to `warn`, with whether more of the same message follows."""
        receive = _WARN_FUNCTION(lambda _, text, continues: warn(text, bool(continues)))
        # Lua may warn until its state is gone, and nothing says when that is: the function lives for ever.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(receive))
        try:
            set_function = self._library.lua_setwarnf
        except AttributeError:  # Lua 5.1 has no warnings
            return
        set_function.argtypes = [ctypes.c_void_p, _WARN_FUNCTION, ctypes.c_void_p]
        set_function.restype = None
        set_function(thread, receive, None)

    def close_state(self, thread: int) -> None:
        """Ends the Lua state that a thread belongs to; afterwards nothing may touch it."""
        close = self._library.lua_close
        close.argtypes = [ctypes.c_void_p]
        close.restype = None
        close(thread)

    def install(self, thread: int, hook: int) -> None:
        self._set(thread, hook, _MASK_EVERYTHING, 1)

    def has(self, thread: int, hook: int) -> bool:
        """Whether it is installed, and not as a script's own."""
        return bool(self._get(thread) == hook and self._mask(thread) == _MASK_EVERYTHING)

    def remove(self, thread: int) -> None:
        self._set(thread, None, 0, 0)

    def installed(self, thread: int) -> int | None:
        hook: int | None = self._get(thread)
        return hook


class Interrupts:
    """Ends the running cell of one Lua state, or has it listen for a moment.

    `end_cell` and `poke` may be called by any thread; everything else belongs to the Lua thread. A request
    made while no cell runs is forgotten; one made while a cell is expected ends it as soon as it begins. A
    daemon thread keeps installing the hook until the cell has ended, because the coroutine that runs may
    change between reading which it is and hooking it.

    Attributes:
        asked: how often the user has asked for the end of a cell so far, also when none ran.
        attended: called on the Lua thread, within the hook, when a poke has arrived.
        is_compiling: whether loops may be running that never look at the hook.
    """

    def __init__(self, module: ModuleType, runtime: Any) -> None:
        self.is_jit = b"LuaJIT" in runtime.lua_implementation
        self.on_stubborn: Callable[[], None] = lambda: None
        self.before_raise: Callable[[], object] = lambda: None
        self.attended: Callable[[], object] = lambda: None
        self.is_compiling = self.is_jit
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
        self._warn_sink: Callable[[bytes], None] = lambda text: None
        # Taken itself: an interrupt in the condition's own code, which is Python, would keep it for ever.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._closed = False
        self._active = False
        self._expected = False
        self._poked = False
        self._user_hooked = False
        self._requests = 0
        self.asked = 0
        self._reason: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def period(self) -> int:
        """Instructions between two calls of the always-installed hook; 0 where none is needed."""
        return 0 if self._asynchronous else _FALLBACK_PERIOD

    def check(self, *_: object) -> None:
        """Called by the hook, and after each failed resume: raises the reason, if there is one."""
        if self._reason is not None:
            self.before_raise()
            raise self._reason.with_traceback(None)
        if self._touched and (current := self._current()) in self._touched:
            # A coroutine that yielded just as it was hooked, resumed by a later cell.
            self._unhook(current)

    def on_hook(self) -> bool:
        """Called by the hook: as `check`; answers whether `poke` is why it was called."""
        self.check()
        if not self._poked:
            return False
        self._poked = False
        self._unhook(self._main)
        self._unhook(self._current())
        self.attended()
        return True

    @property
    def can_poke(self) -> bool:
        """Whether `poke` reaches running code soon; LuaJIT's compiled loops do not notice it."""
        return not self.is_compiling

    def poke(self, *, urgent: bool = False) -> None:
        """Has the hook called once, soon, if a cell runs.

        Only when urgent in place of a script's own, or where loops that never look at it may be running. Any
        thread.
        """
        with self._lock:
            may = urgent or (self.can_poke and not self._user_hooked)
            if self._active and self._reason is None and may:
                self._poked = True
                self._install()

    def set_user_hooked(self, hooked: bool) -> None:
        """Tells that a script uses debug.sethook: its hook must not be taken away by a poke."""
        self._user_hooked = hooked

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

    def close(self) -> None:
        """Ends the thread that keeps asking, once no cell has to be asked any more. Any thread."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def expect(self, expected: bool) -> None:
        """Whether a cell will begin soon: requests are kept for it, or forgotten again."""
        with self._lock:
            self._expected = expected
            if not self._active:
                self._requests, self._reason = 0, None

    def begin(self) -> None:
        """A cell starts."""
        with self._lock:
            self._active = True
            if not self._expected:
                self._requests, self._reason = 0, None
            elif self._reason is not None:
                self._act()

    def finish(self) -> BaseException | None:
        """The cell has ended. Answers why it was asked to end, or None."""
        with self._lock:
            self._active = self._expected = False
            reason, self._reason = self._reason, None
            if reason is not None:
                self._touched.clear()  # hooks.lua takes the hook away from all coroutines
            if self._poked or reason is not None:
                self._poked = False
                self._unhook(self._main)
        return reason

    def raise_now(self, reason: BaseException) -> None:
        """Ends the cell from within (Lua thread): raises, and nothing in Lua can catch it for good."""
        self.end_cell(reason)
        raise reason

    def end_cell(self, reason: BaseException) -> tuple[bool, int]:
        """Asks the running or expected cell to end with `reason`. Any thread.

        Returns:
            Whether there is a cell, and how often the user has asked by now.
        """
        by_user = isinstance(reason, KeyboardInterrupt)
        with self._lock:
            self.asked += by_user and not isinstance(self._reason, CellTimeLimit)
            if not (self._active or self._expected):
                return False, 0
            # A time limit's own signal arrives as one more request: only the user's make the cell stubborn.
            self._requests += by_user
            if self._reason is None:
                self._reason = reason
            if self._active:
                self._act()
            return True, self._requests

    def withdraw(self, reason: BaseException) -> bool:
        """Takes back what `end_cell` was asked for with this reason (Lua thread): the cell goes on.

        Unless the user has asked for its end meanwhile. Answers whether there was anything to take back.
        """
        with self._lock:
            if self._reason is not reason:
                return False
            self._reason = KeyboardInterrupt() if self._requests else None
            if self._reason is None:
                self._unhook(self._main)  # coroutines lose theirs when they run next, see `check`
            return True

    def _act(self) -> None:
        self._install()
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._insist, name="llmspell-interrupts", daemon=True)
            with suppress(RuntimeError):  # Python 3.12 starts none when it ends: who wants that asks again
                thread.start()
                self._thread = thread
        self._changed.notify_all()

    def send_warnings(self, write: Callable[[bytes], None]) -> None:
        """What Lua itself warns of (an error in a finalizer) is written, unless warnings are off.

        Where the C functions are not to be had it goes to the process's stderr.
        """
        if not self._asynchronous or self._hooks is None or self.is_jit:
            return
        self._warn_sink = write
        here = weakref.ref(self)  # the function lives for ever, a kernel need not
        parts: list[bytes] = []
        on = False

        def warn(text: bytes, continues: bool) -> None:
            nonlocal on
            if not parts and not continues and text.startswith(b"@"):
                on = {b"@on": True, b"@off": False}.get(text, on)
                return
            parts.append(text)
            if not continues:
                message = b"".join(parts)
                parts.clear()
                there = here()
                if on and there is not None:
                    there._warn_sink(b"Lua warning: " + message + b"\n")

        self._hooks.send_warnings(self._main, warn)

    @property
    def active(self) -> bool:
        """Whether a cell runs."""
        return self._active

    def _install(self) -> None:
        if self._hooks is None or not self._hook or not self._asynchronous:
            return
        # LuaJIT notes that a hook is running in the byte that holds the mask. Who writes the mask meanwhile
        # may bring that note back after its end, and no hook is ever called again.
        if self.is_jit and self._hooks.has(self._main, self._hook):
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

    def _insist(self) -> None:
        """Keeps asking until the cell has ended; says so when it does not listen."""
        with self._lock:
            while True:
                self._changed.wait_for(lambda: self._closed or self._ending())
                if not self._ending():
                    return
                patience = time.monotonic() + STUBBORN_SECONDS
                told = False
                while self._ending():
                    self._install()
                    if self._requests > 1 and not told and time.monotonic() > patience:
                        told = True
                        self.on_stubborn()
                    self._changed.wait(_REARM_SECONDS)

    def close_state(self) -> None:
        """Runs all finalizers and ends the Lua state, where the C function for it is to be had.

        lupa does not know: the process must end without another look at any object of Lua's.
        """
        if self._hooks is not None:
            self._hooks.close_state(self._main)

    @property
    def hooked(self) -> bool:
        """Whether Lua's main thread has a hook, which makes all its code slow."""
        return self._hooks is not None and bool(self._hooks.installed(self._main))

    def _ending(self) -> bool:
        return self._active and self._reason is not None


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
