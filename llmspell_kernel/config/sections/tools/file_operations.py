"""`[tools.file_operations]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field


class FileOperations(Struct, frozen=True, forbid_unknown_fields=True):
    """Which files tools may use. Scripts' own `io` and `os` are not concerned: see `runtime.security`."""

    enabled: Annotated[bool, Meta(description="Whether tools may use files at all.")] = True
    allowed_paths: Annotated[
        list[str],
        Meta(
            description="The folders that tools may use, with all that lies in them; relative ones are "
            "against the working directory, and `~` is the home folder."
        ),
    ] = field(default_factory=lambda: ["/tmp"])
    max_file_size: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes of a file that is read or written, for tools without a limit of their own; "
            "0 for any number.",
        ),
    ] = 50_000_000
    atomic_writes: Annotated[
        bool,
        Meta(
            description="Whether files are written beside the old ones, which they replace when they are "
            "whole and on disk."
        ),
    ] = True
    max_depth: Annotated[
        int, Meta(ge=0, description="Levels of folders that copies and listings go down.")
    ] = 10
    allowed_extensions: Annotated[
        list[str], Meta(description="The only extensions that files may have; any if empty.")
    ] = field(default_factory=list)
    blocked_extensions: Annotated[
        list[str], Meta(description="Extensions that files must not have, in whatever spelling.")
    ] = field(default_factory=lambda: ["exe", "dll", "so", "dylib"])
    validate_file_types: Annotated[
        bool,
        Meta(
            description="Whether programs are refused by their content too, where the extensions of programs "
            "are blocked, when they are written."
        ),
    ] = True
