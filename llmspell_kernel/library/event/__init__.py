"""What components tell each other: the global `Event`."""
