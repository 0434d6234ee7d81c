"""Magics about magics."""

from __future__ import annotations

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import groups, magic
from llmspell_kernel.magics.session import Call, page, text_result

GROUP = "Help"


@magic("%lsmagic", group=GROUP)
def lsmagic(call: Call) -> Outcome | None:
    """Lists all magics."""
    plain, rich = [], []
    for group, found in groups().items():
        plain += [group, *(f"  {each.name:<14} {each.summary}" for each in found), ""]
        rich += [f"**{group}**", "", *(f"- `{each.name}` {each.summary}" for each in found), ""]
    hint = "%name? shows the help of one."
    return text_result("\n".join([*plain, hint]), "\n".join([*rich, "`%name?` shows the help of one."]))


_SYNTAX = """\
- A line that begins with `%name` is a line magic; `%%name` on the first line of a cell takes the whole cell.
  The other lines are Lua, and see the same variables.
- `!command` runs a shell command; its output is shown while it runs.
- `name?` shows help on a Lua name, `name??` its source, `%name?` help on a magic; `?` or `help` alone in a
  cell this page. `exit` or `quit` alone ends the kernel in a console.
- In `!` lines and the arguments of magics that take no code, `{expression}` becomes the value of a Lua
  expression; `{{` and `}}` are the braces themselves.
- A `\\` at the end of a magic's line continues it on the next one."""


@magic("%quickref", group=GROUP)
def quickref(call: Call) -> Outcome | None:
    """Shows how magics are written, and all of them in a line each."""
    lines = [f"- `{each.usage.text}` — {each.summary}" for found in groups().values() for each in found]
    text = "\n".join([_SYNTAX, "", *lines])
    return page(text.replace("`", ""), text)


@magic("%magic", group=GROUP)
def magic_manual(call: Call) -> Outcome | None:
    """Shows the help of all magics."""
    sections = [_SYNTAX]
    for group, found in groups().items():
        sections.append(f"## {group}")
        sections += [f"### `{each.usage.text}`\n\n{each.help}" for each in found]
    text = "\n\n".join(sections)
    return page(text.replace("`", ""), text)
