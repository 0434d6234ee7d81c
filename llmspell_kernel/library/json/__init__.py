"""JSON text to values and back: the global `JSON`."""
