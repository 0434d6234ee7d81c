"""Reading a script's text; what cannot be run is refused with what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from llmspell_kernel.errors import UsageError
from llmspell_kernel.interpreter import Script

STDIN, COMMAND_LINE = "stdin", "(command line)"
"""What messages call scripts that have no file, as the `lua` command does."""

_LOOKED_AT = 8000
_KINDS = (
    (b"\x7fELF", "a program (ELF)"),
    (b"\x1bLua", "compiled Lua"),
    (b"\x1bLJ", "compiled LuaJIT code"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x89PNG", "a picture"),
    (b"PK\x03\x04", "a zip file"),
    (b"\x1f\x8b", "a gzip file"),
)


def read_script(path: str) -> bytes:
    """The text of a file, or of standard input for `-`.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    if path == "-":
        if sys.stdin is None:
            raise UsageError("cannot read the script: standard input is closed; name a file instead of -")
        return _checked(sys.stdin.buffer.read(), "standard input")
    if not path:
        raise UsageError("the name of the script is empty; name a file, or - for standard input")
    try:
        with open(path, "rb") as file:
            # What is no text may be endless.
            source = _checked(file.read(_LOOKED_AT), path) + file.read()
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}{_nearest(path)}") from None
    except IsADirectoryError:
        main = os.path.join(path, "main.lua")
        hint = f"run {main}" if os.path.isfile(main) else "name a file in it"
        raise UsageError(f"{path} is a directory; {hint}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {path}: {reason}") from None
    return source


def script_of(path: str, arguments: Sequence[str]) -> Script:
    """How the script of a file, or of standard input for `-`, is called and what it is given."""
    if path == "-":
        return Script(STDIN, tuple(arguments), None)
    return Script(path, tuple(arguments), os.path.dirname(path) or None)


def code_of(code: str, arguments: Sequence[str]) -> tuple[bytes, Script]:
    """The text and the script of code from the command line: a cell, so that its last value is its result."""
    script = Script(COMMAND_LINE, tuple(arguments), os.curdir, is_cell=True)
    return code.encode(errors="surrogateescape"), script


def _checked(source: bytes, name: str) -> bytes:
    for start, kind in _KINDS:
        if source.startswith(start):
            raise UsageError(f"{name} is {kind}, not the text of a script; {_remedy(kind)}")
    if b"\0" in source[:_LOOKED_AT]:
        raise UsageError(f"{name} is a binary file, not the text of a script; give the Lua source")
    return source


def _remedy(kind: str) -> str:
    return "save it as UTF-8" if kind.startswith("UTF") else "give the Lua source"


def _nearest(path: str) -> str:
    directory, name = os.path.split(path)
    try:
        names = os.listdir(directory or ".")
    except OSError:
        missing = directory
        while missing and not os.path.isdir(os.path.dirname(missing) or "."):
            missing = os.path.dirname(missing)
        return f": there is no directory {missing}" if missing and not os.path.exists(missing) else ""
    import difflib

    stems = {os.path.splitext(each)[0]: each for each in names}
    close = difflib.get_close_matches(os.path.splitext(name)[0], stems, n=1)
    best = f"{name}.lua" if f"{name}.lua" in names else stems[close[0]] if close else ""
    return f"; did you mean {os.path.join(directory, best)}?" if best else ""
