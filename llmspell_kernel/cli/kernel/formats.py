"""The options `--format`, `--watch` and `--interval` of commands that show kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from llmspell_kernel.cli.frame import JSON_FORMS, Frame

F = TypeVar("F", bound=Callable[..., Any])


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    del param
    for form in JSON_FORMS:
        if value == form:
            ctx.ensure_object(Frame).output = form
    return value


def view_options(function: F) -> F:
    """Gives a command `form`, `watch` and `interval`."""
    for decorate in (
        click.option(
            "--interval",
            type=click.FloatRange(0.1, 3600),
            default=2.0,
            show_default=True,
            metavar="SECONDS",
            help="How often --watch looks.",
        ),
        click.option("-w", "--watch", is_flag=True, help="Look again and again, until Ctrl-C."),
        click.option(
            "-f",
            "--format",
            "form",
            type=click.Choice(["table", "detailed", "text", *JSON_FORMS]),
            callback=_remember,
            help="A table, a paragraph for each kernel, or as --output (text: as is usual for the command).",
        ),
    ):
        function = decorate(function)
    return function
