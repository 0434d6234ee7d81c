"""Sliders, buttons and the rest of ipywidgets: the global `widgets`."""

from __future__ import annotations

from llmspell_kernel.library.widgets.names import NAMES as CONSTRUCTORS

__all__ = ["CONSTRUCTORS"]
