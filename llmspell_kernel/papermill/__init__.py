"""Papermill's parameters in Lua, so that `papermill in.ipynb out.ipynb -p n 5` works with a Lua notebook.

Papermill finds engines by entry point, but translators only by a call of `register`. `engine` therefore
comes in as the engine `llmspell` (the entry point group `papermill.engine` is loaded when papermill is
imported) and brings `translator`, which registers itself.
"""
