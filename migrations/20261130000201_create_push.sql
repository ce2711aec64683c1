-- What became of each push. An attempt is written down before the push service is called, and what it
-- answered after that: so neither a redelivered event nor a crash sends anything twice. A row is
-- deleted once what it is about is too old to be pushed at all.
CREATE TABLE push_effects (
    effect_id    uuid PRIMARY KEY,                         -- made from what is pushed and the device
    device_id    uuid NOT NULL,
    state        text COLLATE "C" NOT NULL
                 CHECK (state IN ('attempted', 'waiting', 'accepted', 'failed')),
    attempts     int  NOT NULL DEFAULT 1,
    due_at       timestamptz,                              -- waiting: not before this
    attempted_at timestamptz NOT NULL,                     -- the last time
    CHECK ((state = 'waiting') = (due_at IS NOT NULL))
);
-- WHERE device_id = ANY ($1) AND due_at > $2: devices that a push service asked to leave alone
CREATE INDEX push_effects_waiting ON push_effects (device_id, due_at) WHERE state = 'waiting';
-- WHERE attempted_at < $1 ORDER BY attempted_at LIMIT $2: what is too old
CREATE INDEX push_effects_by_age ON push_effects (attempted_at);

-- Of which message of a chat a member was last told, until they have read it: what is shown on their
-- devices, and may have to be taken away.
CREATE TABLE push_shown (
    chat_id    uuid   NOT NULL,
    account_id uuid   NOT NULL,
    number     bigint NOT NULL,
    pushed_at  timestamptz NOT NULL,
    PRIMARY KEY (chat_id, account_id)
) WITH (fillfactor = 70);                                  -- updated in place with each message
-- The key that browsers know this installation by, wrapped by the master key. It is made once: with
-- another one every subscription would be void.
CREATE TABLE web_push_key (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    wrapped_key bytea   NOT NULL                           -- PKCS #8
);

GRANT SELECT, INSERT, UPDATE, DELETE ON push_effects, push_shown TO parlance_app;
GRANT SELECT, INSERT ON web_push_key TO parlance_app;
