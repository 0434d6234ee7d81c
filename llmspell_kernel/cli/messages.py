"""What the command says to its user on stderr. Imports nothing that takes time."""

from __future__ import annotations

import errno
import sys

from llmspell_kernel.cli.terminal_frontend import colours_by_default


def complain(message: str, *, colours: bool | None = None) -> None:
    """Says what is wrong: `error:` and the message, coloured by default on a terminal."""
    if sys.stderr is None:
        return
    coloured = colours_by_default(sys.stderr) if colours is None else colours
    label = "\x1b[1;31merror:\x1b[0m" if coloured else "error:"
    text = f"{label} {message}\n".encode(errors="surrogateescape")
    sys.stderr.flush()
    sys.stderr.buffer.write(text)
    sys.stderr.buffer.flush()


def unexpected(problem: Exception, *, told: bool = False) -> str:
    """What to say of an exception that nobody has foreseen; `told` if its traceback is already shown."""
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC and problem.filename is None:
        return f"cannot write the output: {problem.strerror}"
    if isinstance(problem, OSError) and problem.strerror:
        place = f"{problem.filename}: " if problem.filename is not None else ""
        text = f"{place}{problem.strerror}"
    else:
        text = f"this is a fault of LLMSpell's: {type(problem).__name__}: {problem}"
    return text if told else f"{text}\nhelp:  --trace debug shows where it comes from"
