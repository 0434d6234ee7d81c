"""One Lua state: lupa's runtime with our prelude in it.

The state belongs to the thread that made it. Everything user code can see is Lua: the Python functions
behind it are reachable only through the closures of `binding`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llmspell_kernel.errors import LanguageUnavailableError, LuaCallError, NotAllowedError, OptionError
from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.lua.binding import Binder, LuaFunction, LuaTable
from llmspell_kernel.lua.interrupts import Interrupts
from llmspell_kernel.lua.values import decode, to_lua
from llmspell_kernel.records import record

LANGUAGES = {"lua54": "lua54", "lua55": "lua55", "luajit": "luajit21"}
"""Our names of the Lua versions and lupa's module for each."""

STANDARD_LIBRARIES = {
    "none": (),
    "basic": ("string", "table", "math", "utf8", "coroutine", "bit"),
    "standard": ("string", "table", "math", "utf8", "coroutine", "bit", "io", "os", "package", "jit"),
    "all": ("string", "table", "math", "utf8", "coroutine", "bit", "io", "os", "package", "jit", "debug"),
}
"""The tables of the standard library that scripts have, by the name of the choice."""


def beside(file: str, name: str) -> str:
    """The path of a file in the folder of a module, whose `__file__` is given."""
    return os.path.join(os.path.dirname(file), name)


SPARE_MEMORY = 1_000_000
"""Bytes beyond the limit for what cells do not do themselves; see `LuaState.spare_memory`."""

PRELUDE = beside(__file__, "prelude")

KEEP_NAME = "__llmspell_keep"
SHOW_NAME = "__llmspell_show"
BREAK_NAME = "__llmspell_break"
TYPE_NAME = "__llmspell_type"
ALWAYS_NAME = "__llmspell_always"
"""What the debugger inserts into code uses; see `debugger.instrumentation`."""


