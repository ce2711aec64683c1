-- Everything that a chat can be beyond texts and read pointers. What is there already is brought to
-- where the projectors would have it, so that nothing has to be rebuilt.
--
-- `position` is where in the log something happened, `changed` where it last became something else
-- to see: what a device that was away asks for.

-- Whether others see how far this person has read, and this person how far they have.
ALTER TABLE read.accounts ADD COLUMN read_receipts boolean NOT NULL DEFAULT true;

ALTER TABLE read.chats
    ADD COLUMN changed                     bigint  NOT NULL DEFAULT 0,
    ADD COLUMN changed_apart               bigint  NOT NULL DEFAULT 0,  -- `changed`, apart from read receipts: they may be hidden
    ADD COLUMN delivered_up_to             bigint  NOT NULL DEFAULT 0,  -- never below read_up_to
    ADD COLUMN participant_read_up_to      bigint  NOT NULL DEFAULT 0,  -- as far as this member may be told
    ADD COLUMN participant_delivered_up_to bigint  NOT NULL DEFAULT 0,
    ADD COLUMN cleared_up_to               bigint  NOT NULL DEFAULT 0,
    ADD COLUMN marked_unread               boolean NOT NULL DEFAULT false,
    ADD COLUMN archived                    boolean NOT NULL DEFAULT false,
    ADD COLUMN muted                       boolean NOT NULL DEFAULT false,
    ADD COLUMN muted_until                 timestamptz,                 -- NULL while muted: until it is unmuted
    ADD COLUMN disappearing_days           int,                         -- NULL: messages stay
    ADD COLUMN draft_text                  text,
    ADD COLUMN draft_reply_to              uuid,                        -- a message id
    ADD COLUMN draft_at                    timestamptz;                 -- NULL: no draft

-- What of the log the two read models reflect.
CREATE TEMP VIEW applied_to_chats AS
SELECT e.*
FROM public.events e
WHERE e.position <= (SELECT position FROM public.checkpoints WHERE name = 'chats')
  AND NOT EXISTS (
      SELECT FROM public.parked_events p WHERE p.projector = 'chats' AND p.position = e.position
  );
CREATE TEMP VIEW applied_to_messages AS
SELECT e.*
FROM public.events e
WHERE e.position <= (SELECT position FROM public.checkpoints WHERE name = 'messages')
  AND NOT EXISTS (
      SELECT FROM public.parked_events p WHERE p.projector = 'messages' AND p.position = e.position
  );

UPDATE read.chats c
SET changed = s.changed,
    changed_apart = s.changed,
    delivered_up_to = c.read_up_to,
    participant_read_up_to = s.participant_read_up_to,
    participant_delivered_up_to = s.participant_read_up_to
FROM (
    SELECT own.chat_id,
           own.account_id,
           other.read_up_to AS participant_read_up_to,
           max(e.position) AS changed
    FROM read.chats own
    JOIN read.chats other ON other.chat_id = own.chat_id AND other.account_id = own.participant_id
    JOIN (
        SELECT l.chat_id, l.account_id, e.position
        FROM read.chats l
        JOIN applied_to_chats e ON e.aggregate_type = 'chat' AND e.aggregate_id = l.chat_id::text
        WHERE e.event_type <> 'message_deleted_for_me'
           OR (e.payload ->> 'by')::uuid = l.account_id
        UNION ALL
        SELECT l.chat_id, l.account_id, e.position
        FROM read.chats l
        JOIN applied_to_chats e
            ON e.aggregate_type = 'account' AND e.aggregate_id = l.participant_id::text
        WHERE e.event_type = 'profile_changed'
    ) e ON e.chat_id = own.chat_id AND e.account_id = own.account_id
    GROUP BY own.chat_id, own.account_id, other.read_up_to
) s
WHERE c.chat_id = s.chat_id AND c.account_id = s.account_id;

ALTER TABLE read.chats ALTER COLUMN changed DROP DEFAULT, ALTER COLUMN changed_apart DROP DEFAULT;
-- WHERE account_id = $1 AND changed > $2 ORDER BY changed LIMIT $3
CREATE INDEX chats_by_change ON read.chats (account_id, changed);
-- WHERE account_id = $1 AND … AND activity < $2 ORDER BY activity DESC LIMIT $3, and the totals
CREATE INDEX chats_unread ON read.chats (account_id, activity DESC)
    WHERE (unread_count > 0 OR marked_unread) AND NOT archived;
CREATE INDEX chats_archived ON read.chats (account_id, activity DESC) WHERE archived;
CREATE INDEX chats_muted ON read.chats (account_id, activity DESC) WHERE muted AND NOT archived;

