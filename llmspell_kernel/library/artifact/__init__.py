"""Pieces of content that sessions keep: the global `Artifact`."""
