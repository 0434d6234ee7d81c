"""What scripts can call: one folder a Lua global."""
