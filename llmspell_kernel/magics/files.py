"""Files: writing them, running them, and where relative paths start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from llmspell_kernel.errors import LuaSyntaxError, MagicError, NotAllowedError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.binding import LuaFunction
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, Session, os_failure, text_result

GROUP = "Files and folders"


@magic("%%writefile [-a] FILE", group=GROUP, takes="file")
def writefile(call: Call) -> Outcome | None:
    """Writes the rest of the cell to a file; with `-a`, adds it to the file's end."""
    _check_allowed(call.session)
    path = _path(call.values[0])
    append = call.arguments.flag("a")
    verb = "Appending to" if append else "Overwriting" if path.exists() else "Writing"
    text = call.body if call.body.endswith("\n") or not call.body else call.body + "\n"
    try:
        with path.open("ab" if append else "wb") as file:
            file.write(text.encode(errors="surrogateescape"))
    except OSError as error:
        raise os_failure(f"cannot write {path}", error) from error
    call.write(f"{verb} {path}\n")
    return None


def _path(name: str) -> Path:
    """A path with `~` read as a home; one that is not known stays as typed."""
    return Path(os.path.expanduser(name))


def _check_allowed(session: Session) -> None:
    if not session.lua.settings.files:
        raise NotAllowedError(NotAllowedError.FILES)


def _read(session: Session, name: str) -> tuple[str, bytes]:
    """Path and content of a file; `.lua` may be left out.

    Raises:
        MagicError: it cannot be read.
        NotAllowedError: the settings allow no files.
    """
    _check_allowed(session)
    path = _path(name)
    if not path.exists() and path.with_name(path.name + ".lua").exists():
        path = path.with_name(path.name + ".lua")
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise os_failure(f"cannot read {path}", error) from error


@magic("%run FILE [ARGS ...]", group=GROUP, takes="lua_file")
def run(call: Call) -> Outcome | None:
    """Runs a Lua file in this state: it sees your globals, and its own stay.

    Its locals end with it. The words behind the file are its `...` and, while it runs, the table `arg`, as
    with the `lua` command. `.lua` may be left out.
    """
    path, source = _read(call.session, call.values[0])
    arguments = [word.encode(errors="surrogateescape") for word in call.values[1:]]
    state, variables = call.session.lua.state, call.session.variables
    main = _compile(call.session, path, source)
    before = variables[b"get"](b"arg")
    words = enumerate((path.encode(errors="surrogateescape"), *arguments))
    variables[b"set"](b"arg", state.runtime.table_from(dict(words)))
    try:
        state.call(main, *arguments)
    finally:
        variables[b"set"](b"arg", before)
    return None


def _compile(session: Session, path: str, source: bytes) -> LuaFunction:
    if source.startswith(b"\x1b"):
        raise MagicError(f"{path} is compiled Lua; only source text can be run")
    if source.startswith(b"#"):
        source = b"--" + source  # for the shell; the line stays, so that line numbers are the file's
    session.lua.sources[path] = source.decode(errors="replace")
    name = b"@" + path.encode(errors="surrogateescape")
    loaded: Any = session.lua.state.cells[b"plain"](source, name)
    function, message = loaded if isinstance(loaded, tuple) else (loaded, b"")
    if function is None:
        raise LuaSyntaxError((message or b"").decode(errors="backslashreplace"))
    return function


@magic("%load FILE", group=GROUP, takes="file")
def load(call: Call) -> Outcome | None:
    """Puts the text of a file in place of this cell; `.lua` may be left out."""
    path, source = _read(call.session, call.values[0])
    text = f"-- %load {path}\n{source.decode(errors='backslashreplace')}"
    return Outcome(payload=({"source": "set_next_input", "text": text, "replace": True},))


@magic("%pwd", group=GROUP)
def pwd(call: Call) -> Outcome | None:
    """Shows the working directory, where relative paths start."""
    return text_result(str(Path.cwd()))


@magic("%cd [FOLDER]", group=GROUP, takes="folder")
def cd(call: Call) -> Outcome | None:
    """Changes the working directory: to `FOLDER`, to the one before with `-`, to your home without one."""
    memory, name = call.session.memory, call.values[0] if call.values else "~"
    if name == "-" and "cd" not in memory:
        raise MagicError("there is no directory before this one yet")
    target = memory["cd"] if name == "-" else _path(name)
    before = Path.cwd()
    try:
        os.chdir(target)
    except OSError as error:
        raise os_failure(f"cannot change to {target}", error) from error
    memory["cd"] = before
    call.write(f"{Path.cwd()}\n")
    return None
