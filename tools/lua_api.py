"""The reference of a Lua global, read from the doc comments in its Lua files."""

from __future__ import annotations

from pathlib import Path

from llmspell_kernel.library.faces import Documented, documented
from llmspell_kernel.lua.annotations import markdown

_SIGNATURE_FENCE = "``` { .lua .signature }"


def page(folder: Path, name: str) -> str:
    """The Markdown below the title of a global's page; calling the global comes first."""
    found = [each for each in documented(folder, name) if each.kind != "global" or each.doc.fields]
    found.sort(key=lambda each: each.kind != "call")
    return "\n\n".join(f"## {each.name}\n\n{_as_markdown(each)}" for each in found)


def _as_markdown(each: Documented) -> str:
    text = markdown(each.doc, each.signature)
    return text.replace("```lua", _SIGNATURE_FENCE, 1) if each.signature else text
