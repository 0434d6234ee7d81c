"""`llmspell check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.job import settings_of

if TYPE_CHECKING:
    from llmspell_kernel.cli.checking import Problem


@command(
    epilog="""\b
Examples:
  llmspell check report.lua
  llmspell check lib/*.lua --output json
  llmspell check report.lua --engine luajit --global ngx    a name that somebody else sets"""
)
@click.argument("scripts", nargs=-1, required=True, metavar="SCRIPT...", shell_complete=completing.files)
@engine_option("The Lua they are for; also LLMSPELL_ENGINE.")
@click.option(
    "--global",
    "known",
    metavar="NAME",
    multiple=True,
    help="A global that is there though nothing shows it; may be repeated.",
)
@pass_frame
def check(frame: Frame, scripts: tuple[str, ...], engine: str | None, known: tuple[str, ...]) -> int:
    """Look for mistakes in Lua scripts without running them.

    Names each syntax error, and each global that is read although nothing sets it: not Lua, not LLMSpell's
    library, none of the files, nor what they load from beside themselves. Status 1 if there is any.
    """
    from llmspell_kernel.cli.checking import Checker

    names = [name.strip() for names in known for name in names.split(",")]
    checker = Checker(settings_of(frame, engine), names)
    found = {script: checker.problems(script) for script in scripts}
    problems = [problem for each in found.values() for problem in each]
    files = [
        {"file": script, "problems": [problem.as_dict() for problem in each]}
        for script, each in found.items()
    ]
    data = {"status": "error" if problems else "ok", "problems": len(problems), "files": files}
    frame.show(data, "\n".join(_line(problem) for problem in problems))
    frame.note(_summary(len(problems), len(found)))
    return 1 if problems else 0


def _line(problem: Problem) -> str:
    place = "".join(f":{number}" for number in (problem.line, problem.column) if number)
    hint = f"; {problem.hint}" if problem.hint else ""
    return f"{problem.file}{place}: {problem.message}{hint}"


def _summary(problems: int, files: int) -> str:
    count = "no problems" if problems == 0 else "1 problem" if problems == 1 else f"{problems} problems"
    return f"{count} in {files} file{'s' if files != 1 else ''}"
