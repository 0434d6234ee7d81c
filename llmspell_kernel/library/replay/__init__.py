"""How a session is replayed: the global `Replay`."""