-- When a member cleared a chat, and up to where: a chat as it was needs to know.
CREATE TABLE read.clears (
    chat_id    uuid   NOT NULL,
    account_id uuid   NOT NULL,
    position   bigint NOT NULL,
    up_to      bigint NOT NULL,
    PRIMARY KEY (chat_id, account_id, position)
);

-- Into which chats a message was forwarded: they change when it is deleted for everyone.
CREATE TABLE read.forwards (
    chat_id       uuid   NOT NULL,
    origin_chat   uuid   NOT NULL,
    origin_number bigint NOT NULL,
    position      bigint NOT NULL,                         -- of the first of them
    PRIMARY KEY (chat_id, origin_chat, origin_number)
);
-- WHERE origin_chat = $1 AND origin_number = $2
CREATE INDEX forwards_by_origin ON read.forwards (origin_chat, origin_number);

-- Made anew: every row changes, and an update in place would leave the table twice as large.
ALTER TABLE read.messages RENAME TO messages_of_texts;
ALTER INDEX read.messages_pkey RENAME TO messages_of_texts_pkey;
CREATE TABLE read.messages (
    chat_id           uuid    NOT NULL,
    number            bigint  NOT NULL,
    message_id        uuid    NOT NULL,
    sender_id         uuid    NOT NULL,
    position          bigint  NOT NULL,                    -- of its sending
    changed           bigint  NOT NULL,                    -- as both members see it
    sent_at           timestamptz NOT NULL,
    edited_at         timestamptz,
    deleted_at        timestamptz,                         -- for everyone, or expired; all else is then NULL
    expires_at        timestamptz,
    reply_to          bigint,                              -- a number in the same chat
    origin_chat       uuid,                                -- of a forwarded message: the first of the chain
    origin_number     bigint,
    origin_sender     uuid,
    origin_sent_at    timestamptz,
    hops              int,
    file_id           uuid,
    file_owner        uuid,
    revision          int     NOT NULL DEFAULT 0,          -- how often it was edited, as its recipient sees it
    withheld_revision int,                                 -- what only its sender sees
    withheld          boolean NOT NULL DEFAULT false,      -- its recipient never sees it
    expired           boolean NOT NULL DEFAULT false,
    kind              text    NOT NULL DEFAULT 'text',
    text              text,                                -- or caption; NULL also once erased
    tags              text[],
    reference_type    text,
    reference_id      text,
    action            text,
    action_params     text,                                -- JSON, as are answers: jsonb takes no NUL
    answer            text,
    answered_by       uuid,
    answered_at       timestamptz,
    answer_position   bigint,
    answer_withheld   boolean                              -- only who answered sees it
);
INSERT INTO read.messages (
    chat_id, number, message_id, sender_id, position, changed, sent_at, deleted_at, text
)
SELECT m.chat_id, m.number, m.message_id, m.sender_id,
       sent.position, greatest(sent.position, deleted.position), m.sent_at, m.deleted_at, m.text
FROM read.messages_of_texts m
JOIN applied_to_messages sent
    ON sent.aggregate_type = 'chat'
   AND sent.event_type = 'text_sent'
   AND sent.aggregate_id = m.chat_id::text
   AND (sent.payload ->> 'number')::bigint = m.number
LEFT JOIN applied_to_messages deleted
    ON deleted.aggregate_type = 'chat'
   AND deleted.event_type = 'message_deleted_for_everyone'
   AND deleted.aggregate_id = m.chat_id::text
   AND (deleted.payload ->> 'number')::bigint = m.number
ORDER BY sent.position;
-- WHERE chat_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3
ALTER TABLE read.messages ADD CONSTRAINT messages_pkey PRIMARY KEY (chat_id, number);
-- WHERE message_id = $1 AND chat_id = $2. Ids are mostly of version 7: new ones come at the end.
CREATE INDEX messages_by_id ON read.messages (message_id, chat_id);
-- WHERE chat_id = $1 AND (changed, number) > ($2, $3) ORDER BY changed, number LIMIT $4
CREATE INDEX messages_by_change ON read.messages (chat_id, changed, number);
-- WHERE file_id = $1: who may fetch a file
CREATE INDEX messages_by_file ON read.messages (file_id) WHERE file_id IS NOT NULL;
-- WHERE origin_chat = $1 AND origin_number = $2
CREATE INDEX messages_by_origin ON read.messages (origin_chat, origin_number)
    WHERE origin_chat IS NOT NULL;

