"""`[runtime.state_persistence]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from llmspell_kernel.config.sections.storage import Backend


class Backup(Struct, frozen=True, forbid_unknown_fields=True):
    """Backups of what is stored."""

    backup_dir: Annotated[
        str,
        Meta(
            description="Where they are kept, in a folder for each store and tenant; if empty, backups in "
            "the folder of what is stored."
        ),
    ] = ""
    compression_enabled: Annotated[bool, Meta(description="Whether they are compressed.")] = True
    compression_level: Annotated[int, Meta(ge=1, le=9, description="From quick (1) to small (9).")] = 3
    incremental_enabled: Annotated[
        bool, Meta(description="Whether there are incremental ones; otherwise each one is full.")
    ] = True
    max_backups: Annotated[int, Meta(ge=0, description="How many `cleanup` leaves; 0 for all.")] = 10
    max_backup_age: Annotated[
        float, Meta(ge=0, description="Seconds after which `cleanup` removes one; 0 for never.")
    ] = 2_592_000.0


class StatePersistence(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the values of `State` last."""

    enabled: Annotated[
        bool, Meta(description="Whether they last at all; otherwise they are kept in memory.")
    ] = True
    backend_type: Annotated[Backend, Meta(description="The store that keeps them.")] = "sqlite"
    migration_enabled: Annotated[
        bool, Meta(description="Whether `State.migrate` may change what is stored.")
    ] = True
    backup_on_migration: Annotated[bool, Meta(description="Whether it makes a backup before.")] = True
    max_state_size_bytes: Annotated[
        int, Meta(ge=1, description="Bytes that one value may take when it is stored.")
    ] = 10_000_000
    backup: Annotated[Backup, Meta(description="Backups of what is stored.")] = field(default_factory=Backup)
