"""Where things last: one contract, and a backend for each place."""
