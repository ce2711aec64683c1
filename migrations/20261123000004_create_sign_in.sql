-- Passwords, as argon2id PHC strings. Never events: a secret must be replaceable and deletable.
CREATE TABLE passwords (
    account_id uuid PRIMARY KEY,
    phc        text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- One row a signed-in device. A refresh token names a session and a generation of it; the tokens
-- themselves are never stored, they are recomputed by HMAC.
CREATE TABLE sessions (
    session_id    uuid PRIMARY KEY,
    account_id    uuid   NOT NULL,
    generation    bigint NOT NULL DEFAULT 1,               -- of the newest refresh token
    parent        bigint NOT NULL DEFAULT 0,               -- the generation it was exchanged for
    refreshed_at  timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,                    -- absolute end, however often refreshed
    revoked_at    timestamptz
);
-- WHERE account_id = $1 AND revoked_at IS NULL ORDER BY refreshed_at
CREATE INDEX sessions_of_account ON sessions (account_id, refreshed_at) WHERE revoked_at IS NULL;
-- WHERE revoked_at > $1: access tokens that must die before they expire
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

-- Keys that sign access tokens, wrapped by the master key.
CREATE TABLE signing_keys (
    kid         text  PRIMARY KEY,                         -- RFC 7638 thumbprint
    wrapped_key bytea NOT NULL,                            -- PKCS #8
    public_jwk  json  NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz
);
