"""The store on a PostgreSQL server, for many machines and tenants. Needs `llmspell-kernel[postgres]`."""
