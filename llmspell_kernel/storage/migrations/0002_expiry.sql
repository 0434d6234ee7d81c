-- Finds what has expired without reading the rest.
CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;
