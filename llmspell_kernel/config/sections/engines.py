"""`[engines.*]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class LuaEngine(Struct, frozen=True, forbid_unknown_fields=True):
    """Lua, whichever one `default_engine` names. Of several limits the lowest counts."""

    stdlib: Annotated[
        Literal["none", "basic", "standard", "all"],
        Meta(
            description="The standard library that scripts get: `none` only the basic functions, `basic` "
            "also string, table, math, utf8, coroutine and bit, `standard` also io, os, package and jit, "
            "`all` also debug. What other globals (Tool, Artifact, display ...) reach is said by "
            "runtime.security."
        ),
    ] = "all"
    security_level: Annotated[
        Literal["safe", "privileged", "unrestricted"],
        Meta(
            description="`safe` keeps scripts away from machine code and Python, `privileged` gives them C "
            "modules and LuaJIT's ffi, `unrestricted` also Python and the whole debug library."
        ),
    ] = "safe"
    max_memory_bytes: Annotated[
        int, Meta(ge=0, description="Bytes that Lua may allocate; 0 for no limit.")
    ] = 0
    timeout_ms: Annotated[
        int, Meta(ge=0, description="Milliseconds that a script or a cell may run; 0 for no limit.")
    ] = 0


class Engines(Struct, frozen=True, forbid_unknown_fields=True):
    """How each engine runs scripts."""

    lua: Annotated[
        LuaEngine,
        Meta(description="Lua, whichever one `default_engine` names. Of several limits the lowest counts."),
    ] = field(default_factory=LuaEngine)
