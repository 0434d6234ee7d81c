"""The language: running, showing and explaining Lua. Knows no Jupyter."""
