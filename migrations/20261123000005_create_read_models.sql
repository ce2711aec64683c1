-- Read models: what queries answer from. Everything here can be dropped and built again from the
-- log. They have a schema of their own, so that a rebuild can fill the same tables beside them
-- (schema `rebuild`) and change places in one transaction.
CREATE SCHEMA read;

-- GET /v1/accounts/{id}, and who stands in a chat list: WHERE account_id = ANY ($1)
CREATE TABLE read.accounts (
    account_id    uuid PRIMARY KEY,
    username      text,                                    -- NULL once erased
    display_name  text,
    email         text,
    registered_at timestamptz NOT NULL
);

-- One row a chat and member: each sees the chat from their own side.
CREATE TABLE read.chats (
    account_id     uuid    NOT NULL,                       -- whose list this row is in
    chat_id        uuid    NOT NULL,
    participant_id uuid    NOT NULL,                       -- the other member
    total_messages bigint  NOT NULL DEFAULT 0,             -- the number of the last message
    unread_count   bigint  NOT NULL DEFAULT 0,
    read_up_to     bigint  NOT NULL DEFAULT 0,
    active         boolean NOT NULL DEFAULT true,
    opened_at      timestamptz NOT NULL,
    activity       bigint  NOT NULL,                       -- position of the last message, or of the opening
    PRIMARY KEY (chat_id, account_id)
) WITH (fillfactor = 70);
-- WHERE account_id = $1 AND activity < $2 ORDER BY activity DESC LIMIT $3
CREATE INDEX chats_by_activity ON read.chats (account_id, activity DESC);

-- WHERE chat_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3
CREATE TABLE read.messages (
    chat_id    uuid    NOT NULL,
    number     bigint  NOT NULL,
    message_id uuid    NOT NULL,
    sender_id  uuid    NOT NULL,
    text       text,                                       -- NULL: deleted for everyone, or erased
    sent_at    timestamptz NOT NULL,
    deleted_at timestamptz,
    hidden_for uuid[]  NOT NULL DEFAULT '{}',              -- who deleted it for themselves: 0 to 2 members
    PRIMARY KEY (chat_id, number)
);
