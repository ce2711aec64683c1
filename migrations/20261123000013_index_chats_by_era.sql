-- A message changes two rows of read.chats, and with them what every index of the table was ordered
-- by: each kept another entry for each message. PostgreSQL leaves all indexes alone as long as no
-- indexed column becomes another value, so lists are indexed by what seldom does: the era, 65,536
-- positions of the log, in which a chat was last active or changed. Within an era the few chats that
-- one person has there are sorted as they are read.
--
-- Writes read.chats anew, some seconds a million rows. Reads of chats and their projector wait
-- meanwhile; nothing that is sent does.
DROP INDEX read.chats_by_activity, read.chats_by_change, read.chats_unread, read.chats_archived,
    read.chats_muted;
ALTER TABLE read.chats
    ADD COLUMN activity_era bigint  NOT NULL GENERATED ALWAYS AS (activity >> 16) STORED,
    ADD COLUMN changed_era  bigint  NOT NULL GENERATED ALWAYS AS (changed >> 16) STORED,
    ADD COLUMN unread       boolean NOT NULL
        GENERATED ALWAYS AS ((unread_count > 0 OR marked_unread) AND NOT archived) STORED;

-- WHERE account_id = $1 AND activity_era <= $2 >> 16 AND activity < $2
-- ORDER BY activity_era DESC, activity DESC LIMIT $3
CREATE INDEX chats_by_activity ON read.chats (account_id, activity_era DESC);
-- WHERE account_id = $1 AND changed_era >= $2 >> 16 AND changed >= $2
CREATE INDEX chats_by_change ON read.chats (account_id, changed_era);
-- WHERE account_id = $1 AND … as by activity, and the totals
CREATE INDEX chats_unread ON read.chats (account_id, activity_era DESC) WHERE unread;
CREATE INDEX chats_archived ON read.chats (account_id, activity_era DESC) WHERE archived;
CREATE INDEX chats_muted ON read.chats (account_id, activity_era DESC) WHERE muted AND NOT archived;
