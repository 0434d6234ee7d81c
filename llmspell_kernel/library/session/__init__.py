"""Sessions, and what was run in them: the global `Session`."""
