"""What ipywidgets itself says of its classes and their attributes, in Lua's words."""

from __future__ import annotations

import re
from typing import Any

from ipywidgets import Widget
from traitlets import TraitType

from llmspell_kernel.library.widgets.attributes import attributes, shown

_ARTICLE = re.compile(r"^an? ")
_CHOICES = re.compile(r"any of \[([^\]]*)\]")
_WORDS = {
    "int": "integer",
    "float": "number",
    "unicode string": "string",
    "list": "table",
    "tuple": "table",
    "dict": "table",
    "any value": "any",
}


def on_class(cls: type[Widget]) -> tuple[str, str, str]:
    """Its name, the first paragraph of its doc, and its attributes with types and defaults, one a line."""
    lines = []
    for name, trait in sorted(attributes(cls).items()):
        first = _first_line(trait)
        lines.append(_declaration(name, trait) + (f"  -- {first}" if first else ""))
    doc = " ".join((cls.__doc__ or "").strip().partition("\n\n")[0].split())
    return cls.__name__, doc, "\n".join(lines)


def on_attribute(cls: type[Widget], name: str) -> tuple[str, str, str]:
    """Its type and default, and its doc; an unknown one is a KeyError."""
    trait = attributes(cls)[name]
    declaration = _declaration(name, trait).removeprefix(f"{name}: ")
    return declaration, f"{_first_line(trait)}\n\nAn attribute of {cls.__name__}.".strip(), ""


def _first_line(trait: TraitType[Any, Any] | None) -> str:
    return (trait.help if trait else "").strip().partition("\n")[0]


def _declaration(name: str, trait: TraitType[Any, Any] | None) -> str:
    if trait is None:
        return f"{name}: number"
    kind = _ARTICLE.sub("", trait.info())
    kind = _WORDS.get(kind, kind).replace(" (case-insensitive)", "").replace(" or None", " or nil")
    kind = _CHOICES.sub(lambda found: found[1].replace("'", '"').replace(", ", "|"), kind)
    default = trait.default_value
    if isinstance(default, str | int | float):
        return f"{name}: {kind} = {shown(default)}"
    return f"{name}: {kind}"
