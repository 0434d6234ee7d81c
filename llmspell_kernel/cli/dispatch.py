"""Runs a command line through click; turns what goes wrong into a message and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise, takewhile

import click

from llmspell_kernel.cli.commands import llmspell
from llmspell_kernel.cli.frame import JSON_FORMS, Frame, OutputFormat
from llmspell_kernel.cli.messages import unexpected
from llmspell_kernel.errors import LLMSpellError

_WORDS = {
    "is not a valid float range.": "is not a number.",
    "is not a valid integer range.": "is not a whole number.",
}

FAILED, MISUSED, INTERRUPTED, NO_READER = 1, 2, 130, 141


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Runs `llmspell` with these arguments, by default those of the process; answers the exit status."""
    if "_LLMSPELL_COMPLETE" in os.environ:  # a shell asks what could come next
        from llmspell_kernel.cli.completion.answers import answer

        return answer(llmspell)
    frame = Frame()
    try:
        status = _status_of(sys.argv[1:] if arguments is None else list(arguments), frame)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain at its end about what nobody can read any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    return status


def _status_of(arguments: list[str], frame: Frame) -> int:
    try:
        with llmspell.make_context("llmspell", arguments, obj=frame) as context:
            result = llmspell.invoke(context)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message())
        return 0
    except click.UsageError as problem:
        if frame.output == "text":
            frame.output = _wanted_form(arguments)
        frame.fail("UsageError", _in_one_line(problem.format_message()), MISUSED)
        where = problem.ctx.command_path if problem.ctx else "llmspell"
        click.echo(f"help:  {where} --help", err=True)
        return MISUSED
    except click.ClickException as problem:
        return frame.fail("UsageError", problem.format_message(), problem.exit_code)
    except LLMSpellError as problem:
        if frame.wants_traceback:
            _show_traceback(problem)
        return frame.fail(type(problem).__name__, str(problem), FAILED)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as problem:  # noqa: BLE001 - the program's border: whatever happens is told in one line
        if frame.wants_traceback:
            _show_traceback(problem)
        message = unexpected(problem, told=frame.wants_traceback)
        return frame.fail(type(problem).__name__, message, FAILED)


def _wanted_form(arguments: Sequence[str]) -> OutputFormat:
    """The form of results that a command line asks for, though it could not be parsed as far as that."""
    words = list(takewhile(lambda word: word != "--", arguments))
    for option, value in pairwise([*words, ""]):
        for form in JSON_FORMS:
            if option == f"--output={form}" or (option, value) == ("--output", form):
                return form
    return "text"


def _in_one_line(message: str) -> str:
    """What click says of a wrong command line, which is in several lines here, and in its own words there."""
    words = " ".join(message.split())
    for theirs, ours in _WORDS.items():
        words = words.replace(theirs, ours)
    return words


def _show_traceback(problem: BaseException) -> None:
    import traceback

    traceback.print_exception(problem)
