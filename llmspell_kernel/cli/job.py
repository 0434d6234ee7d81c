"""What `run` and `exec` share: a script, here or in a running kernel, and what is said of its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.connecting import check_connect, connect_option
from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import Command, Frame
from llmspell_kernel.cli.seconds import Seconds
from llmspell_kernel.cli.settings import dry_run_option, dry_run_wanted, is_dry_run
from llmspell_kernel.interpreter import ErrorReport, MimeData, Script

if TYPE_CHECKING:
    from llmspell_kernel.config.layers import Values
    from llmspell_kernel.runtime import RuntimeSettings


@dataclass(frozen=True, slots=True)
class Job:
    """One script to run.

    Attributes:
        source: its text.
        script: how it is called, and its arguments.
        shows_result: text mode shows the value that it comes to.
        engine: a Lua by its name; None for what the settings say.
        timeout: seconds after which it is ended; None for as long as it takes.
        connect: the running kernel that is to run it; None for this process.
        defaults: settings that all others come over.
    """

    source: bytes
    script: Script
    shows_result: bool
    engine: str | None
    timeout: float | None
    connect: str | None
    defaults: Values | None = None


class ScriptCommand(Command):
    """A command whose own options come before `--`, and a script's behind it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Says where a script's options go, if there is one that the command does not know."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as problem:
            also = ", and so does code that begins with -" if ctx.info_name == "exec" else ""
            message = f"No such option {problem.option_name!r}; options of the script come behind --{also}."
            raise click.NoSuchOption(problem.option_name, message, problem.possibilities, ctx) from None


def script_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `run` and `exec`."""
    for option in reversed(
        (
            dry_run_option,
            engine_option("The Lua it runs in; also LLMSPELL_ENGINE."),
            connect_option("Run it in"),
            click.option(
                "--timeout",
                metavar="SECONDS",
                type=Seconds(min_open=True),
                help="End it after that long, with status 124.",
            ),
        )
    ):
        command = option(command)
    return command


def announce(frame: Frame, script: str, connect: str | None) -> None:
    """From now on the document of a failure says which script has not run."""
    mode = "embedded" if connect is None else "connected"
    frame.task = {"mode": mode, "script": script, "result": None, "output": "", "duration": 0.0}


def perform(frame: Frame, job: Job) -> int:
    """Runs it; answers the exit status. In this process it is the last thing that the process does.

    Raises:
        LLMSpellError: it cannot begin.
    """
    announce(frame, job.script.name, job.connect)
    check_connect(frame, job.connect, job.engine)
    if job.connect is not None and dry_run_wanted():
        raise click.UsageError(
            "--dry-run shows settings for this process, the kernel at --connect has its own; leave out one."
        )
    if is_dry_run(frame, _flags(job.engine), job.defaults):
        return 0
    if job.connect is not None:
        from llmspell_kernel.cli.remote import run_there

        return run_there(frame, job)
    from llmspell_kernel.cli.script import run_here

    if frame.output == "text":
        run_here(
            job.source,
            job.script,
            settings_of(frame, job.engine, job.defaults),
            shows_result=job.shows_result,
            timeout=job.timeout,
            colours=None if frame.color == "auto" else frame.color == "always",
        )
    return _run_captured(frame, job)


def _run_captured(frame: Frame, job: Job) -> int:
    from llmspell_kernel.cli.script import ScriptProcess
    from llmspell_kernel.cli.terminal_frontend import CapturingFrontend

    frontend = CapturingFrontend()
    process = ScriptProcess(job.source, job.script, settings_of(frame, job.engine, job.defaults), frontend)
    process.take_signals()
    if job.timeout is not None:
        process.limit_time(job.timeout)
    status = process.run()
    outcome = process.outcome
    result = outcome.result.data if outcome is not None and outcome.result is not None else None
    show_document(frame, result, frontend.output, process.seconds, status, process.error)
    process.end_process(status)


def settings_of(frame: Frame, engine: str | None, defaults: Values | None = None) -> RuntimeSettings:
    """What the options, the environment and files say of a runtime.

    Raises:
        SettingsError: something cannot be read or does not fit.
    """
    from llmspell_kernel.config.sources import present
    from llmspell_kernel.lua.state import LuaSettings
    from llmspell_kernel.runtime import RuntimeSettings, runtime_settings

    if not defaults and not present(frame.config, frame.profile):
        language = "lua54" if engine in (None, "lua") else engine or ""
        frame.log("the default settings; the Lua is %s", language)
        return RuntimeSettings(LuaSettings(language=language))
    from llmspell_kernel.cli.settings import loaded

    settings = loaded(frame, _flags(engine), defaults).settings
    frame.log("the Lua is %s", settings.default_engine)
    return runtime_settings(settings)


def _flags(engine: str | None) -> dict[str, str]:
    return {} if engine is None else {"default_engine": engine}


def show_document(
    frame: Frame,
    result: MimeData | None,
    output: bytes,
    seconds: float,
    status: int,
    error: ErrorReport | None,
) -> None:
    """Writes what became of the script that was announced as one JSON document."""
    from llmspell_kernel.cli.output import ended

    frame.task |= {"result": value_of(result), "output": output, "duration": round(seconds, 6)}
    frame.show(ended(status, error, frame.task))


def value_of(data: MimeData | None) -> Any:
    """A result as JSON has it: the value itself, or the text of one that JSON cannot say."""
    if data is None:
        return None
    return data["application/json"] if "application/json" in data else data.get("text/plain")


def plain(traceback: Sequence[str]) -> str:
    """A traceback without colours."""
    from llmspell_kernel.cli.script import COLOURS

    return COLOURS.sub("", "\n".join(traceback))
