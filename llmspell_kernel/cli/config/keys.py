"""Keys of settings as arguments of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from llmspell_kernel.config.documents import Key


_HELP_WIDTH = 70


class KeyType(click.ParamType["Key"]):
    """A dotted key; the shell completes it."""

    name = "key"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The settings that begin so; sections too, for an argument that may be one."""
        from textwrap import shorten

        from llmspell_kernel.config import schema

        return [
            CompletionItem(node.name, help=shorten(node.description, _HELP_WIDTH, placeholder=" …"))
            for node in schema.nodes()
            if node.name.startswith(incomplete) and (node.table is None or param.name == "section")
        ]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Key:
        """The parts of the key.

        Raises:
            click.BadParameter: there is no such setting or section; names the nearest.
        """
        if isinstance(value, tuple):
            return value
        from llmspell_kernel.config.checking import problem_with

        if not value:
            raise click.BadParameter(
                "it is empty; `llmspell config show` lists all keys", ctx=ctx, param=param
            )
        key: Key = tuple(str(value).split("."))
        problem = problem_with(key)
        if problem:
            raise click.BadParameter(f"{value}: {problem}", ctx=ctx, param=param)
        return key


KEY = KeyType()
