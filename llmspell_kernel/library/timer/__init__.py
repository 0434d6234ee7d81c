"""Calling functions later: the global `timer`."""
