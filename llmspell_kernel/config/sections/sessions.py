"""`[runtime.sessions]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from llmspell_kernel.config.sections.storage import Backend


class Sessions(Struct, frozen=True, forbid_unknown_fields=True):
    """Sessions and their artifacts."""

    enabled: Annotated[
        bool, Meta(description="Whether there are any; otherwise `Session` and `Artifact` are nil.")
    ] = True
    storage_backend: Annotated[
        Literal["auto", Backend],
        Meta(description="The store that keeps them; auto: `postgres` if State is there, else `sqlite`."),
    ] = "auto"
    max_sessions: Annotated[
        int, Meta(ge=0, description="How many may be active at once; 0 for any number.")
    ] = 1000
    max_artifacts_per_session: Annotated[
        int, Meta(ge=0, description="How many artifacts one may have; 0 for any number.")
    ] = 1000
    artifact_compression_threshold: Annotated[
        int, Meta(ge=0, description="Bytes from which on an artifact is compressed.")
    ] = 10_240
    session_timeout_seconds: Annotated[
        float, Meta(ge=0, description="Seconds without activity after which one expires; 0 for never.")
    ] = 86_400.0
    record_cells: Annotated[
        bool,
        Meta(
            description="Whether a kernel records the cells of a notebook, and what they show, in a session "
            "of the notebook's. Elsewhere code is recorded while a session is current."
        ),
    ] = True
    max_recorded_output_bytes: Annotated[
        int, Meta(ge=0, description="Bytes of output that the record of one cell keeps.")
    ] = 1_000_000
    retention_days: Annotated[
        float,
        Meta(
            ge=0,
            description="Days without activity after which the session of a notebook that has no artifacts "
            "is deleted; 0 for never.",
        ),
    ] = 30.0
