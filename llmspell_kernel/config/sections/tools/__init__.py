"""`[tools]`, and a file for each of its tables."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Approval = Literal["never", "privileged", "always"]


class Tools(Struct, frozen=True, forbid_unknown_fields=True):
    """What tools may do."""

    enabled: Annotated[bool, Meta(description="Whether there are any; otherwise `Tool` is nil.")] = True
    rate_limit_per_minute: Annotated[
        int, Meta(ge=0, description="Calls of tools within a minute; more are refused; 0 for any number.")
    ] = 0
    timeout_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that a call may take, unless the tool has a limit of its own."),
    ] = 30.0
    max_memory_mb: Annotated[
        int,
        Meta(ge=16, description="Megabytes that a call in a worker process may take."),
    ] = 1024
    max_output_size: Annotated[
        int, Meta(ge=1024, description="Bytes that the answer of a tool may take, as JSON.")
    ] = 16_777_216
    approval: Annotated[
        Approval,
        Meta(
            description="Which calls the user is asked for: none, those of privileged tools, or all. They are "
            "refused where nobody can be asked."
        ),
    ] = "never"
    approval_tools: Annotated[
        list[str],
        Meta(description="Tools whose calls the user is asked for, whatever `approval` says."),
    ] = field(default_factory=list)
    audit_file: Annotated[
        str,
        Meta(description="Where each privileged act is noted, a JSON object a line; none if empty."),
    ] = ""
