"""What differs between two states of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.config.documents import flat
from llmspell_kernel.config.loading import as_table

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings


def changes(before: Settings, after: Settings) -> list[dict[str, Any]]:
    """A table for each setting that differs: its `key`, its value `before` and `after`, without secrets."""
    old, new = (dict(flat(as_table(each, hide=True))) for each in (before, after))
    return [
        {"key": ".".join(key), "before": old.get(key), "after": new.get(key)}
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
