"""The modules whose magics come with the package."""

from __future__ import annotations

import importlib

MODULES = (
    "timing",
    "variables",
    "persist",
    "files",
    "shell",
    "cells",
    "history",
    "environment",
    "config",
    "leaving",
    "catalogue",
)
"""In the order in which `%lsmagic` lists their groups."""


def load() -> None:
    """Registers all of them; may be repeated."""
    for name in MODULES:
        importlib.import_module(f"llmspell_kernel.magics.{name}")


# At the import too: the order of groups must not depend on which of the modules somebody else needs first.
load()
