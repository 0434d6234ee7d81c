"""What the global `Tool` asks of `Tools`, with values as Lua has them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, cast, get_args

from llmspell_kernel.errors import CancelledError, LuaCallError, ScriptError, ToolError, UnknownToolError
from llmspell_kernel.library.limited_calls import LimitedCalls
from llmspell_kernel.library.tool.contract import Level
from llmspell_kernel.library.tool.entries import Entry, FunctionEntry
from llmspell_kernel.library.tool.envelope import as_json
from llmspell_kernel.library.tool.places import timed_out
from llmspell_kernel.library.tool.script_tools import definition
from llmspell_kernel.lua.values import decode

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.service import Tools
    from llmspell_kernel.library.tool.surroundings import Surroundings
    from llmspell_kernel.lua.interpreter import LuaInterpreter

_FILTERS = ("category", "tag")


class ScriptTools:
    """Each method is a function of `tool.lua`'s `host`: strings come as bytes, tables as Lua tables."""

    def __init__(self, lua: LuaInterpreter, tools: Tools) -> None:
        self._lua = lua
        self._tools = tools
        self._limited = LimitedCalls(lua)

    def names(self) -> list[str]:
        """All names."""
        return self._tools.names()

    def exists(self, name: bytes) -> bool:
        """Whether there is one."""
        return self._tools.exists(decode(name))

    def summaries(self) -> list[dict[str, Any]]:
        """Every tool."""
        return [entry.summary() for entry in self._tools.discover()]

    def get(self, name: bytes) -> dict[str, Any] | None:
        """Name, description and version; None if there is none."""
        entry = self._tools.find(decode(name))
        return None if entry is None else entry.summary()

    def parameters(self, name: bytes) -> list[dict[str, Any]]:
        """As scripts see them."""
        return self._tools.get(decode(name)).parameters

    def schema(self, name: bytes) -> dict[str, Any]:
        """JSON Schema."""
        return self._tools.get(decode(name)).schema

    def info(self, name: bytes) -> dict[str, Any]:
        """All that is known."""
        return self._tools.get(decode(name)).info()

    def categories(self) -> Any:
        """Those that have tools."""
        return self._tools.categories()

    def discover(self, category: bytes | None, tag: bytes | None, unknown: bytes | None) -> Any:
        """By category and tag; `unknown` is a key of the filter that is neither."""
        if unknown is not None:
            near = difflib.get_close_matches(decode(unknown), _FILTERS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {' and '.join(_FILTERS)}"
            raise ToolError(f"Tool.discover: there is no filter {decode(unknown)!r}; {hint}")
        found = self._tools.discover(decode(category or b""), decode(tag or b""))
        return [_found(entry) for entry in found]

    def search(self, words: bytes, category: bytes | None) -> Any:
        """By words."""
        found = self._tools.search(decode(words).split(), decode(category or b""))
        return [_found(entry) for entry in found]

    def call(self, name: bytes, params: Any) -> tuple[Any, bytes]:
        """The envelope as a table, and its JSON."""
        given = {} if params is None else self._read(params)
        try:
            if not isinstance(given, dict):
                if given:
                    raise ToolError(f"{decode(name)}: parameters have names: a table with keys is expected")
                given = {}
            table = self._tools.call(decode(name), given).as_dict()
            text = as_json(table, decode(name), self._tools.answer_limit)
        except (UnknownToolError, CancelledError):
            raise
        except ScriptError as error:
            raise ToolError(f"Tool execution failed: {error}") from error
        return self._lua.exchange.to_lua(table), text

    def approve(self, function: Any, level: bytes | None) -> None:
        """From now on the Lua function is asked; None ends it."""
        chosen = decode(level or b"restricted")
        if chosen not in get_args(Level):
            raise ToolError(f"Tool.approve: level is one of {', '.join(get_args(Level))}; got {chosen!r}")
        if function is None:
            self._tools.approvals.use(None)
            return

        def ask(request: dict[str, Any]) -> Any:
            results = self._readable(function, self._lua.exchange.to_lua(request, keeps_null=True))
            return self._read(results[0]) if results else None

        self._tools.approvals.use(ask, cast(Level, chosen))

    def register(self, table: Any, function: Any) -> str:
        """A tool that the Lua function does."""
        about = definition(self._read(table))
        name = str(about["name"])

        def run(params: dict[str, Any], surroundings: Surroundings) -> Any:
            given = self._lua.exchange.to_lua(params, keeps_null=True)
            try:
                results = self._limited.call(
                    surroundings.seconds_left,
                    lambda: self._readable(function, given),
                    lambda seconds: timed_out(surroundings.tool, seconds),
                )
            except LuaCallError as error:
                raise ToolError(f"{name}: {error}") from error
            try:
                return self._read(results[0]) if results else None
            except ScriptError as error:
                raise ToolError(f"{name}: its answer cannot be passed on: {error}") from error

        self._tools.registry.add(FunctionEntry(function=run, **about))
        return name

    def unregister(self, name: bytes) -> bool:
        """Removes a script's tool."""
        return self._tools.registry.remove(decode(name))

    def _readable(self, function: Any, argument: Any) -> tuple[Any, ...]:
        """What the Lua function answers; a table that it raises is shown with what is in it.

        Raises:
            LuaCallError: the function failed.
        """
        try:
            return self._lua.call(function, argument)
        except LuaCallError as error:
            if error.report[b"kind"] != b"table" or error.report[b"described"]:
                raise
            raise LuaCallError(self._lua.formatter.text((error.value,)), error.report) from error

    def _read(self, value: Any) -> Any:
        return self._lua.exchange.to_python(value)


def _found(entry: Entry) -> dict[str, Any]:
    return {**entry.summary(), "category": entry.category}
