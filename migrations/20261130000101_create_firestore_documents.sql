-- The documents that Firestore is to hold: which of them are to be written, and what is known of what
-- was. A row a document, so that however far behind Firestore is, there is no more to remember.
--
-- The mirror marks documents in the transaction that moves its checkpoint, and a mark stays until
-- Firestore has said that it holds what was read after it. So nothing is lost, whoever dies when.
CREATE TABLE firestore_documents (
    collection  text        COLLATE "C" NOT NULL,
    id          text        COLLATE "C" NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,      -- of the last event that marked it
    marks       bigint      NOT NULL DEFAULT 1,      -- how often it was marked: marked again while it is written, it is written again
    due_at      timestamptz,                         -- NULL: there is nothing to write
    forced      boolean     NOT NULL DEFAULT false,  -- to be written even where Firestore has a later position
    attempts    int         NOT NULL DEFAULT 0,      -- that failed
    error       text,                                -- why the last one did
    parked_at   timestamptz,                         -- given up, until it is marked again or retried

    -- What is known of Firestore.
    epoch       bigint      NOT NULL DEFAULT 0,      -- of the lease of who wrote last: who held it before writes no more
    unsure      boolean     NOT NULL DEFAULT false,  -- a write was begun, and what came of it is not known
    content     bytea,                               -- a digest of what it has; NULL: unknown
    update_time timestamptz,                         -- of the document; NULL: it has none, as far as known
    written_at  timestamptz,
    PRIMARY KEY (collection, id)
) WITH (fillfactor = 70);
-- WHERE due_at <= now() ORDER BY due_at LIMIT $1
CREATE INDEX firestore_documents_due ON firestore_documents (due_at) WHERE due_at IS NOT NULL;
-- WHERE forced
CREATE INDEX firestore_documents_forced ON firestore_documents (collection, id) WHERE forced;
-- WHERE parked_at IS NOT NULL ORDER BY collection, id
CREATE INDEX firestore_documents_parked ON firestore_documents (collection, id)
    WHERE parked_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON firestore_documents TO parlance_app;
