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
            description="The names of the programs, with commas in between. Their arguments must not name "
            "files outside of the allowed folders, nor make the programs of this list write files or start "
            "others; what else a program does that is added here is not looked at."
        ),
    ] = "echo,cat,ls,pwd,whoami,date,uname,which,test,head,tail,wc,grep,find,sort,uniq"
    blocked_commands: Annotated[
        str, Meta(description="Names of programs that are refused, even if `allowed_commands` has them.")
    ] = (
        "rm,rmdir,mv,cp,ln,chmod,chown,dd,mkfs,mount,umount,sudo,su,doas,ssh,scp,sftp,curl,wget,nc,ncat,"
        "netcat,telnet,ftp,kill,killall,pkill,shutdown,reboot,halt,poweroff,env,xargs,nohup,setsid,busybox"
    )
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
    checked_hosts: Annotated[
        list[str],
        Meta(
            description="Hosts, addresses and networks that service-checker may ask though they are not on "
            "the public Internet."
        ),
    ] = field(default_factory=lambda: ["localhost", "127.0.0.1", "::1"])
