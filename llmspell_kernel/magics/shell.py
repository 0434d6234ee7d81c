"""Programs: `!command` and the magics that run them."""

from __future__ import annotations

import shlex
import sys

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, Session

GROUP = "Programs"
MAX_SCRIPT = 120_000
"""Bytes: Linux allows 128 KiB in one argument."""


def run_shell(session: Session, command: str) -> int:
    """Runs a shell command; its output is the cell's. A status that is not 0 is named on stderr.

    Raises:
        MagicError: there is no command.
    """
    if not command:
        raise MagicError("`!` wants a shell command, such as !ls")
    _, how, code = session.lua.children.execute(command.encode(errors="surrogateescape"))
    if code != 0:
        session.write(f"[{_ending(how, code)}]\n", "stderr")
    return code


def _ending(how: str, code: int) -> str:
    return f"exit code {code}" if how == "exit" else f"ended by signal {code}"


@magic("%pip COMMAND", group=GROUP)
def pip(call: Call) -> Outcome | None:
    """Runs pip for the Python that the kernel runs in, such as `%pip install ipywidgets`."""
    if run_shell(call.session, f"exec {shlex.quote(sys.executable)} -m pip {call.text}"):
        raise MagicError("pip failed; its own message is above")
    return None


def _script(call: Call, program: str, arguments: tuple[str, ...]) -> None:
    if len(call.body.encode(errors="surrogateescape")) > MAX_SCRIPT:
        raise MagicError(
            f"the script is longer than {MAX_SCRIPT:,} bytes: write it to a file with %%writefile and run it"
        )
    command = shlex.join((program, "-c", call.body, program, *arguments))
    run_program(call, f"exec {command}", program)


def run_program(call: Call, command: str, name: str) -> None:
    """Runs a shell command; its failure is the cell's, unless `--no-raise-error` was given."""
    _, how, code = call.session.lua.children.execute(command.encode(errors="surrogateescape"))
    if code == 0:
        return
    message = f"{name}: {_ending(how, code)}"
    if not call.arguments.flag("no-raise-error"):
        raise MagicError(message)
    call.write(f"[{message}]\n", "stderr")


@magic("%%bash [--no-raise-error] [ARGS ...]", group=GROUP)
def bash(call: Call) -> Outcome | None:
    """Runs the cell with bash; words behind `%%bash` are its `$1`, `$2` ...

    A script that ends with another exit code than 0 fails the cell, unless `--no-raise-error` is given.
    """
    _script(call, "bash", call.values)
    return None


@magic("%%sh [--no-raise-error] [ARGS ...]", group=GROUP)
def sh(call: Call) -> Outcome | None:
    """Runs the cell with sh, as `%%bash` does with bash."""
    _script(call, "sh", call.values)
    return None


@magic("%%script [--no-raise-error] COMMAND", group=GROUP)
def script(call: Call) -> Outcome | None:
    """Runs the cell with a program that reads its script from standard input: `%%script python3`."""
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(call.body.encode(errors="surrogateescape"))
        file.flush()
        run_program(call, f"{call.text} < {file.name}", call.text.split()[0])
    return None
