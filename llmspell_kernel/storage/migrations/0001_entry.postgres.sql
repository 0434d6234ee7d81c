-- Programs act as this role, whoever logs in: it owns nothing and cannot pass row-level security by.
-- Roles belong to the whole server: another database may have made it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'llmspell_app') THEN
        CREATE ROLE llmspell_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'llmspell_app', 'MEMBER') THEN
        EXECUTE format('GRANT llmspell_app TO %I', current_user);
    END IF;
END
$$;
GRANT USAGE ON SCHEMA llmspell TO llmspell_app;
GRANT SELECT ON migration TO llmspell_app;
-- "C" compares text by its bytes.
CREATE TABLE entry (
    tenant_id TEXT COLLATE "C" NOT NULL DEFAULT current_setting('app.current_tenant_id', true),
    namespace TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    expires_at DOUBLE PRECISION,
    value BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, namespace, key),
    CHECK (tenant_id <> '')
);
ALTER TABLE entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE entry FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entry
    USING (tenant_id = current_setting('app.current_tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON entry TO llmspell_app;
