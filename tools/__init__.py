"""What `make` uses to run the tour and to write the reference pages; no part of the package."""
