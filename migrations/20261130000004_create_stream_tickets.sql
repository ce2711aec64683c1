-- What a browser opens its stream or socket with, where it can set no header: good once, for half a
-- minute, for whoever asked for it with an access token. Lost with a crash, and asked for again.
CREATE UNLOGGED TABLE stream_tickets (
    ticket           bytea       PRIMARY KEY,              -- SHA-256 of it
    account_id       uuid        NOT NULL,
    session_id       uuid        NOT NULL,
    token_expires_at timestamptz NOT NULL,                 -- the access token's end is the connection's
    expires_at       timestamptz NOT NULL
);
-- WHERE expires_at <= $1 LIMIT 100
CREATE INDEX stream_tickets_by_end ON stream_tickets (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON stream_tickets TO parlance_app;
