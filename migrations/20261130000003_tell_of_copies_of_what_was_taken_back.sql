-- A copy of a message that its sender has taken back from somebody who had blocked them no longer says
-- to its sender whose it was, and their devices are told. What is there already is brought to where the
-- projectors would have it.
CREATE TEMP VIEW taken_back AS
SELECT c.name AS model, e.position, e.aggregate_id::uuid AS chat_id,
       (e.payload ->> 'number')::bigint AS number, (e.payload ->> 'by')::uuid AS taken_by
FROM public.checkpoints c
JOIN public.events e ON e.position <= c.position
WHERE c.name IN ('chats', 'messages')
  AND e.aggregate_type = 'chat'
  AND e.event_type = 'message_deleted_for_everyone'
  AND (e.payload ->> 'kept')::boolean
  AND NOT EXISTS (
      SELECT FROM public.parked_events p WHERE p.projector = c.name AND p.position = e.position
  );

UPDATE read.messages m
SET changed = t.position
FROM taken_back t
WHERE t.model = 'messages'
  AND m.origin_chat = t.chat_id
  AND m.origin_number = t.number
  AND m.changed < t.position;

UPDATE read.chats c
SET changed = greatest(c.changed, t.position), changed_apart = greatest(c.changed_apart, t.position)
FROM (
    SELECT f.chat_id, t.taken_by, max(t.position) AS position
    FROM taken_back t
    JOIN read.forwards f ON f.origin_chat = t.chat_id AND f.origin_number = t.number
    WHERE t.model = 'chats' AND t.position > f.position
    GROUP BY f.chat_id, t.taken_by
) t
WHERE c.chat_id = t.chat_id AND c.account_id = t.taken_by;

DROP VIEW taken_back;
