-- How far each subscriber of the log has come. A projector moves its row in the transaction that
-- writes its read model; the relay moves 'relay' to the last position JetStream has acknowledged.
CREATE TABLE checkpoints (
    name       text   COLLATE "C" PRIMARY KEY,
    position   bigint NOT NULL DEFAULT 0,
    applied_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Who may run what only one process may run at a time. The epoch grows with each new holder.
-- A lease and not an advisory lock: it also passes on when its holder is stopped, not dead.
CREATE TABLE leases (
    name       text   COLLATE "C" PRIMARY KEY,
    holder     uuid   NOT NULL,
    epoch      bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Events that a projector gave up on, and the later events of the same stream behind them.
CREATE TABLE parked_events (
    projector      text   COLLATE "C" NOT NULL,
    position       bigint NOT NULL,
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    attempts       int    NOT NULL CHECK (attempts >= 0),  -- 0: it waits behind an earlier one
    error          text   NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT now(),
    skipped_at     timestamptz,                            -- an operator chose to go on without it
    PRIMARY KEY (projector, position)
);
