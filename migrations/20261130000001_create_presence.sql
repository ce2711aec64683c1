-- Who is connected, and where: what presence, the limit of connections a person, and push go by. None of
-- it is an event. What is lost of it comes back by itself: devices connect again, and processes say
-- again who is connected to them.

-- A process that has connections. One that has not been heard of for 15 s is gone, and its connections
-- with it.
CREATE UNLOGGED TABLE nodes (
    node    uuid        PRIMARY KEY,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- How many connections a person has to a process.
CREATE UNLOGGED TABLE connections (
    account_id uuid NOT NULL,
    node       uuid NOT NULL REFERENCES nodes ON DELETE CASCADE,
    total      int  NOT NULL CHECK (total > 0),
    looking    int  NOT NULL CHECK (looking BETWEEN 0 AND total), -- of an app that is in the foreground
    PRIMARY KEY (account_id, node)
);
-- WHERE node = $1
CREATE INDEX connections_by_node ON connections (node);

-- Who is there, and since when, or was last. Everybody who ever was has a row.
CREATE TABLE presence (
    account_id uuid        PRIMARY KEY,
    online     boolean     NOT NULL,
    since      timestamptz NOT NULL,                       -- online: since; else: last seen
    mirrored   boolean     NOT NULL DEFAULT false          -- Firestore has been told
) WITH (fillfactor = 70);
-- WHERE online AND NOT EXISTS (SELECT FROM connections …)
CREATE INDEX presence_online ON presence (account_id) WHERE online;
-- WHERE NOT mirrored ORDER BY account_id LIMIT $1
CREATE INDEX presence_to_mirror ON presence (account_id) WHERE NOT mirrored;

GRANT SELECT, INSERT, UPDATE, DELETE ON nodes, connections, presence TO parlance_app;
