"""Messages between Lua and what runs in the front end, both ways: the global `comm`."""
