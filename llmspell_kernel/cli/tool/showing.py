"""Tools as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmspell_kernel.cli.frame import Frame


def show_tools(frame: Frame, details: Sequence[dict[str, Any]], empty: str) -> None:
    """Shows tools: name, category, level, description."""
    from llmspell_kernel.cli.output import Table

    rows = [(each["name"], each["category"], each["security_level"], each["description"]) for each in details]
    frame.show(list(details), lambda: Table(("name", "category", "level", "description"), rows, empty=empty))
