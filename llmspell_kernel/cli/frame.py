"""What all commands share: the global options, before or after the command, and what they mean.

A command is made with `command` (a group with `LazyGroup`) instead of click's own, and asks for the `Frame`
with `pass_frame`. An option of a command's own that has the same name as a global one takes its place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Literal, overload

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.errors import UsageError
from llmspell_kernel.interpreter import ErrorReport

if TYPE_CHECKING:
    from llmspell_kernel.cli.output import Text

__all__ = ["Command", "Frame", "FrameOptions", "command", "pass_frame"]

TRACE_LEVELS = ("off", "error", "warn", "info", "debug", "trace")

Colour = Literal["auto", "always", "never"]
OutputFormat = Literal["text", "json", "pretty"]
JSON_FORMS: tuple[Literal["json"], Literal["pretty"]] = ("json", "pretty")


_SENTENCE = 200
"""No first sentence of a command's help is longer."""


@dataclass(slots=True)
class Frame:
    """The global options of one command line.

    Attributes:
        trace: how much the program logs on stderr, one of `TRACE_LEVELS`; None if not given.
        quiet: says nothing but results and errors.
        color: whether output has colours.
        output: the form of results: text for people, one JSON document, or that one indented.
        config: a settings file; None if not given.
        profile: settings that go by a name; None if not given.
        shown: whether a result was written.
        task: what the document of a failure says of what was to be done, besides the failure itself.
    """

    trace: str | None = None
    quiet: bool = False
    color: Colour = "auto"
    output: OutputFormat = "text"
    config: str | None = None
    profile: str | None = None
    shown: bool = False
    task: dict[str, Any] = field(default_factory=dict)

    @property
    def wants_traceback(self) -> bool:
        """Whether errors of the program come with Python's traceback."""
        return self.trace in ("debug", "trace")

    @property
    def has_settings(self) -> bool:
        """Whether the command line names settings."""
        return self.config is not None or self.profile is not None

    def colours(self, stream: IO[str] | None = None) -> bool:
        """Whether to colour what is written to a stream, stdout by default."""
        if self.color != "auto":
            return self.color == "always"
        from llmspell_kernel.cli.terminal_frontend import colours_by_default

        shown = stream or sys.stdout
        return shown is not None and colours_by_default(shown)

    def show(self, data: object, text: Text | Callable[[], Text] | None = None) -> None:
        """Writes a command's result on stdout: `data` as JSON, or in text mode `text`, made when needed.

        A table is drawn as wide as the terminal allows. Without `text`, text mode shows nothing.

        Raises:
            UsageError: standard output is closed.
        """
        if sys.stdout is None:
            raise UsageError("standard output is closed: there is nowhere to show the result")
        self.shown = True
        from llmspell_kernel.cli.output import json_text, text_of

        if self.output != "text":
            click.echo(json_text(data, indented=self.output == "pretty"))
        elif text is not None:
            shown = text_of(text() if callable(text) else text, colours=self.colours())
            if shown:
                click.echo(shown, color=self.colours())

    def note(self, message: str) -> None:
        """Says something that is no result, on stderr, unless the user wants quiet."""
        if not self.quiet:
            click.echo(message, err=True, color=self.colours(sys.stderr))

    def log(self, message: str, *values: object) -> None:
        """Tells those who want to know how things came about, as `--trace info` asks for."""
        if self.trace in ("info", "debug", "trace"):
            import logging

            logging.getLogger("llmspell").info(message, *values)

    def complain(self, message: str) -> None:
        """Says what is wrong, on stderr: the first line begins with `error:`."""
        from llmspell_kernel.cli.messages import complain

        complain(message, colours=None if self.color == "auto" else self.color == "always")

    def fail(self, name: str, message: str, status: int) -> int:
        """Says why there is no result; answers `status`, which the command is to end with.

        On stderr, and for those who want JSON and have got none so far also as a document on stdout.
        """
        self.complain(message)
        if self.output != "text" and not self.shown and sys.stdout is not None:
            from llmspell_kernel.cli.messages import unexpected
            from llmspell_kernel.cli.output import ended

            error = ErrorReport(name, message, message.splitlines())
            try:
                self.show(ended(status, error, self.task))
            except BrokenPipeError:
                raise
            except OSError as problem:
                self.complain(unexpected(problem))
        return status


