"""The modules whose magics come with the package; importing this one registers them all."""

from __future__ import annotations

import importlib

MODULES = (
    "timing",
    "variables",
    "files",
    "shell",
    "cells",
    "history",
    "environment",
    "config",
    "catalogue",
)
"""In the order in which `%lsmagic` lists their groups."""

for _name in MODULES:
    importlib.import_module(f"llmspell_kernel.magics.{_name}")
