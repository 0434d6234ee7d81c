"""The debugger in a terminal: a prompt wherever the script stops."""
