-- What a member does while the other has blocked them shows on their own side alone: pins and
-- deletions too. And messages whose time is up are unread for nobody, before they are removed.

ALTER TABLE read.messages
    ADD COLUMN taken_back_at timestamptz;                  -- deleted by its sender; its recipient, who had blocked them, goes on seeing it
-- WHERE chat_id = $1 AND sender_id = $2 AND withheld AND number <= $3: what never reached the other
CREATE INDEX messages_withheld ON read.messages (chat_id, sender_id, number) WHERE withheld;

-- `until` is for who pinned. A position until which the other member did not see it
-- (`shown_until = position`) means that it was withheld.
ALTER TABLE read.pins ADD COLUMN shown_until bigint;
UPDATE read.pins SET shown_until = until WHERE until IS NOT NULL;
-- WHERE chat_id = $1 [AND number = $2], those that somebody sees now: at most 100
DROP INDEX read.pins_now;
CREATE INDEX pins_now ON read.pins (chat_id, number) WHERE until IS NULL OR shown_until IS NULL;

-- Messages that are to disappear, for whom they may be unread. Here, not in `messages`: a count is
-- exact only together with what it is taken from.
CREATE TABLE read.expiring (
    chat_id    uuid   NOT NULL,
    number     bigint NOT NULL,
    account_id uuid   NOT NULL,                            -- the recipient
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (chat_id, number)
);
-- WHERE chat_id = $1 AND account_id = $2 AND expires_at <= $3
CREATE INDEX expiring_by_time ON read.expiring (chat_id, account_id, expires_at);

WITH applied AS MATERIALIZED (
    SELECT e.aggregate_id::uuid AS chat_id, e.event_type, e.payload
    FROM public.events e
    WHERE e.aggregate_type = 'chat'
      AND e.event_type IN (
          'message_sent', 'message_deleted_for_me', 'message_deleted_for_everyone',
          'messages_expired'
      )
      AND e.position <= (SELECT position FROM public.checkpoints WHERE name = 'chats')
      AND NOT EXISTS (
          SELECT
          FROM public.parked_events p
          WHERE p.projector = 'chats' AND p.position = e.position
      )
), gone AS (
    SELECT chat_id, (payload ->> 'number')::bigint AS number
    FROM applied
    WHERE event_type = 'message_deleted_for_everyone'
       OR event_type = 'message_deleted_for_me' AND (payload ->> 'was_unread')::boolean
    UNION ALL
    SELECT chat_id, json_array_elements_text(payload -> 'numbers')::bigint
    FROM applied
    WHERE event_type = 'messages_expired'
)
INSERT INTO read.expiring (chat_id, number, account_id, expires_at)
SELECT chat_id,
       (payload ->> 'number')::bigint,
       (payload ->> 'recipient')::uuid,
       (payload ->> 'expires_at')::timestamptz
FROM applied a
WHERE event_type = 'message_sent'
  AND payload ->> 'expires_at' IS NOT NULL
  AND NOT coalesce((payload ->> 'withheld')::boolean, false)
  AND NOT EXISTS (
      SELECT
      FROM gone g
      WHERE g.chat_id = a.chat_id AND g.number = (a.payload ->> 'number')::bigint
  );
