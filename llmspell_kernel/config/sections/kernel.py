"""`[kernel]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Kernel(Struct, frozen=True, forbid_unknown_fields=True):
    """The Jupyter kernel. An option on the kernel's own command line comes before each of these."""

    connection_file: Annotated[
        str,
        Meta(
            description="Where clients read how to connect; a new one in Jupyter's runtime folder if empty."
        ),
    ] = ""
    ip: Annotated[
        str, Meta(description="The address of the channels; others than loopback need encryption.")
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Meta(
            ge=0,
            le=65531,
            description="The first of five ports in a row: shell, iopub, stdin, control, heartbeat; 0 for "
            "free ones.",
        ),
    ] = 0
    idle_timeout: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds without a request after which a kernel that nobody manages ends; 0 for "
            "never.",
        ),
    ] = 0.0
    execution_timeout: Annotated[
        float, Meta(ge=0, description="Seconds that a cell may run; 0 for no limit.")
    ] = 0.0
    max_clients: Annotated[
        int,
        Meta(
            ge=0, description="Clients that are served at once; further ones are refused; 0 for any number."
        ),
    ] = 0
    memory_limit: Annotated[
        int,
        Meta(
            ge=-1,
            description="Bytes that Lua may allocate; 0 for no limit, -1 for three quarters of the "
            "machine's memory.",
        ),
    ] = -1
    output_limit: Annotated[
        int, Meta(ge=0, description="Bytes of text that a cell may write; 0 for no limit.")
    ] = 100_000_000
    history_file: Annotated[
        str,
        Meta(
            description="Where the input history lasts; `:memory:` to forget it; Jupyter's folder if empty."
        ),
    ] = ""
    persistent_locals: Annotated[bool, Meta(description="Top-level locals stay visible in later cells.")] = (
        True
    )
    dap_port: Annotated[
        int,
        Meta(
            ge=-1,
            le=65535,
            description="Port where editors reach the debugger; 0 for any that is free, -1 for none.",
        ),
    ] = -1
    dap_ip: Annotated[
        str, Meta(description="The address of that port; others than loopback need a token.")
    ] = "127.0.0.1"
    dap_token: Annotated[
        str,
        Meta(
            description="What an editor must show to debug this kernel; a new random one if empty.",
            extra={"secret": True},
        ),
    ] = ""
