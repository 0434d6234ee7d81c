"""The Jupyter front: one kernel process and its channels."""
