"""Whatever goes over HTTP, and mail."""
