"""Settings of the REPL and of its kernel."""

from __future__ import annotations

from llmspell_kernel.cli.repl.commands.registry import command, need_argument
from llmspell_kernel.cli.repl.session import Session
from llmspell_kernel.cli.repl.settings import DESCRIPTIONS, own_name
from llmspell_kernel.errors import UsageError


@command(".set [NAME [VALUE]]", takes="setting")
def change(session: Session, argument: str) -> None:
    """Show the settings, or change one for this session.

    First come those of the prompt, then those of the kernel, which `%config` shows too: `.set timing on`,
    `.set time_limit 60`. For good, put them in a settings file (`llmspell config`).
    """
    settings = session.settings
    name, _, value = argument.replace("=", " ", 1).partition(" ")
    name, value = own_name(name), value.strip()
    if not name:
        width = max(map(len, DESCRIPTIONS))
        for each, description in DESCRIPTIONS.items():
            session.screen.line(f"{each:<{width}}  {settings.shown(each):<8} {description}")
        session.screen.line("")
        session.execute("%config", counts=False)
    elif name not in DESCRIPTIONS:
        session.execute(f"%config {name} = {value}" if value else f"%config {name}", counts=False)
    elif value:
        settings.change(name, value)
    else:
        session.screen.line(f"{name} = {settings.shown(name)}\n{DESCRIPTIONS[name]}")


@command(".unset NAME", takes="setting")
def unset(session: Session, argument: str) -> None:
    """Give a setting of the prompt its first value."""
    need_argument(argument, ".unset NAME")
    name = own_name(argument)
    if name not in DESCRIPTIONS:
        raise UsageError(
            f"{argument!r} is no setting of the prompt ({', '.join(DESCRIPTIONS)}); a kernel's settings "
            "are given a value with .set"
        )
    session.settings.reset(name)
    session.screen.line(f"{name} = {session.settings.shown(name)}")


@command(".perf on|off", takes="switch")
def measure(session: Session, argument: str) -> None:
    """Say how long each input took, as `.set timing on`."""
    need_argument(argument, ".perf on|off")
    session.settings.change("timing", argument)
