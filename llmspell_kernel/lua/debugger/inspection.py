"""The Lua side of looking at variables and evaluating code, put together."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from llmspell_kernel.lua.binding import LuaTable
from llmspell_kernel.lua.state import PRELUDE, LuaState

_FOLDER = Path(__file__).parent


class Inspection(NamedTuple):
    """The Lua modules `variables` and `evaluation`; their files say what they offer."""

    variables: LuaTable
    evaluation: LuaTable


def load_inspection(state: LuaState) -> Inspection:
    """Loads the modules; the state's `host` has `inline` and `text`, and `level_of` when they are used."""
    host = state.host
    host[b"introspection"] = state.introspection
    strings = state.late_chunk(PRELUDE / "strings.lua")
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
