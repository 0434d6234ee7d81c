"""Magics about magics."""

from __future__ import annotations

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import groups, magic
from llmspell_kernel.magics.session import Call, text_result

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