pass_frame = click.make_pass_decorator(Frame, ensure=True)
"""Gives a command's function the frame as its first argument."""


def _remember(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    if value is None or option.name is None:
        return
    frame = ctx.ensure_object(Frame)
    setattr(frame, option.name.removeprefix("frame_"), value)
    if option.name == "frame_trace":
        from llmspell_kernel.cli.logs import log_to_stderr

        log_to_stderr(value)
    elif option.name == "frame_color":
        ctx.color = {"always": True, "never": False}.get(value)


_DECLARATIONS: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    (
        "config",
        ("-c", "--config"),
        {
            "metavar": "FILE",
            "help": "Settings from this file; also LLMSPELL_CONFIG.",
            "shell_complete": completing.files,
        },
    ),
    (
        "profile",
        ("-p", "--profile"),
        {
            "metavar": "NAME",
            "help": "Settings that go by a name, several with commas between them.",
            "shell_complete": completing.profiles,
        },
    ),
    (
        "output",
        ("--output",),
        {
            "type": click.Choice(["text", "json", "pretty"]),
            "help": "The form of results: for people, one JSON document, or that one indented.",
        },
    ),
    (
        "color",
        ("--color",),
        {
            "type": click.Choice(["auto", "always", "never"]),
            "help": "Colours; auto: on terminals, unless NO_COLOR is set. Also FORCE_COLOR.",
        },
    ),
    (
        "trace",
        ("--trace",),
        {
            "type": click.Choice(TRACE_LEVELS),
            "metavar": "LEVEL",
            "help": f"What to log on stderr: {', '.join(TRACE_LEVELS)} (default: warn). "
            "From debug on, errors come with a traceback.",
        },
    ),
    (
        "quiet",
        ("-q", "--quiet"),
        {"is_flag": True, "default": None, "help": "Nothing but results and errors."},
    ),
)


@cache
def _global_option(name: str, taken: frozenset[str]) -> click.Option | None:
    """One of the global options without the short names that a command uses itself."""
    _, words, attributes = next(each for each in _DECLARATIONS if each[0] == name)
    free = [word for word in words if word not in taken]
    if words[-1] not in free:
        return None
    return click.Option(
        [f"frame_{name}", *free], expose_value=False, is_eager=True, callback=_remember, **attributes
    )


def global_options(own: Sequence[click.Parameter] = ()) -> list[click.Option]:
    """The global options as they are beside a command's own."""
    taken = frozenset(word for each in own for word in (*each.opts, *each.secondary_opts))
    words = {word for _, words, _ in _DECLARATIONS for word in words}
    options = [_global_option(name, taken & words) for name, *_ in _DECLARATIONS]
    return [option for option in options if option is not None]


class FrameOptions(click.Command):
    """Gives a command or group the global options; to be mixed in before click's class."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own options and arguments, then the global ones."""
        own = super().get_params(ctx)
        return [*own, *global_options(own)]

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence of its help, whole: lists wrap it, and shells cut it themselves."""
        return super().get_short_help_str(max(limit, _SENTENCE))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its own options, its commands, and the global options: in full for `llmspell` itself."""
        own = super().get_params(ctx)
        shared = global_options(own)
        _definitions(ctx, formatter, "Options", own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        if ctx.parent is None:
            _definitions(ctx, formatter, "Global options, before or after the command", shared)
        else:
            words = ", ".join(" ".join(option.opts) for option in shared)
            with formatter.section("Global options"):
                formatter.write_text(f"{words}; see {ctx.find_root().command_path} --help")


def _definitions(
    ctx: click.Context, formatter: click.HelpFormatter, title: str, params: Sequence[click.Parameter]
) -> None:
    records = [(param, param.get_help_record(ctx)) for param in params]
    rows = [
        record
        for param, record in records
        if record is not None and (record[1] or not isinstance(param, click.Argument))
    ]
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


class Command(FrameOptions):
    """A command with the global options."""


@overload
def command(function: Callable[..., Any], /) -> Command: ...
@overload
def command(**attributes: Any) -> Callable[[Callable[..., Any]], Command]: ...


def command(
    function: Callable[..., Any] | None = None, /, **attributes: Any
) -> Command | Callable[[Callable[..., Any]], Command]:
    """As click's decorator, for a command with the global options."""
    if function is not None:
        return click.command(cls=Command)(function)
    return click.command(cls=Command, **attributes)
