-- A projector remembers what is parked instead of reading it in every transaction. It moves its
-- checkpoint by compare-and-swap on the position and on this count, which every change to its
-- parked events raises, whoever makes it: so it never goes by what no longer holds.
ALTER TABLE checkpoints ADD COLUMN parked_changes bigint NOT NULL DEFAULT 0;

CREATE FUNCTION parked_events_count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE checkpoints SET parked_changes = parked_changes + 1
    WHERE name IN (SELECT projector FROM changed);
    RETURN NULL;
END $$;
CREATE TRIGGER parked_events_inserted
    AFTER INSERT ON parked_events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION parked_events_count_change();
CREATE TRIGGER parked_events_updated
    AFTER UPDATE ON parked_events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION parked_events_count_change();
CREATE TRIGGER parked_events_deleted
    AFTER DELETE ON parked_events REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION parked_events_count_change();
