"""The modules whose magics come with the package."""

from __future__ import annotations

import importlib

MODULES = ("timing", "cells", "files", "shell", "catalogue")
"""In the order in which `%lsmagic` lists their groups."""


def load() -> None:
    """Registers all of them."""
    for name in MODULES:
        importlib.import_module(f"llmspell_kernel.magics.{name}")
