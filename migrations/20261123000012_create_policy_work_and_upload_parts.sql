-- What policies have still to do, and when. An event asks for it, in the transaction that moves the
-- policy's checkpoint; it is done when it is due, outside of any transaction, and then deleted. So
-- it is done at least once, and each effect is made such that twice is harmless.
CREATE TABLE policy_work (
    policy         text   COLLATE "C" NOT NULL,
    key            text   COLLATE "C" NOT NULL,  -- what it is about: asked for again, it is the same work
    due_at         timestamptz,                  -- NULL: not before another event asks for it
    detail         json   NOT NULL,              -- what the policy needs to know. Ids, nothing personal
    position       bigint NOT NULL,              -- of the event that asked last
    aggregate_type text   COLLATE "C" NOT NULL,  -- of that event
    aggregate_id   text   COLLATE "C" NOT NULL,
    attempts       int    NOT NULL DEFAULT 0,    -- that failed
    parked         boolean NOT NULL DEFAULT false, -- given up: its event stands in parked_events
    PRIMARY KEY (policy, key)
);
-- WHERE policy = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3
CREATE INDEX policy_work_due ON policy_work (policy, due_at) WHERE due_at IS NOT NULL;
-- WHERE policy = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND parked
CREATE INDEX policy_work_parked ON policy_work (policy, aggregate_type, aggregate_id) WHERE parked;

GRANT SELECT, INSERT, UPDATE, DELETE ON policy_work TO parlance_app;

-- What the sender of a part said it is. S3 compares it when the part arrives; some servers want to
-- hear it again when the parts are put together, and do not list it themselves. Deleted then.
CREATE TABLE upload_parts (
    upload text  COLLATE "C" NOT NULL,           -- the storage's name for the upload
    number int   NOT NULL CHECK (number > 0),
    sha256 bytea NOT NULL,
    PRIMARY KEY (upload, number)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON upload_parts TO parlance_app;
