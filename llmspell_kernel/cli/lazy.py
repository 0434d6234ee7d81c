"""Command groups that import a command's module when the command is used or listed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from llmspell_kernel.cli.frame import FrameOptions


class LazyGroup(FrameOptions, click.Group):
    """A group that knows its commands as `module:attribute`.

    A module of a command imports what is heavy inside the command, so that `--help` stays quick.
    """

    def __init__(self, *arguments: Any, commands_in: Mapping[str, str], **options: Any) -> None:
        """`commands_in` maps a command's name to where it is."""
        super().__init__(*arguments, **options)
        self._commands_in = commands_in

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were given: the natural one, not the alphabet's."""
        return list(self._commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        place = self._commands_in.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest commands when there is none of that name; `help` is as good as `--help`."""
        if args[0] == "help" and "help" not in self._commands_in:
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
            args = [*args[1:], "--help"]
        if args[0] not in self._commands_in:
            raise click.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)
