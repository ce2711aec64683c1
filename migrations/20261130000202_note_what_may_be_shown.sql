-- A push that is on its way, or whose answer was lost, may be shown as well. So its number is written down
-- before it is sent: what is read or deleted meanwhile is taken away all the same. What a push service has
-- taken stands beside it: it says of what somebody was told, and when.
ALTER TABLE push_shown
    ADD COLUMN told bigint NOT NULL DEFAULT 0, -- the last message that a push service has taken
    ALTER COLUMN pushed_at DROP NOT NULL;      -- when it took that
UPDATE push_shown SET told = number;
