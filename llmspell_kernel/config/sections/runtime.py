"""`[runtime]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from llmspell_kernel.config.sections.sessions import Sessions
from llmspell_kernel.config.sections.state_persistence import StatePersistence


class RuntimeSecurity(Struct, frozen=True, forbid_unknown_fields=True):
    """What scripts may do; enforced in the language, for scripts, cells and magics alike."""

    allow_file_access: Annotated[
        bool,
        Meta(
            description="Whether scripts may open, load, rename and remove files, and `require` modules from "
            "files. A script that is run by its name is read all the same."
        ),
    ] = True
    allow_process_spawn: Annotated[
        bool, Meta(description="Whether scripts may start processes: os.execute, io.popen, shell commands.")
    ] = True
    allow_network_access: Annotated[
        bool, Meta(description="Whether tools may open connections; their own lists of hosts come on top.")
    ] = True
    max_memory_bytes: Annotated[
        int, Meta(ge=0, description="Bytes that a script may allocate, in any engine; 0 for no limit.")
    ] = 0
    max_execution_time_ms: Annotated[
        int, Meta(ge=0, description="Milliseconds that anything may run, in any engine; 0 for no limit.")
    ] = 0


class Runtime(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of everything that runs, and what lasts."""

    script_timeout_seconds: Annotated[
        float, Meta(ge=0, description="Seconds that a script or a cell may run; 0 for no limit.")
    ] = 0.0
    security: Annotated[
        RuntimeSecurity,
        Meta(
            description="What scripts may do; enforced in the language, for scripts, cells and magics alike."
        ),
    ] = field(default_factory=RuntimeSecurity)
    state_persistence: Annotated[StatePersistence, Meta(description="Where the values of `State` last.")] = (
        field(default_factory=StatePersistence)
    )
    sessions: Annotated[Sessions, Meta(description="Sessions and their artifacts.")] = field(
        default_factory=Sessions
    )
