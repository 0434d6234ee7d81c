"""Talking to a kernel: in this process or over its sockets, by one contract."""
