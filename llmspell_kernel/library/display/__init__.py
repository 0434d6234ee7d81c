"""What scripts show on purpose: the global `display`."""
