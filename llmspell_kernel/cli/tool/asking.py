"""Tools of this process or of a running kernel, asked by one contract."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.connecting import check_connect, connect_option
from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.errors import NotAllowedError, ToolError, UnknownToolError

F = TypeVar("F", bound=Callable[..., Any])

_ANSWER_SECONDS = 60.0
"""A kernel that knows nothing of tools need not answer at all."""

Reply = dict[str, Any]

there = connect_option("Ask")


class ToolReplyError(ToolError):
    """A reply says that something went wrong.

    Attributes:
        reply: all that it says.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(message(reply))
        self.reply = reply


def category_option(function: F) -> F:
    """Gives a command `category`."""
    return click.option("--category", metavar="NAME", default="", help="Only tools of this category.")(
        function
    )


def format_option(function: F) -> F:
    """Gives a command `--format`, which is the same as `--output`."""

    def remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.ensure_object(Frame).output = value

    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "pretty"]),
        expose_value=False,
        callback=remember,
        help="The same as --output.",
    )(function)


def name_argument(function: F) -> F:
    """Gives a command `name`, of a tool."""
    return click.argument("name", shell_complete=completing.tools)(function)


def ask(frame: Frame, connect: str | None, command: str, **fields: Any) -> Reply:
    """The content of the reply.

    Raises:
        ToolReplyError: it says that something went wrong.
        LLMSpellError: it cannot be asked.
    """
    check_connect(frame, connect, None)
    reply = _ask_there(connect, command, fields) if connect else _ask_here(frame, command, fields)
    if reply.get("status") != "ok":
        raise ToolReplyError(reply)
    return reply


def _ask_here(frame: Frame, command: str, fields: Mapping[str, Any]) -> Reply:
    from llmspell_kernel.cli.services import services
    from llmspell_kernel.library.tool.requests import answer

    with services(frame) as all_services:
        if not all_services.settings.tools.enabled:
            raise NotAllowedError("there are no tools here: the setting tools.enabled is false")
        tools = all_services.tools
        tools.approvals.ask_by(lambda prompt: _line(prompt, False))
        return answer(tools, {"command": command, **fields})


def _ask_there(connect: str, command: str, fields: Mapping[str, Any]) -> Reply:
    from llmspell_kernel.client.connected import connect as connected

    with connected(connect) as client:
        if command not in ("invoke", "test"):
            fields = {"timeout": _ANSWER_SECONDS, **fields}
        return client.tool(command, read_line=_line, **fields)


def _line(prompt: str, password: bool) -> str:
    """What somebody at the terminal answers.

    Raises:
        EOFError: there is nobody.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise EOFError
    answer: str = click.prompt(
        prompt, prompt_suffix="", default="", show_default=False, hide_input=password, err=True
    )
    return answer


def message(reply: Reply) -> str:
    """What a reply says went wrong, a line for each problem."""
    problems = reply.get("validation_errors")
    if problems:
        return "\n".join([f"{reply.get('tool', 'tool')}: {problems[0]}", *problems[1:]])
    text = str(reply.get("error") or reply.get("evalue") or "the kernel does not say what went wrong")
    return text.replace(UnknownToolError.ALL, "`llmspell tool list` names them all")
