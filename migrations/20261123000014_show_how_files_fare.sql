-- Files: to how many messages each is attached, and in which chats each was sent. Whoever sent a file
-- sees it in messages from then on; and a chat changes when a file in it is published, rejected or
-- removed. What is there already is brought to where the projectors would have it.

ALTER TABLE read.files ADD COLUMN attachments int NOT NULL DEFAULT 0;

-- In which chats which member was shown a file: they change with it.
CREATE TABLE read.attachments (
    chat_id    uuid   NOT NULL,
    account_id uuid   NOT NULL,
    file_id    uuid   NOT NULL,
    position   bigint NOT NULL,                            -- of the first message with it
    PRIMARY KEY (chat_id, account_id, file_id)
);
-- WHERE file_id = ANY ($1)
CREATE INDEX attachments_by_file ON read.attachments (file_id);

-- What of the log each read model reflects.
CREATE TEMP VIEW applied AS
SELECT c.name AS model, e.*
FROM public.checkpoints c
JOIN public.events e ON e.position <= c.position
WHERE c.name IN ('chats', 'messages', 'files')
  AND NOT EXISTS (
      SELECT FROM public.parked_events p WHERE p.projector = c.name AND p.position = e.position
  );

UPDATE read.files f
SET attachments = l.attachments
FROM (
    SELECT DISTINCT ON (file_id)
           (payload ->> 'file_id')::uuid AS file_id, (payload ->> 'attachments')::int AS attachments
    FROM applied
    WHERE model = 'files'
      AND aggregate_type = 'library'
      AND event_type IN ('file_attached', 'file_released')
    ORDER BY file_id, position DESC
) l
WHERE f.file_id = l.file_id;

INSERT INTO read.attachments (chat_id, account_id, file_id, position)
SELECT e.aggregate_id::uuid, s.account_id::uuid, (e.payload #>> '{content,file,file_id}')::uuid,
       min(e.position)
FROM applied e
CROSS JOIN LATERAL (
    VALUES (e.payload ->> 'sender'),
           (CASE WHEN e.payload ->> 'withheld' = 'true' THEN NULL ELSE e.payload ->> 'recipient' END)
) AS s (account_id)
WHERE e.model = 'chats'
  AND e.aggregate_type = 'chat'
  AND e.event_type = 'message_sent'
  AND e.payload #>> '{content,file,file_id}' IS NOT NULL
  AND s.account_id IS NOT NULL
GROUP BY 1, 2, 3;

-- When what a file shows last changed.
CREATE TEMP VIEW fared AS
SELECT model, (payload ->> 'file_id')::uuid AS file_id, max(position) AS position
FROM applied
WHERE aggregate_type = 'library'
  AND event_type IN ('file_published', 'file_rejected', 'file_removed')
GROUP BY model, payload ->> 'file_id';

UPDATE read.messages m
SET changed = f.position
FROM fared f
WHERE f.model = 'messages' AND f.file_id = m.file_id AND f.position > m.changed;

UPDATE read.chats c
SET changed = greatest(c.changed, f.position), changed_apart = greatest(c.changed_apart, f.position)
FROM (
    SELECT a.chat_id, a.account_id, max(f.position) AS position
    FROM read.attachments a
    JOIN fared f ON f.model = 'chats' AND f.file_id = a.file_id AND f.position > a.position
    GROUP BY a.chat_id, a.account_id
) f
WHERE f.chat_id = c.chat_id AND f.account_id = c.account_id;

DROP VIEW fared, applied;
