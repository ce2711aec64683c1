-- Copies of reported files, which moderators may look at when the messages are long gone. The copy is
-- stored in pieces, each sealed under a key of its own; that key stands here, sealed under the
-- moderators' key, as what was seen of the message is in the log.
CREATE TABLE reported_files (
    file_id      uuid        PRIMARY KEY,
    sealed_key   bytea       NOT NULL,
    content_type text        NOT NULL,
    size         bigint      NOT NULL CHECK (size > 0),    -- in bytes, before it is sealed
    kept_at      timestamptz                               -- NULL: not all of it is stored yet
);

GRANT SELECT, INSERT, UPDATE, DELETE ON reported_files TO parlance_app;
