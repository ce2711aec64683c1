-- The event log: every fact of every aggregate, in one table, in one order, append-only.
-- Column names and types are those that postgres-es reads; the last three are ours.
CREATE TABLE events (
    position       bigint PRIMARY KEY,                     -- order of the whole log, from 1, no gaps
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence > 0),   -- version of the stream, from 1, no gaps
    event_type     text   NOT NULL,
    event_version  text   NOT NULL,                        -- of the payload's shape: '1', '2', …
    payload        json   NOT NULL,                        -- json keeps the bytes as written; jsonb does not
    metadata       json   NOT NULL,                        -- actor, request_id
    event_id       uuid   NOT NULL,                        -- v7; the message id in JetStream
    recorded_at    timestamptz NOT NULL,                   -- never goes back as position grows
    -- WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence
    UNIQUE (aggregate_type, aggregate_id, sequence)
) WITH (
    -- Percentage thresholds drift to never as an append-only table grows.
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 50000
);

-- History is never rewritten: a correction is a new event.
CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events is append-only';
END $$;
CREATE TRIGGER events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();

-- The optimistic-concurrency gate: the version each stream has reached.
CREATE TABLE streams (
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    version        bigint NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
) WITH (fillfactor = 70);                                  -- version is not indexed: updates stay in the page

-- The last position given out. An append moves this row last, so the next append waits for that
-- commit: positions are in commit order and have no gap.
CREATE TABLE log_head (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    position    bigint NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log_head (position, recorded_at) VALUES (0, 'epoch');

-- Values that only one owner may hold: user names, e-mail addresses. Written in the transaction
-- that appends the event which claims them. The value is a keyed hash: a claim names nobody.
CREATE TABLE claims (
    scope text  COLLATE "C" NOT NULL,
    value bytea NOT NULL,                                  -- HMAC-SHA-256 of the normalised value
    owner text  COLLATE "C" NOT NULL,                      -- the aggregate that holds it
    PRIMARY KEY (scope, value)
);

-- What a caller's Idempotency-Key led to, for ever. It points into the log and holds no text of
-- its own: the first answer is made again from the events recorded then.
CREATE TABLE idempotency_keys (
    caller         uuid   NOT NULL,
    key            text   COLLATE "C" NOT NULL,
    fingerprint    bytea  NOT NULL,                        -- SHA-256 of method, path and body
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    first_sequence bigint NOT NULL,                        -- the events recorded: first..last,
    last_sequence  bigint NOT NULL,                        -- none when last < first
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);

-- Saved state of aggregates, keyed by the shape of the state. Disposable, never the truth.
CREATE TABLE snapshots (
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    state_schema   text   COLLATE "C" NOT NULL,            -- another shape of the state: another row
    version        bigint NOT NULL,                        -- of the stream
    position       bigint NOT NULL,                        -- of the event at that version
    payload        bytea  NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, state_schema)
);
ALTER TABLE snapshots ALTER COLUMN payload SET STORAGE EXTERNAL; -- no time lost in decompression

-- Each person's data key, wrapped by the master key. Without it every field sealed with it is
-- noise: destroying the key erases the person from the log.
CREATE TABLE subject_keys (
    subject      uuid PRIMARY KEY,
    wrapped_key  bytea,                                    -- NULL once destroyed
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);
