"""What tools are and how they are called: the global `Tool`."""