@record
class LuaSettings:
    """How a Lua state is made.

    Attributes:
        language: a key of `LANGUAGES`.
        trusted: gives scripts `python` (eval and builtins), C modules, LuaJIT's ffi and the whole debug
        library.
        memory_limit: bytes that Lua may allocate; 0 for no limit.
        persistent_locals: top-level locals stay visible in later cells.
        time_limit: seconds a cell may run; 0 for no limit.
        stdlib: a key of `STANDARD_LIBRARIES`: which of the standard library's tables scripts have.
        machine_code: gives scripts C modules and LuaJIT's ffi; `trusted` includes it.
        files: scripts may open, load, rename and remove files.
        processes: scripts may start processes.
        highest_memory_limit: what the user may raise memory_limit to; 0 for any.
        highest_time_limit: what the user may raise time_limit to; 0 for any.
    """

    language: str = "lua54"
    trusted: bool = False
    memory_limit: int = 0
    persistent_locals: bool = True
    time_limit: float = 0.0
    stdlib: str = "all"
    machine_code: bool = False
    files: bool = True
    processes: bool = True
    highest_memory_limit: int = 0
    highest_time_limit: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether scripts can run machine code, which may do anything."""
        return self.trusted or self.machine_code


def _deny(_object: object, _name: object, _setting: bool) -> object:
    raise AttributeError("Python objects have no fields here")


def lua_module(language: str) -> Any:
    """The lupa module for one of our language names.

    Raises:
        LanguageUnavailableError: no such name, or lupa was built without it.
    """
    name = LANGUAGES.get(language)
    if name is None:
        raise LanguageUnavailableError.of(language, list(LANGUAGES))
    try:
        return importlib.import_module(f"lupa.{name}")
    except ImportError as error:
        raise LanguageUnavailableError(
            f"lupa on this platform has no {language} ({error}); install a wheel of lupa that has it"
        ) from error


class LuaState:
    """A Lua runtime with the prelude loaded and nothing of Python in sight.

    Attributes:
        runtime: lupa's LuaRuntime (encoding None: Lua strings are bytes).
        version: 501 for LuaJIT, 504, 505.
        binder: makes Lua functions of Python functions.
        interrupts: ends running code.
        cells: the prelude's table of that name: compiling and running cells.
        introspection: the prelude's table of that name: looking at values without running code.
        own_files: path of each of our Lua files that was run, by the chunk name its functions show.
    """

    def __init__(
        self,
        settings: LuaSettings,
        host: Mapping[str, Callable[..., Any]],
        raw: Mapping[str, Any],
        gate: SignalGate | None = None,
    ) -> None:
        """Makes the state.

        Args:
            settings: which Lua, how free.
            host: Python functions the prelude calls, to be bound.
            raw: Python functions that never raise, given to the prelude as they are because they are hot.
            gate: shut while Lua itself runs, where the hook ends a cell; open in Python functions.
        """
        module = lua_module(settings.language)
        self.settings = settings
        self._gate = gate or SignalGate()
        self.runtime = self._make_runtime(module, settings)
        self._limited = settings.memory_limit > 0
        self._spare = 0
        self.limit_memory(False)
        major, minor = self.runtime.lua_version
        self.version: int = major * 100 + minor
        self.interrupts = Interrupts(module, self.runtime)
        self.interrupts.before_raise = lambda: self.limit_memory(False)
        self.own_files: dict[str, str] = {}
        self._late: dict[str, Any] = {}
        self._host = self._load_binding(settings, raw)
        self._load_prelude(host)

    @staticmethod
    def _make_runtime(module: Any, settings: LuaSettings) -> Any:
        free = settings.trusted
        return module.LuaRuntime(
            encoding=None,
            source_encoding="utf-8",
            unpack_returned_tuples=True,
            register_eval=free,
            register_builtins=free,
            attribute_filter=None if free else _deny,
            max_memory=settings.memory_limit or None,
        )

    def _load_binding(self, settings: LuaSettings, raw: Mapping[str, Any]) -> LuaTable:
        host = self.table()
        host[b"limit_memory"] = self.limit_memory
        for key, value in {**raw, "may_hold": self.interrupts.can_poke and not settings.is_open}.items():
            host[key.encode()] = value
        output = self.chunk(f"{PRELUDE}/output.lua", host)
        for name in (b"write_out", b"write_err", b"release", b"release_from_hook", b"allow_holding"):
            host[name] = output[name]
        shared = (host[b"release"], self.limit_memory, self.interrupts.check)
        functions = self.chunk(f"{PRELUDE}/binding.lua", *shared)
        self.binder = Binder(
            functions[b"bind"],
            self.table,
            lambda value: to_lua(self.runtime, value),
            self.interrupts,
            self._gate,
        )
        self.helpers = self.table()
        self.helpers[b"lua_version"] = self.version
        self.helpers[b"no_option"] = self.binder.function(_no_option)
        for name in (b"fail", b"where", b"argument", b"null"):
            host[name] = self.helpers[name] = functions[name]
        host[b"is_own"] = functions[b"is_own"]
        for key, value in {
            "check": self.interrupts.check,
            "on_hook": self.interrupts.on_hook,
            "set_user_hooked": self.interrupts.set_user_hooked,
            "ending": self.interrupts.ending,
            "period": self.interrupts.period,
            "lua_version": self.version,
            "module_file": os.fsencode(lua_module(settings.language).__file__ or ""),
            "trusted": settings.trusted,
            "machine_code": settings.is_open,
            "const": self.version >= 504,
            "keep_name": KEEP_NAME.encode(),
            "show_name": SHOW_NAME.encode(),
            "break_name": BREAK_NAME.encode(),
            "type_name": TYPE_NAME.encode(),
            "always_name": ALWAYS_NAME.encode(),
        }.items():
            host[key.encode()] = value
        return host

    def _load_prelude(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        host = self._host
        for name, function in functions.items():
            host[name.encode()] = self.binder.function(function)
        host[b"raw_load"] = self.globals[b"load"]
        host[b"gmatch"] = self.globals[b"string"][b"gmatch"]
        host[b"is_python"] = self.runtime.execute(
            b"local call = debug.getmetatable((...).check).__call return function(f) return f == call end",
            host,
        )
        self._share(self.prelude("hooks"), "adopt", "sethook", "gethook", "restore")
        self.interrupts.adopt_hook()
        tracebacks = self.prelude("tracebacks")
        self._share(tracebacks, "report", "keep_frames")
        self.take_last_frames: Callable[[], LuaTable | None] = tracebacks[b"take_last_frames"]
        self.cells = self.prelude("cells")
        self._share(self.cells, "is_main", "mark_main", "join_inserted")
        self._collect = self.globals[b"collectgarbage"]
        self._protected = self.cells[b"protected"]
        coroutines = self.prelude("coroutines")
        self.interrupts.watch(self.runtime, coroutines[b"peek"])
        self.reset_coroutines: Callable[[], None] = coroutines[b"reset"]
        host[b"kept_names"], host[b"value_of"] = self.cells[b"names"], self.cells[b"value_of"]
        host[b"set_kept"] = self.cells[b"set_value"]
        self.introspection = self.prelude("introspection")
        for name in ("loading", "io", "sandbox"):
            self.prelude(name)
        self._load_apart: LuaFunction = self._host[b"load_apart"]
        self.introspection[b"name_standard_library"]()

    @property
    def host(self) -> LuaTable:
        """What the prelude's files share with each other; scripts cannot reach it."""
        return self._host

    def use_real_stdin(self) -> None:
        """From now on scripts read the process's own standard input; the host is not asked for lines."""
        self._host[b"use_real_stdin"]()

    def hold_output(self) -> None:
        """From now on output may be held until there is enough of it, even if nothing can ask for it earlier.

        That is what C does with output that goes to no terminal.
        """
        self._host[b"may_hold"] = True
        self._host[b"allow_holding"](True)

    def limit_memory(self, limited: bool) -> bool:
        """Applies the memory limit, or lifts it; answers whether it was applied. Never raises.

        The prelude applies it while code of the user's runs, and only then: what lupa does between Lua and
        Python is no protected call, and there a failed allocation would end the process.
        """
        before, self._limited = self._limited, limited and self.settings.memory_limit > 0
        if before != self._limited:
            self.runtime.set_max_memory(self.settings.memory_limit + self._spare if self._limited else 0)
        return before

    @contextmanager
    def spare_memory(self) -> Iterator[None]:
        """What runs within may take `SPARE_MEMORY` more: it is to run though cells have reached the limit.

        Between cells only.
        """
        self._spare = SPARE_MEMORY
        try:
            yield
        finally:
            self._spare = 0

    def end(self) -> None:
        """Runs what finalizers and open files have left to do, as Lua does at its end.

        The process must end without another look at any object of Lua's.
        """
        self._host[b"allow_holding"](False)
        self.interrupts.close_state()

    def collect_garbage(self) -> None:
        """Frees what Lua no longer needs."""
        self._collect(b"collect")

    def _share(self, module: LuaTable, *names: str) -> None:
        """Lets the rest of the prelude use some functions of one of its files."""
        for name in names:
            self._host[name.encode()] = module[name.encode()]

    @property
    def globals(self) -> LuaTable:
        """Lua's _G."""
        return self.runtime.globals()

    def restrict(self) -> None:
        """Takes from scripts what the settings take; to be called when the library is there.

        Until then everything of ours, and nothing of the user's, has run.
        """
        settings = self.settings
        left_out = [
            name for name in STANDARD_LIBRARIES["all"] if name not in STANDARD_LIBRARIES[settings.stdlib]
        ]
        if left_out or not settings.files:
            host = self._host
            host[b"left_out"] = " ".join(left_out).encode()
            host[b"files"], host[b"no_files"] = settings.files, NotAllowedError.FILES.encode()
            self.prelude("restrictions")

    def table(self) -> LuaTable:
        """A new empty Lua table."""
        return self.runtime.table()

    def chunk(self, path: str | os.PathLike[str], *args: Any) -> Any:
        """Runs one of our Lua files with `args`; its chunk name marks it as the runtime's own."""
        source, name = self._own_source(path)
        return self.runtime.compile(source, name=name)(*args)

    def late_chunk(self, path: str | os.PathLike[str], *args: Any) -> Any:
        """As `chunk`, for a file that is run after scripts: its globals are the library as it was."""
        return self._load_apart(*self._own_source(path))(*args)

    def _own_source(self, path: str | os.PathLike[str]) -> tuple[bytes, bytes]:
        """The text of one of our Lua files, and its chunk name."""
        place = os.fspath(path)
        name = f"[llmspell] {os.path.basename(place).removesuffix('.lua')}"
        self.own_files[name] = place
        with open(place, "rb") as file:
            return file.read(), b"=" + name.encode()

    def prelude(self, name: str) -> Any:
        """Runs a file of the prelude; answers what it returns."""
        return self.chunk(f"{PRELUDE}/{name}.lua", self._host)

    def late_prelude(self, name: str) -> Any:
        """As `prelude`, for a file that is first run after scripts; it is run once."""
        if name not in self._late:
            self._late[name] = self.late_chunk(f"{PRELUDE}/{name}.lua", self._host)
        return self._late[name]

    def library(
        self, name: str, path: str | os.PathLike[str], functions: Mapping[str, Callable[..., Any]]
    ) -> LuaTable:
        """Gives scripts the global (and module) `name`: what the Lua file at `path` returns.

        The file gets two tables: `functions`, bound, and the helpers `fail`, `where`, `argument`,
        `null`, `lua_version`, `no_option` (what to say of an option's name, where the given ones are known).
        """
        module = self.chunk(path, self.binder.table(functions), self.helpers)
        self.globals[name.encode()] = module
        self.globals[b"package"][b"loaded"][name.encode()] = module
        self.introspection[b"name_module"](name.encode(), module)
        return module

    def call(self, function: LuaFunction, *args: Any) -> tuple[Any, ...]:
        """Calls a Lua function of the user's from Python.

        Raises:
            LuaCallError: the function failed; it carries the frames for a traceback.
        """
        with self._gate.shut():
            result = self._protected(function, *args)
        if result is True:  # lupa hands over a single result bare
            return ()
        ok, *rest = result
        if ok:
            return tuple(rest)
        raise self.call_error(rest[0])

    def call_error(self, report: Any) -> LuaCallError:
        """The exception for what the traceback handler made of a Lua error."""
        if isinstance(report, bytes):  # out of memory: Lua calls no handler
            report = self.runtime.table_from({b"kind": b"string", b"text": report, b"value": report})
        return LuaCallError(report[b"text"].decode(errors="backslashreplace"), report)


def _no_option(name: bytes, known: LuaTable) -> str:
    return OptionError.text(decode(name), [decode(each) for each in known.values()])
