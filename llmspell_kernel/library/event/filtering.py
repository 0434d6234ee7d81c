"""Which events the settings let through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmspell_kernel.library.event.patterns import any_of

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.events import Filtering


def wanted(settings: Filtering) -> Callable[[str, str], bool] | None:
    """Tells whether an event passes, by its type and its source; None if all do.

    A component is a source up to its colon, or a whole source: `tool`, `tool:calculator`.
    """
    everything = ["*"]
    if (
        list(settings.include_types) == everything
        and list(settings.include_components) == everything
        and not settings.exclude_types
        and not settings.exclude_components
    ):
        return None
    types, no_types = any_of(settings.include_types), any_of(settings.exclude_types)
    components, no_components = any_of(settings.include_components), any_of(settings.exclude_components)

    def passes(event_type: str, source: str) -> bool:
        if not types(event_type) or no_types(event_type):
            return False
        component = source.partition(":")[0]
        return (components(source) or components(component)) and not (
            no_components(source) or no_components(component)
        )

    return passes
