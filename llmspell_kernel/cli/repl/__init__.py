"""The prompt of `llmspell repl`.

`session` runs what was entered; `prompt` reads it from a terminal that can move its cursor, `lines` from any
other and from pipes. `commands/` are the words with a dot.
"""
