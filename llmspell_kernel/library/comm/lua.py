"""The Lua face of Jupyter's comms: the global `comm`.

The comms themselves are the `comm` package's, which the kernel has filled in; in a program that has no
front end they lead nowhere. JSON becomes Lua tables and back: an empty object stays one (by a metatable
with `__jsontype`), a null is an absent entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.callbacks import Callback
from llmspell_kernel.lua.state import beside
from llmspell_kernel.lua.values import decode, encode, lua_type, to_lua

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from llmspell_kernel.library.services import Services
    from llmspell_kernel.lua.binding import LuaFunction, LuaTable
    from llmspell_kernel.lua.interpreter import LuaInterpreter

Message = dict[str, Any]


def install(lua: LuaInterpreter, _services: Services) -> None:
    """Gives scripts the global `comm`."""
    comms = LuaComms(lua)
    lua.state.library(
        "comm",
        beside(__file__, "comm.lua"),
        {
            "adopt": comms.adopt,
            "on_open": comms.on_open,
            "open": comms.open,
            "send": comms.send,
            "close": comms.close,
            "on_msg": comms.on_msg,
            "on_close": comms.on_close,
        },
    )


class LuaComms:
    """The comms that scripts have opened or that clients have opened to a script's target.

    Lua knows a comm by its id; a comm that is closed is forgotten. Used on the interpreter's thread.
    """

    def __init__(self, lua: LuaInterpreter) -> None:
        """Nothing is registered yet."""
        self._lua = lua
        self._comms: dict[str, _LuaComm] = {}
        self._targets: dict[str, Any] = {}

    def adopt(self, proxy: LuaFunction, called: LuaFunction, empty_object: LuaFunction) -> None:
        """Functions of comm.lua: to make a comm's table, to call a function and answer true, to make {}."""
        self._proxy, self._called, self._empty_object = proxy, called, empty_object

    # What scripts call

    def on_open(self, target: bytes, function: LuaFunction | None) -> None:
        """From now on `function` gets the comms that clients open with this target; without one, nobody does.

        Raises:
            ScriptError: the target is the kernel's own.
        """
        from comm import get_comm_manager

        name, targets = decode(target), get_comm_manager().targets
        if targets.get(name) is not self._targets.get(name):
            raise ScriptError(f"the comm target {name!r} belongs to the kernel; choose another name")
        targets.pop(name, None)
        self._targets.pop(name, None)
        if function is not None:
            callback = Callback(self._lua, self._called)
            targets[name] = self._targets[name] = lambda opened, msg: self._opened(
                opened, msg, callback, function
            )

    def open(self, target: bytes, data: Any, metadata: Any, buffers: Any) -> str:
        """Opens a comm to the front end's target; answers its id."""
        from comm import create_comm

        opened = create_comm(
            target_name=decode(target),
            data=self._data(data),
            metadata=self._data(metadata),
            buffers=_buffers(buffers),
        )
        self._keep(opened)
        return str(opened.comm_id)

    def send(self, comm_id: bytes, data: Any, metadata: Any, buffers: Any) -> None:
        """Sends on a comm.

        Raises:
            ScriptError: it is closed, or the data are nothing that can be sent.
        """
        self._find(comm_id).comm.send(self._data(data), self._data(metadata), _buffers(buffers))

    def close(self, comm_id: bytes, data: Any, metadata: Any, buffers: Any) -> None:
        """Closes a comm; does nothing when it is closed already."""
        kept = self._comms.pop(comm_id.decode(), None)
        if kept is not None:
            kept.comm.close(self._data(data), self._data(metadata), _buffers(buffers))

    def on_msg(self, comm_id: bytes, function: LuaFunction) -> None:
        """Adds a function that gets each message.

        Raises:
            ScriptError: the comm is closed.
        """
        self._find(comm_id).on_msg.append(Callback(self._lua, function))

    def on_close(self, comm_id: bytes, function: LuaFunction) -> None:
        """Adds a function that gets the closing message.

        Raises:
            ScriptError: the comm is closed.
        """
        self._find(comm_id).on_close.append(Callback(self._lua, function))

    # What clients send

    def _opened(self, opened: BaseComm, msg: Message, callback: Callback, function: LuaFunction) -> None:
        self._keep(opened)
        proxy = self._proxy(encode(opened.comm_id), encode(opened.target_name))
        data, buffers, metadata = map(self._to_lua, _parts(msg))
        if callback(function, proxy, data, buffers, metadata) != (True,):
            self._comms.pop(opened.comm_id, None)
            opened.close()

    def _received(self, kept: _LuaComm, msg: Message) -> None:
        for callback in kept.on_msg[:]:
            callback(self._message(msg))

    def _closed(self, kept: _LuaComm, msg: Message) -> None:
        self._comms.pop(kept.comm.comm_id, None)
        for callback in kept.on_close:
            callback(self._message(msg))

    def _message(self, msg: Message) -> LuaTable:
        data, buffers, metadata = _parts(msg)
        return self._to_lua({"data": data, "buffers": buffers, "metadata": metadata})

    # Both ways

    def _keep(self, opened: BaseComm) -> None:
        kept = self._comms[opened.comm_id] = _LuaComm(opened)
        opened.on_msg(lambda msg: self._received(kept, msg))
        opened.on_close(lambda msg: self._closed(kept, msg))

    def _find(self, comm_id: bytes) -> _LuaComm:
        kept = self._comms.get(comm_id.decode())
        if kept is None:
            raise ScriptError(f"the comm {comm_id.decode()} is closed")
        return kept

    def _data(self, value: Any) -> Any:
        """What a message carries; a table without entries is an object."""
        return self._lua.formatter.to_python(value) or {}

    def _to_lua(self, value: Any) -> Any:
        if _has_empty_object(value):
            value = self._marked(value)
        return to_lua(self._lua.state.runtime, value)

    def _marked(self, value: Any) -> Any:
        if isinstance(value, dict):
            if not value:
                return self._empty_object()
            return {key: self._marked(item) for key, item in value.items()}
        return [self._marked(item) for item in value] if isinstance(value, list) else value


class _LuaComm:
    """An open comm and the script's functions for it."""

    __slots__ = ("comm", "on_close", "on_msg")

    def __init__(self, comm: BaseComm) -> None:
        self.comm = comm
        self.on_msg: list[Callback] = []
        self.on_close: list[Callback] = []


def _parts(msg: Message) -> tuple[Any, list[Any], Any]:
    return msg["content"]["data"], list(msg.get("buffers") or ()), msg.get("metadata") or {}


def _has_empty_object(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(map(_has_empty_object, value.values()))
    return isinstance(value, list) and any(map(_has_empty_object, value))


def _buffers(value: Any) -> list[bytes] | None:
    """A Lua list of strings as the frames of a message.

    Raises:
        ScriptError: it is something else.
    """
    if value is None:
        return None
    items = list(value.values())
    for item in items:
        if not isinstance(item, bytes):
            kind = lua_type(item) or ("boolean" if isinstance(item, bool) else "number")
            raise ScriptError(f"buffers must be a list of strings; one of them is a {kind}")
    return items
