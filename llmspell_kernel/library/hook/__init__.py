"""Functions called at points of what happens: the global `Hook`."""
