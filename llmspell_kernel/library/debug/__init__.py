"""Logs, timers and looks at values: the global `Debug`."""
