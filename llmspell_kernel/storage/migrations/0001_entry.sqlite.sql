-- The value comes last, so that the columns before it are read without it. SQLite compares text by its bytes.
CREATE TABLE entry (
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires_at REAL,
    value BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
);
