-- Group commit in one round trip: gate every stream, then every claim and key, take positions
-- last, insert. All or nothing: a refusal raises, names its culprits in DETAIL as a JSON array of
-- array positions (from 1), and leaves nothing behind, so that the caller appends the others again.
--
--   PA001  streams that were not at their expected version
--   PA002  claims that somebody else holds
--   PA003  idempotency keys that are taken
--
-- Locks are taken in one order everywhere, so two appenders cannot deadlock: existing streams by
-- key, new streams by key, claims by key, keys by key, and log_head last.
CREATE FUNCTION append_events(
    s_type text[], s_id text[], s_expected bigint[], s_added bigint[],
    e_aggregate_type text[], e_aggregate_id text[], e_sequence bigint[],
    e_type text[], e_version text[], e_payload text[], e_metadata text[], e_id uuid[],
    l_scope text[], l_value bytea[], l_owner text[], l_take boolean[],
    k_caller uuid[], k_key text[], k_fingerprint bytea[],
    k_aggregate_type text[], k_aggregate_id text[], k_first bigint[], k_last bigint[],
    OUT first_position bigint, OUT appended_at timestamptz
)
LANGUAGE plpgsql
-- A batch looks up some dozens of streams. Every other way than by index reads all of them.
SET enable_hashjoin = off
SET enable_mergejoin = off
-- Compiling a statement takes tens of milliseconds, running it takes one.
SET jit = off
AS $$
DECLARE
    culprits jsonb;
    added    bigint := cardinality(e_id);
BEGIN
    PERFORM 1
    FROM streams s
    JOIN unnest(s_type, s_id) AS c(type, id) ON s.aggregate_type = c.type AND s.aggregate_id = c.id
    ORDER BY s.aggregate_type, s.aggregate_id
    FOR UPDATE OF s;

    SELECT jsonb_agg(c.n) INTO culprits
    FROM unnest(s_type, s_id, s_expected) WITH ORDINALITY AS c(type, id, expected, n)
    LEFT JOIN streams s ON s.aggregate_type = c.type AND s.aggregate_id = c.id
    WHERE coalesce(s.version, 0) <> c.expected;
    IF culprits IS NOT NULL THEN
        RAISE EXCEPTION 'stream is not at its expected version' USING ERRCODE = 'PA001', DETAIL = culprits;
    END IF;

    UPDATE streams s SET version = c.expected + c.added
    FROM unnest(s_type, s_id, s_expected, s_added) AS c(type, id, expected, added)
    WHERE s.aggregate_type = c.type AND s.aggregate_id = c.id AND c.added > 0;

    IF 0 = ANY (s_expected) THEN
        WITH created AS (
            INSERT INTO streams (aggregate_type, aggregate_id, version)
            SELECT c.type, c.id, c.added
            FROM unnest(s_type, s_id, s_expected, s_added) AS c(type, id, expected, added)
            WHERE c.expected = 0 AND c.added > 0
            ORDER BY c.type, c.id
            ON CONFLICT DO NOTHING
            RETURNING aggregate_type, aggregate_id
        )
        SELECT jsonb_agg(c.n) INTO culprits
        FROM unnest(s_type, s_id, s_expected, s_added) WITH ORDINALITY AS c(type, id, expected, added, n)
        LEFT JOIN created ON created.aggregate_type = c.type AND created.aggregate_id = c.id
        WHERE c.expected = 0 AND c.added > 0 AND created.aggregate_id IS NULL;
        IF culprits IS NOT NULL THEN
            RAISE EXCEPTION 'stream is not at its expected version' USING ERRCODE = 'PA001', DETAIL = culprits;
        END IF;
    END IF;

    IF cardinality(l_scope) > 0 THEN
        PERFORM 1
        FROM claims
        JOIN unnest(l_scope, l_value) AS c(wanted_scope, wanted_value) ON scope = c.wanted_scope AND value = c.wanted_value
        ORDER BY scope, value
        FOR UPDATE OF claims;

        DELETE FROM claims
        USING unnest(l_scope, l_value, l_owner, l_take) AS c(old_scope, old_value, old_owner, take)
        WHERE scope = c.old_scope AND value = c.old_value AND owner = c.old_owner AND NOT c.take;

        INSERT INTO claims (scope, value, owner)
        SELECT c.scope, c.value, c.owner
        FROM unnest(l_scope, l_value, l_owner, l_take) AS c(scope, value, owner, take)
        WHERE c.take
        ORDER BY c.scope, c.value
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
        WITH created AS (
            INSERT INTO idempotency_keys
                (caller, key, fingerprint, aggregate_type, aggregate_id, first_sequence, last_sequence)
            SELECT k.caller, k.key, k.fingerprint, k.type, k.id, k.first, k.last
            FROM unnest(k_caller, k_key, k_fingerprint, k_aggregate_type, k_aggregate_id, k_first, k_last)
                AS k(caller, key, fingerprint, type, id, first, last)
            ORDER BY k.caller, k.key
            ON CONFLICT DO NOTHING
            RETURNING caller, key
        )
        SELECT jsonb_agg(k.n) INTO culprits
        FROM unnest(k_caller, k_key) WITH ORDINALITY AS k(caller, key, n)
        LEFT JOIN created USING (caller, key)
        WHERE created.key IS NULL;
        IF culprits IS NOT NULL THEN
            RAISE EXCEPTION 'idempotency key is taken' USING ERRCODE = 'PA003', DETAIL = culprits;
        END IF;
    END IF;

    IF added = 0 THEN
        SELECT position + 1, recorded_at INTO first_position, appended_at FROM log_head;
        RETURN;
    END IF;

    UPDATE log_head
    SET position = position + added, recorded_at = greatest(recorded_at, clock_timestamp())
    RETURNING position - added + 1, recorded_at INTO first_position, appended_at;

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
END $$;
