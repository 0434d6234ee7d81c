"""Files: sessions, scripts, folders."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from llmspell_kernel.cli.repl.commands.registry import command, need_argument, refuse_argument
from llmspell_kernel.cli.repl.session import Session
from llmspell_kernel.errors import UsageError

_INPUT = re.compile(r"^-- \[\d+\]\n", re.MULTILINE)
"""What `.save` writes above each input: an expression alone is Lua only as an input of its own."""
_LLMSPELL = "from llmspell_kernel.cli import main; raise SystemExit(main())"


@command(".run FILE [ARGUMENTS ...]", takes="lua_file")
def run(session: Session, argument: str) -> None:
    """Run a script: its locals are its own, its globals stay.

    As with `llmspell run`, it finds its arguments in ARGS, arg and `...`, and loads files from beside it.
    """
    from llmspell_kernel.cli.sources import read_script, script_of

    path, *arguments = _words(argument, ".run FILE [ARGUMENTS ...]")
    if path == "-":
        raise UsageError("standard input is what you type here; give a file")
    source = read_script(path).decode(errors="surrogateescape")
    session.execute(source, script=script_of(path, arguments))


@command(".load FILE", takes="lua_file")
def load(session: Session, argument: str) -> None:
    """Run a file as if it had been typed here: its locals stay too.

    A session that `.save` has written is run input by input, until one fails.
    """
    from llmspell_kernel.cli.sources import read_script

    (path,) = _words(argument, ".load FILE", most=1)
    text = read_script(path).decode(errors="surrogateescape")
    inputs = _INPUT.split(text)[1:] if _INPUT.match(text) else [text]
    for code in inputs:
        session.execute(code.strip("\n"))
        if session.failed or session.status is not None:
            return


@command(".save FILE", takes="file")
def save(session: Session, argument: str) -> None:
    """Write this session's code as a Lua file that `.load` takes.

    A comment with its number, such as `-- [1]`, stands above each input. Code that failed is left out. A file
    that is there already is not overwritten: `.save -f FILE` does that.
    """
    words = _words(argument, ".save [-f] FILE")
    by_force = "-f" in words
    names = [word for word in words if word != "-f"]
    if len(names) != 1:
        raise UsageError("give one file: .save [-f] FILE")
    code = [
        f"-- [{entry.number}]\n" + entry.code.strip("\n") for entry in session.entries if not entry.failed
    ]
    if not code:
        raise UsageError("there is nothing to save yet: no code of this session has run to its end")
    path = Path(names[0]).expanduser()
    try:
        with path.open("w" if by_force else "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n\n".join(code) + "\n")
    except FileExistsError:
        raise UsageError(f"{path} is there already; .save -f {names[0]} overwrites it") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    session.screen.note(f"{len(code)} {'input' if len(code) == 1 else 'inputs'} in {path}")


@command(".debug FILE [ARGUMENTS ...]", takes="lua_file")
def debug(session: Session, argument: str) -> None:
    """Run a script under the debugger, in a Lua of its own.

    `help` there lists the debugger's commands, and `quit` comes back here.
    """
    path, *arguments = _words(argument, ".debug FILE [ARGUMENTS ...]")
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {path}")
    words = [sys.executable, "-P", "-c", _LLMSPELL, "debug", path]
    if session.options.language in ("lua54", "lua55", "luajit"):
        words += ["--language", session.options.language]
    # Ctrl-C is the debugger's. A signal that is ignored would stay ignored in what is started.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        session.failed = subprocess.call([*words, "--", *arguments]) != 0
    finally:
        signal.signal(signal.SIGINT, before)


@command(".cd [FOLDER]", takes="folder")
def change_directory(session: Session, argument: str) -> None:
    """Go to a folder, to the home folder without one.

    File names here are relative to it, and those of code too, for a kernel in this process. A connected
    kernel has a directory of its own, for which there is `%cd`.
    """
    words = _words(argument, ".cd [FOLDER]", most=1) if argument else ["~"]
    folder = os.path.expanduser(words[0])
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(f"cannot go to {folder}: {error.strerror}") from None
    session.screen.line(os.getcwd())


@command(".pwd")
def working_directory(session: Session, argument: str) -> None:
    """Say which folder file names here are relative to."""
    refuse_argument(argument, "pwd")
    session.screen.line(os.getcwd())


@command(".ls [FOLDER]", takes="folder")
def list_files(session: Session, argument: str) -> None:
    """List a folder's files."""
    words = _words(argument, ".ls [FOLDER]", most=1) if argument else ["."]
    folder = os.path.expanduser(words[0])
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"cannot list {folder}: {error.strerror}") from None
    names = [entry.name + "/" * entry.is_dir() for entry in entries if not entry.name.startswith(".")]
    session.screen.line("\n".join(names) if names else "(empty)")


def _words(argument: str, usage: str, *, most: int | None = None) -> list[str]:
    need_argument(argument, usage)
    try:
        words = shlex.split(argument)
    except ValueError as error:
        raise UsageError(f"{argument!r} cannot be read: {error}; put names with blanks in quotes") from None
    if most is not None and len(words) > most:
        raise UsageError(f"that is too much: {usage}; put names with blanks in quotes")
    return [os.path.expanduser(word) if number == 0 else word for number, word in enumerate(words)]
