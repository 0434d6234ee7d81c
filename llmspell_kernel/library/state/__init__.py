"""Values that last, by scope and key: the global `State`."""
