"""`[tools.system]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field


class System(Struct, frozen=True, forbid_unknown_fields=True):
    """Programs that tools may start, and variables of the environment that they may read."""

    allow_process_execution: Annotated[
        bool, Meta(description="Whether tools may start programs, those of `allowed_commands`.")
    ] = True
    allowed_commands: Annotated[
        str,
        Meta(
            description="The names of the programs, with commas in between. What is known to start other "
            "programs, change files or open connections is refused all the same."
        ),
    ] = "echo,cat,ls,pwd,whoami,date,uname,which,test,head,tail,wc,grep,find,sort,uniq"
    max_output_size: Annotated[
        int, Meta(ge=1, description="Bytes of output that are kept of a program; one that writes more ends.")
    ] = 1_048_576
    command_timeout_seconds: Annotated[float, Meta(gt=0, description="Seconds that a program may run.")] = (
        30.0
    )
    allowed_env_vars: Annotated[
        list[str],
        Meta(
            description="Variables that tools may read, and that programs inherit; `*` stands for any "
            "letters. Those that look like secrets are refused all the same."
        ),
    ] = field(
        default_factory=lambda: [
            "PATH", "HOME", "USER", "SHELL", "TERM", "LANG", "LC_*", "TZ", "TMPDIR", "TEMP", "PWD", "OLDPWD"
        ]
    )  # fmt: skip
    allow_env_changes: Annotated[
        bool, Meta(description="Whether environment-reader may set variables, for the programs it starts.")
    ] = False
