-- `append_events` looks up each stream once instead of three times. It locks log_head first, so that
-- appenders take turns: while one is at work nobody else moves a stream, a claim or a key, so no
-- other lock can deadlock, and one UPDATE both compares and moves versions. They would have met at
-- log_head anyway. What it refuses, and how it says so, is as before:
--
--   PA001  streams that were not at their expected version
--   PA002  claims that somebody else holds
--   PA003  idempotency keys that are taken
--
-- All or nothing: a refusal raises, names its culprits in DETAIL as a JSON array of array positions
-- (from 1), and leaves nothing behind, so that the caller appends the others again.
CREATE OR REPLACE FUNCTION append_events(
    s_type text[], s_id text[], s_expected bigint[], s_added bigint[],
    e_aggregate_type text[], e_aggregate_id text[], e_sequence bigint[],
    e_type text[], e_version text[], e_payload text[], e_metadata text[], e_id uuid[],
    l_scope text[], l_value bytea[], l_owner text[], l_take boolean[],
    k_caller uuid[], k_key text[], k_fingerprint bytea[],
    k_aggregate_type text[], k_aggregate_id text[], k_first bigint[], k_last bigint[],
    OUT first_position bigint, OUT appended_at timestamptz
)
LANGUAGE plpgsql
-- Planning each call for its arrays took as long as executing it.
SET plan_cache_mode = force_generic_plan
-- A batch looks up some dozens of rows. Every other way than by index reads all of them.
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
-- Compiling a statement takes tens of milliseconds, running it takes one.
SET jit = off
AS $$
DECLARE
    culprits jsonb;
    moved    bigint[];                                     -- existing streams, as array positions
    created  text[];                                       -- new streams or keys, as type/id or caller/key
    added    bigint := cardinality(e_id);
BEGIN
    IF added > 0 THEN
        UPDATE log_head
        SET position = position + added, recorded_at = greatest(recorded_at, clock_timestamp())
        RETURNING position - added + 1, recorded_at INTO first_position, appended_at;
    ELSIF cardinality(l_scope) > 0 OR cardinality(k_key) > 0 THEN
        SELECT position + 1, recorded_at INTO first_position, appended_at FROM log_head FOR UPDATE;
    END IF;

    WITH gated AS (
        UPDATE streams s SET version = c.expected + c.added
        FROM unnest(s_type, s_id, s_expected, s_added) WITH ORDINALITY AS c(type, id, expected, added, n)
        WHERE s.aggregate_type = c.type AND s.aggregate_id = c.id AND s.version = c.expected AND c.added > 0
        RETURNING c.n
    )
    SELECT array_agg(n) INTO moved FROM gated;

    IF 0 = ANY (s_expected) THEN
        WITH gated AS (
            INSERT INTO streams (aggregate_type, aggregate_id, version)
            SELECT c.type, c.id, c.added
            FROM unnest(s_type, s_id, s_expected, s_added) AS c(type, id, expected, added)
            WHERE c.expected = 0 AND c.added > 0
            ON CONFLICT DO NOTHING
            RETURNING aggregate_type, aggregate_id
        )
        SELECT array_agg(aggregate_type || '/' || aggregate_id) INTO created FROM gated;
    END IF;

    -- Somebody did not pass, or only asked.
    IF coalesce(cardinality(moved), 0) + coalesce(cardinality(created), 0) < cardinality(s_id) THEN
        SELECT jsonb_agg(c.n) INTO culprits
        FROM unnest(s_type, s_id, s_expected, s_added) WITH ORDINALITY AS c(type, id, expected, added, n)
        LEFT JOIN streams s ON s.aggregate_type = c.type AND s.aggregate_id = c.id
        WHERE CASE WHEN c.added = 0 THEN coalesce(s.version, 0) <> c.expected
                   WHEN c.expected = 0 THEN c.type || '/' || c.id <> ALL (coalesce(created, '{}'))
                   ELSE c.n <> ALL (coalesce(moved, '{}')) END;
        IF culprits IS NOT NULL THEN
            RAISE EXCEPTION 'stream is not at its expected version' USING ERRCODE = 'PA001', DETAIL = culprits;
        END IF;
    END IF;

    IF cardinality(l_scope) > 0 THEN
        DELETE FROM claims
        USING unnest(l_scope, l_value, l_owner, l_take) AS c(old_scope, old_value, old_owner, take)
        WHERE scope = c.old_scope AND value = c.old_value AND owner = c.old_owner AND NOT c.take;

        INSERT INTO claims (scope, value, owner)
        SELECT c.scope, c.value, c.owner
        FROM unnest(l_scope, l_value, l_owner, l_take) AS c(scope, value, owner, take)
        WHERE c.take
        ON CONFLICT DO NOTHING;

        SELECT jsonb_agg(c.n) INTO culprits
        FROM unnest(l_scope, l_value, l_owner, l_take) WITH ORDINALITY AS c(scope, value, owner, take, n)
        JOIN claims h ON h.scope = c.scope AND h.value = c.value
        WHERE c.take AND h.owner <> c.owner;
        IF culprits IS NOT NULL THEN
            RAISE EXCEPTION 'claim is held by another' USING ERRCODE = 'PA002', DETAIL = culprits;
        END IF;
    END IF;

    IF cardinality(k_key) > 0 THEN
        WITH taken AS (
            INSERT INTO idempotency_keys
                (caller, key, fingerprint, aggregate_type, aggregate_id, first_sequence, last_sequence)
            SELECT k.caller, k.key, k.fingerprint, k.type, k.id, k.first, k.last
            FROM unnest(k_caller, k_key, k_fingerprint, k_aggregate_type, k_aggregate_id, k_first, k_last)
                AS k(caller, key, fingerprint, type, id, first, last)
            ON CONFLICT DO NOTHING
            RETURNING caller, key
        )
        SELECT array_agg(caller || '/' || key) INTO created FROM taken;
        IF coalesce(cardinality(created), 0) < cardinality(k_key) THEN
            SELECT jsonb_agg(k.n) INTO culprits
            FROM unnest(k_caller, k_key) WITH ORDINALITY AS k(caller, key, n)
            WHERE k.caller || '/' || k.key <> ALL (coalesce(created, '{}'));
        END IF;
        IF culprits IS NOT NULL THEN
            RAISE EXCEPTION 'idempotency key is taken' USING ERRCODE = 'PA003', DETAIL = culprits;
        END IF;
    END IF;

    IF first_position IS NULL THEN
        -- Read last: what was compared above is what the log said up to here.
        SELECT position + 1, recorded_at INTO first_position, appended_at FROM log_head;
    END IF;
    IF added > 0 THEN
        INSERT INTO events (
            position, aggregate_type, aggregate_id, sequence,
            event_type, event_version, payload, metadata, event_id, recorded_at
        )
        SELECT first_position + e.n - 1, e.aggregate_type, e.aggregate_id, e.sequence,
               e.type, e.version, e.payload::json, e.metadata::json, e.id, appended_at
        FROM unnest(
            e_aggregate_type, e_aggregate_id, e_sequence, e_type, e_version, e_payload, e_metadata, e_id
        ) WITH ORDINALITY AS e(aggregate_type, aggregate_id, sequence, type, version, payload, metadata, id, n)
        ORDER BY e.n;
    END IF;
END $$;
