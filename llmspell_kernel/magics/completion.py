"""Candidates where magics are typed."""

from __future__ import annotations

from collections.abc import Sequence

from llmspell_kernel.interpreter import Completions
from llmspell_kernel.magics.parsing import Part, blank_magics
from llmspell_kernel.magics.session import Session


def complete(session: Session, code: str, cursor: int, parts: Sequence[Part]) -> Completions:
    """What may stand at the cursor in a cell of these parts."""
    return session.lua.complete(blank_magics(code, list(parts)), cursor)
