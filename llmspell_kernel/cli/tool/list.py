"""`llmspell tool list`."""

from __future__ import annotations

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.tool.asking import ask, category_option, format_option, there
from llmspell_kernel.cli.tool.showing import show_tools
from llmspell_kernel.errors import UsageError


@command(
    name="list",
    epilog="""\b
Examples:
  llmspell tool list
  llmspell tool list --category filesystem --output json
  llmspell tool list --connect work           those of a running kernel""",
)
@category_option
@format_option
@there
@pass_frame
def list_(frame: Frame, category: str, connect: str | None) -> None:
    """List the tools that there are."""
    reply = ask(frame, connect, "list", category=category, details=True)
    if category and not reply["tools"]:
        raise UsageError(
            f"there is no tool of a category {category!r}; categories: {', '.join(reply['suggestions'])}"
        )
    show_tools(frame, reply["details"], "no tools")
