"""Papermill's own engine under the name `llmspell`; to be imported by papermill only, see the package."""

from __future__ import annotations

from papermill.engines import NBClientEngine

# Two modules, because importing the translator first imports papermill, which loads this one meanwhile.
from llmspell_kernel.papermill import translator

__all__ = ["LuaEngine", "translator"]

LuaEngine = NBClientEngine
