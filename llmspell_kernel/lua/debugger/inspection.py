"""The Lua side of the debugger, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmspell_kernel.lua.binding import LuaFunction, LuaTable
from llmspell_kernel.lua.state import PRELUDE, LuaState

_FOLDER = Path(__file__).parent


class Inspection(NamedTuple):
    """The Lua modules `variables` and `evaluation`; their files say what they offer."""

    variables: LuaTable
    evaluation: LuaTable


class Engine(NamedTuple):
    """What stops code and what clients can ask of it, and what makes it forget a stop.

    Functions by their names, in dicts for the reason that `LuaCalls.clear` gives.
    """

    engine: dict[bytes, LuaFunction]
    commands: dict[bytes, LuaFunction]
    forget: LuaFunction


def load_engine(state: LuaState, control: Mapping[str, Callable[..., Any]]) -> Engine:
    """Loads everything; engine.lua and threads.lua say what `control` and the state's `host` must have."""
    host, for_engine, now = state.host, state.table(), state.table()
    for name, function in control.items():
        for_engine[name.encode()] = function
    threads = state.late_chunk(_FOLDER / "threads.lua", host)
    host[b"level_of"] = threads[b"level_of"]
    variables, evaluation = load_inspection(state)
    points = state.late_chunk(_FOLDER / "breakpoints.lua", host, for_engine, threads, evaluation, now)
    lines = state.late_chunk(_FOLDER / "jit_lines.lua", host)
    watching = state.late_chunk(_FOLDER / "watching.lua", host, points, now, lines)
    engine = state.late_chunk(_FOLDER / "engine.lua", host, for_engine, threads, points, now, lines, watching)
    engine[b"lines_of"] = state.late_chunk(_FOLDER / "active_lines.lua", host)[b"lines_of"]
    offered = state.late_chunk(_FOLDER / "commands.lua", host, engine, threads, variables, evaluation)
    return Engine(dict(engine.items()), dict(offered[b"commands"].items()), offered[b"forget"])


def load_inspection(state: LuaState) -> Inspection:
    """Loads the modules; the state's `host` has `inline` and `text`, and `level_of` when they are used."""
    host = state.host
    host[b"introspection"] = state.introspection
    strings = state.late_chunk(f"{PRELUDE}/strings.lua")
    previews = state.late_chunk(_FOLDER / "previews.lua", host, strings)
    bindings = state.late_chunk(_FOLDER / "bindings.lua", host, previews)
    entries = state.late_chunk(_FOLDER / "entries.lua", previews)
    variables = state.late_chunk(_FOLDER / "variables.lua", host, previews, bindings, entries)
    evaluation = state.late_chunk(_FOLDER / "evaluation.lua", host, previews, bindings, variables)
    conditions = state.late_chunk(_FOLDER / "conditions.lua", host, evaluation)
    completion = state.late_chunk(_FOLDER / "completion.lua", host, previews, bindings, evaluation)
    for module, names in ((conditions, (b"condition", b"interpolate")), (completion, (b"complete",))):
        for name in names:
            evaluation[name] = module[name]
    return Inspection(variables, evaluation)
