"""Values that come one after the other: the global `Streaming`."""
