"""The machine, its environment, programs and services."""