-- What only one member sees of a message: the other is not to learn of a star, nor sync for it.
CREATE TABLE read.message_marks (
    chat_id    uuid   NOT NULL,
    number     bigint NOT NULL,
    account_id uuid   NOT NULL,
    changed    bigint NOT NULL,                            -- as this member sees it, not as both do
    hidden     bigint,                                     -- position: deleted for oneself
    starred    bigint,                                     -- position
    starred_at timestamptz,
    PRIMARY KEY (chat_id, number, account_id)
);
INSERT INTO read.message_marks (chat_id, number, account_id, changed, hidden)
SELECT m.chat_id, m.number, (e.payload ->> 'by')::uuid, e.position, e.position
FROM applied_to_messages e
JOIN read.messages_of_texts m
    ON m.chat_id::text = e.aggregate_id AND m.number = (e.payload ->> 'number')::bigint
WHERE e.aggregate_type = 'chat'
  AND e.event_type = 'message_deleted_for_me'
  AND (e.payload ->> 'by')::uuid = ANY (m.hidden_for);
-- WHERE chat_id = $1 AND account_id = $2 AND (changed, number) > ($3, $4) ORDER BY changed, number
-- LIMIT $5
CREATE INDEX message_marks_by_change
    ON read.message_marks (chat_id, account_id, changed, number);
-- WHERE account_id = $1 AND starred < $2 ORDER BY starred DESC LIMIT $3
CREATE INDEX message_marks_starred ON read.message_marks (account_id, starred DESC)
    WHERE starred IS NOT NULL;
DROP TABLE read.messages_of_texts;

-- Every wording of an edited message, the original as revision 0. None of a message that was not
-- edited, or is deleted.
CREATE TABLE read.message_revisions (
    chat_id   uuid    NOT NULL,
    number    bigint  NOT NULL,
    revision  int     NOT NULL,
    position  bigint  NOT NULL,
    edited_at timestamptz NOT NULL,                        -- of revision 0: when it was sent
    withheld  boolean NOT NULL,                            -- only its sender sees it
    text      text,
    tags      text[],
    PRIMARY KEY (chat_id, number, revision)
);

-- Reactions, those of the past too: a chat as it was shows them. A position until which nobody saw
-- one (`shown_until = position`) means that it was withheld.
CREATE TABLE read.reactions (
    chat_id     uuid   NOT NULL,
    number      bigint NOT NULL,
    account_id  uuid   NOT NULL,
    position    bigint NOT NULL,
    until       bigint,                                    -- for who reacted; NULL: still there
    shown_until bigint,                                    -- for the other member
    reacted_at  timestamptz NOT NULL,
    emoji       text,                                      -- NULL once erased
    PRIMARY KEY (chat_id, number, account_id, position)
);
-- WHERE chat_id = $1 AND number = $2, those that somebody sees now
CREATE INDEX reactions_now ON read.reactions (chat_id, number)
    WHERE until IS NULL OR shown_until IS NULL;

-- Pinned messages, those of the past too.
CREATE TABLE read.pins (
    chat_id   uuid   NOT NULL,
    number    bigint NOT NULL,
    position  bigint NOT NULL,
    until     bigint,                                      -- NULL: still pinned
    pinned_by uuid   NOT NULL,
    pinned_at timestamptz NOT NULL,
    PRIMARY KEY (chat_id, number, position)
);
-- WHERE chat_id = $1 AND until IS NULL [AND number = $2]: at most 50
CREATE INDEX pins_now ON read.pins (chat_id, number) WHERE until IS NULL;

-- Who has blocked whom. The chat between the two need not have been opened.
CREATE TABLE read.blocks (
    chat_id    uuid   NOT NULL,
    account_id uuid   NOT NULL,                            -- who blocks
    blocked_id uuid   NOT NULL,
    position   bigint NOT NULL,
    blocked_at timestamptz NOT NULL,
    PRIMARY KEY (chat_id, account_id)
);
-- WHERE account_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3
CREATE INDEX blocks_by_account ON read.blocks (account_id, position DESC);

-- Reports to the moderators. What was seen stays sealed in the log, at `position`.
CREATE TABLE read.reports (
    report_id   uuid   PRIMARY KEY,
    chat_id     uuid   NOT NULL,
    message_id  uuid   NOT NULL,
    number      bigint NOT NULL,
    reporter_id uuid   NOT NULL,
    position    bigint NOT NULL,
    reported_at timestamptz NOT NULL
);
-- WHERE position < $1 ORDER BY position DESC LIMIT $2
CREATE INDEX reports_by_position ON read.reports (position DESC);

-- The log so far tells of neither.
INSERT INTO public.checkpoints (name, position)
SELECT name, position
FROM public.log_head
CROSS JOIN (VALUES ('blocks'), ('reports')) AS model (name)
WHERE position > 0;

DROP VIEW applied_to_chats, applied_to_messages;
