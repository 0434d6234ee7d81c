"""Compares the kernel with ipykernel, side by side in one run; `python -m benchmarks`."""
