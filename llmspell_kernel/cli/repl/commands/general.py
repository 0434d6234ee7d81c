"""Help, leaving, the screen, the history, and what this is."""

from __future__ import annotations

import os
from collections.abc import Sequence

from llmspell_kernel import __version__
from llmspell_kernel.cli.output import wrapped
from llmspell_kernel.cli.repl.commands.registry import COMMANDS, command, find, refuse_argument
from llmspell_kernel.cli.repl.session import Session
from llmspell_kernel.errors import ClientError, UsageError

_SHOWN = 20

_KEYS = """\
Enter runs what is whole, and begins a new line of what is not; Alt-Enter begins one in any case.
Tab completes, Ctrl-R searches earlier inputs, Up finds those that begin as this one does.
Ctrl-C ends running code or drops the input, Ctrl-D leaves, Ctrl-X Ctrl-E opens an editor.
name? shows help on a name, %lsmagic lists the magics, !command runs a shell command."""


@command(".help [COMMAND]", "h", "?", takes="command")
def show_help(session: Session, argument: str) -> None:
    """List the commands, or say what one does."""
    if argument:
        found = find(argument.removeprefix("."))
        also = ", ".join(f".{name}" for name in found.names[1:])
        paragraphs = found.help.split("\n\n")
        if session.screen.is_terminal:  # its width counts, not that of the source
            paragraphs = [each.replace("\n", " ") for each in paragraphs]
        lines = [found.usage, "", "\n\n".join(paragraphs)]
        _show_text(session, [*lines, "", f"Also {also}."] if also else lines)
        return
    width = max(len(each.usage) for each in COMMANDS)
    lines = [f"{each.usage:<{width}}  {each.summary}" for each in COMMANDS]
    _show_text(session, lines, " " * (width + 2))
    _show_text(session, ["", *_KEYS.splitlines()])


def _show_text(session: Session, lines: Sequence[str], margin: str = "") -> None:
    """Shows lines; what a terminal has no room for goes on below, behind a margin if that leaves room."""
    columns = session.screen.columns
    session.screen.line("\n".join(wrapped(line, margin, columns) for line in "\n".join(lines).split("\n")))


@command(".exit [STATUS]", "quit", "q")
def leave(session: Session, argument: str) -> None:
    """Leave; Ctrl-D does the same.

    STATUS becomes the exit status of `llmspell repl`. The kernel of this process ends; one that was
    connected to goes on.
    """
    if argument and not argument.isdecimal():
        raise UsageError(f"an exit status is a number from 0 to 255, not {argument!r}")
    session.status = int(argument or 0) & 0xFF


@command(".clear", "cls")
def clear(session: Session, argument: str) -> None:
    """Wipe the screen; variables stay."""
    refuse_argument(argument, "clear")
    session.screen.clear()


@command(".history [COUNT | TEXT | clear]", "hist", takes="history")
def show_history(session: Session, argument: str) -> None:
    """Show earlier inputs: the last 20, COUNT, or those with TEXT.

    They are those of all sessions; `%history` shows this kernel's own. `.history clear` forgets them, in
    the file too.
    """
    if argument == "clear":
        clear_history(session, "")
        return
    entries = list(enumerate(session.history.entries, 1))
    if argument.isdecimal():
        entries = entries[-int(argument) :] if int(argument) else []
    elif argument:
        entries = [each for each in entries if argument.lower() in each[1].lower()]
    else:
        entries = entries[-_SHOWN:]
    width = len(str(entries[-1][0])) if entries else 1
    for number, text in entries:
        lines = text.replace("\n", "\n" + " " * (width + 2))
        session.screen.line(f"{number:>{width}}  {lines}")
    if not entries:
        session.screen.note("nothing found" if argument else "nothing yet")


@command(".clear-history")
def clear_history(session: Session, argument: str) -> None:
    """Forget all earlier inputs, in the file too."""
    refuse_argument(argument, "clear-history")
    session.history.clear()
    session.screen.note("all earlier inputs are forgotten")


@command(".info")
def info(session: Session, argument: str) -> None:
    """Say which Lua this is, where it runs, where things are kept."""
    refuse_argument(argument, "info")
    client = session.link.client
    answer = client.kernel_info()
    language = answer.get("language_info", {})
    rows = [
        ("LLMSpell", __version__),
        ("language", f"{language.get('name', '')} {language.get('version', '')}"),
        *_kernel_rows(session),
        ("next cell", str(session.number)),
        ("inputs", f"{len(session.entries)} in this session"),
        ("history", session.history.problem or str(session.history.path or "in memory")),
        ("directory", os.getcwd()),
    ]
    width = max(len(name) for name, _ in rows)
    session.screen.line("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def _kernel_rows(session: Session) -> list[tuple[str, str]]:
    if session.link.is_embedded:
        return [("kernel", f"in this process, {os.getpid()}")]
    rows = [("kernel", f"connected: {session.options.where}")]
    try:
        status = session.link.client.request("status_request", channel="control", timeout=2)
    except ClientError:
        return rows
    if status.get("status") == "ok":
        memory = f"{status.get('memory_bytes', 0) / 2**20:.0f} MiB"
        rows.append(("process", f"{status.get('pid')}, {memory}, up for {status.get('uptime', 0):.0f} s"))
        rows.append(("its directory", str(status.get("directory", ""))))
    return rows
