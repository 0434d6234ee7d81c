"""`llmspell tool search`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.tool.asking import ask, category_option, format_option, there
from llmspell_kernel.cli.tool.showing import show_tools


@command(
    epilog="""\b
Examples:
  llmspell tool search csv
  llmspell tool search web page --category data"""
)
@click.argument("words", nargs=-1, required=True)
@category_option
@format_option
@there
@pass_frame
def search(frame: Frame, words: tuple[str, ...], category: str, connect: str | None) -> None:
    """Find tools by words in their names, descriptions and operations; the best come first.

    One of the words is enough; tools in which more of them occur come before the others.
    """
    reply = ask(frame, connect, "search", query=list(words), category=category)
    show_tools(frame, reply["results"], "no such tools")
