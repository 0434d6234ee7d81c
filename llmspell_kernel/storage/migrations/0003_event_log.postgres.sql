-- Events on their way to the other processes of a tenant; they are removed after a while.
CREATE TABLE event_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL DEFAULT current_setting('app.current_tenant_id', true),
    origin TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    event BYTEA NOT NULL,
    CHECK (tenant_id <> '')
);
ALTER TABLE event_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_log
    USING (tenant_id = current_setting('app.current_tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));
GRANT SELECT, INSERT, DELETE ON event_log TO llmspell_app;
CREATE INDEX event_log_age ON event_log (tenant_id, created_at);
