-- The role that `parlance serve` takes on: it may add to the log and never change it. The owner of
-- the tables migrates and rebuilds. Roles belong to the whole server, so another database of the
-- same server may have created this one already, or be doing so right now.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'parlance_app') THEN
        CREATE ROLE parlance_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
DO $$
BEGIN
    EXECUTE format('GRANT parlance_app TO %I', current_user);
EXCEPTION WHEN unique_violation OR invalid_grant_operation THEN
    NULL;                                                  -- granted by somebody else just now
END $$;

GRANT USAGE ON SCHEMA public, read TO parlance_app;
GRANT SELECT, INSERT ON events TO parlance_app;
GRANT SELECT, INSERT, UPDATE ON streams, subject_keys, checkpoints, leases, signing_keys TO parlance_app;
GRANT SELECT, UPDATE ON log_head TO parlance_app;
GRANT SELECT, INSERT ON idempotency_keys TO parlance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON claims, snapshots, parked_events, passwords, sessions TO parlance_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA read TO parlance_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA read GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO parlance_app;
