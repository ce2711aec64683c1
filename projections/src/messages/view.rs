//! What a message shows to one member of its chat: decided here, for every query.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::files::{self, FileView};

/// A message as one member of its chat sees it.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    pub message_id: Uuid,
    pub chat_id: Uuid,
    pub number: i64,
    pub sender_id: Uuid,
    /// Of its sending.
    pub position: i64,
    pub sent_at: DateTime<Utc>,
    /// `text`, `file`, `image` or `actionable`.
    pub kind: String,
    /// Text or caption. `None` also once its sender is erased.
    pub text: Option<String>,
    pub tags: Vec<String>,
    pub file: Option<AttachmentView>,
    pub action: Option<ActionView>,
    pub answer: Option<AnswerView>,
    pub reply: Option<QuoteView>,
    pub reference: Option<ReferenceView>,
    pub forwarded: Option<ForwardedView>,
    pub expires_at: Option<DateTime<Utc>>,
    /// The how manieth edit this wording is; 0 for what was sent.
    pub revision: i32,
    pub edited_at: Option<DateTime<Utc>>,
    /// At most one of each member, the oldest first.
    pub reactions: Vec<ReactionView>,
    pub pinned: bool,
    /// By the caller.
    pub starred: bool,
    /// For everyone, or expired: besides who, when and which number nothing is left.
    pub deleted: bool,
    pub expired: bool,
}

/// The file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentView {
    pub file_id: Uuid,
    /// Whose library it is in.
    pub owner_id: Uuid,
    /// `None` while the directory of files has not met it, and once it is removed.
    pub details: Option<FileView>,
}

/// What an actionable message asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionView {
    pub name: String,
    /// `None` once its sender is erased.
    pub params: Option<Value>,
}

/// What an actionable message was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerView {
    pub account_id: Uuid,
    /// `None` once who answered is erased.
    pub answer: Option<Value>,
    pub answered_at: DateTime<Utc>,
}

/// The message that a message answers, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteView {
    pub message_id: Uuid,
    pub number: i64,
    pub sender_id: Uuid,
    pub kind: String,
    /// Its first 200 characters.
    pub text: Option<String>,
    /// For everyone or for the caller, or never theirs to see.
    pub deleted: bool,
}

/// Something in the app that a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceView {
    pub kind: String,
    pub id: String,
}

/// Where a forwarded message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedView {
    pub sender_id: Uuid,
    pub sent_at: DateTime<Utc>,
    pub hops: i32,
    pub origin_chat: Uuid,
    pub origin_number: i64,
    /// The origin is gone: nobody is to be told whose it was, nor when it was sent.
    pub withheld: bool,
}

/// What somebody feels about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionView {
    pub account_id: Uuid,
    pub emoji: String,
    pub reacted_at: DateTime<Utc>,
}

/// A row of [`messages!`].
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
pub(super) struct Row {
    /// Who sees it so.
    pub(super) viewer: Uuid,
    pub(super) chat_id: Uuid,
    pub(super) number: i64,
    pub(super) message_id: Uuid,
    pub(super) sender_id: Uuid,
    pub(super) position: i64,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) kind: String,
    pub(super) deleted: bool,
    pub(super) expired: bool,
    pub(super) text: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) revision: i32,
    pub(super) edited_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) file_id: Option<Uuid>,
    pub(super) file_owner: Option<Uuid>,
    pub(super) action: Option<String>,
    pub(super) action_params: Option<String>,
    pub(super) reference_type: Option<String>,
    pub(super) reference_id: Option<String>,
    pub(super) answer: Option<String>,
    pub(super) answered_by: Option<Uuid>,
    pub(super) answered_at: Option<DateTime<Utc>>,
    pub(super) quoted_id: Option<Uuid>,
    pub(super) quoted_number: Option<i64>,
    pub(super) quoted_sender: Option<Uuid>,
    pub(super) quoted_kind: Option<String>,
    pub(super) quoted_text: Option<String>,
    pub(super) quoted_is_there: Option<bool>,
    pub(super) origin_chat: Option<Uuid>,
    pub(super) origin_number: Option<i64>,
    pub(super) origin_sender: Option<Uuid>,
    pub(super) origin_sent_at: Option<DateTime<Utc>>,
    pub(super) hops: Option<i32>,
    pub(super) origin_is_there: Option<bool>,
    pub(super) starred: bool,
    pub(super) pinned: bool,
    pub(super) reaction_accounts: Option<Vec<Uuid>>,
    pub(super) reaction_emojis: Option<Vec<String>>,
    pub(super) reaction_times: Option<Vec<DateTime<Utc>>>,
}

/// The one SELECT of messages as members see them. `$keys` is a SELECT of `account_id`, the member, and
/// of `chat_id` and `number` of messages in chats of theirs; whether they see those the caller has
/// asked. `$1` is the time, and what follows is the caller's. By ascending number within each chat.
///
/// The messages are looked up one by one: a plain join may be planned by chat alone, and a chat may
/// have 100,000 of them.
macro_rules! messages {
    ($keys:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::messages::view::Row,
            "WITH k AS (" + $keys + r#")
            SELECT k.account_id AS "viewer!",
                   m.chat_id AS "chat_id!",
                   m.number AS "number!",
                   m.message_id AS "message_id!",
                   m.sender_id AS "sender_id!",
                   m.position AS "position!",
                   m.sent_at AS "sent_at!",
                   m.kind AS "kind!",
                   m.deleted_at IS NOT NULL
                       OR coalesce(m.expires_at <= $1, false)
                       OR (m.taken_back_at IS NOT NULL AND m.sender_id = k.account_id) AS "deleted!",
                   (m.expired OR coalesce(m.expires_at <= $1, false))
                       AND (m.taken_back_at IS NULL OR m.sender_id <> k.account_id) AS "expired!",
                   CASE WHEN w.revision IS NULL THEN m.text ELSE w.text END AS "text?",
                   CASE WHEN w.revision IS NULL THEN m.tags ELSE w.tags END AS "tags?",
                   coalesce(w.revision, m.revision) AS "revision!",
                   coalesce(w.edited_at, m.edited_at) AS "edited_at?",
                   m.expires_at AS "expires_at?",
                   m.file_id AS "file_id?",
                   m.file_owner AS "file_owner?",
                   m.action AS "action?",
                   m.action_params AS "action_params?",
                   m.reference_type AS "reference_type?",
                   m.reference_id AS "reference_id?",
                   m.answer AS "answer?",
                   CASE WHEN NOT m.answer_withheld OR m.answered_by = k.account_id
                        THEN m.answered_by END AS "answered_by?",
                   m.answered_at AS "answered_at?",
                   q.message_id AS "quoted_id?",
                   q.number AS "quoted_number?",
                   q.sender_id AS "quoted_sender?",
                   q.kind AS "quoted_kind?",
                   left(CASE WHEN qw.revision IS NULL THEN q.text ELSE qw.text END, 200)
                       AS "quoted_text?",
                   q.deleted_at IS NULL
                       AND coalesce(q.expires_at > $1, true)
                       AND q.number > c.cleared_up_to
                       AND qk.hidden IS NULL
                       AND (NOT q.withheld OR q.sender_id = k.account_id)
                       AND (q.taken_back_at IS NULL OR q.sender_id <> k.account_id) AS "quoted_is_there?",
                   m.origin_chat AS "origin_chat?",
                   m.origin_number AS "origin_number?",
                   m.origin_sender AS "origin_sender?",
                   m.origin_sent_at AS "origin_sent_at?",
                   m.hops AS "hops?",
                   o.number IS NOT NULL
                       AND o.deleted_at IS NULL
                       AND coalesce(o.expires_at > $1, true)
                       AND (o.taken_back_at IS NULL OR o.sender_id <> k.account_id) AS "origin_is_there?",
                   own.starred IS NOT NULL AS "starred!",
                   EXISTS (
                       SELECT FROM pins p
                       WHERE p.chat_id = m.chat_id
                         AND p.number = m.number
                         AND (p.until IS NULL OR p.shown_until IS NULL)
                         AND CASE WHEN p.pinned_by = k.account_id THEN p.until ELSE p.shown_until END IS NULL
                   ) AS "pinned!",
                   r.accounts AS "reaction_accounts?",
                   r.emojis AS "reaction_emojis?",
                   r.times AS "reaction_times?"
            FROM k
            CROSS JOIN LATERAL (
                SELECT * FROM messages WHERE chat_id = k.chat_id AND number = k.number LIMIT 1
            ) m
            CROSS JOIN LATERAL (
                SELECT cleared_up_to FROM chats
                WHERE chat_id = k.chat_id AND account_id = k.account_id
                LIMIT 1
            ) c
            LEFT JOIN message_revisions w
                ON m.sender_id = k.account_id
               AND w.chat_id = m.chat_id
               AND w.number = m.number
               AND w.revision = m.withheld_revision
            LEFT JOIN messages q ON q.chat_id = m.chat_id AND q.number = m.reply_to
            LEFT JOIN message_revisions qw
                ON q.sender_id = k.account_id
               AND qw.chat_id = q.chat_id
               AND qw.number = q.number
               AND qw.revision = q.withheld_revision
            LEFT JOIN message_marks qk
                ON qk.chat_id = m.chat_id AND qk.number = m.reply_to AND qk.account_id = k.account_id
            LEFT JOIN messages o ON o.chat_id = m.origin_chat AND o.number = m.origin_number
            LEFT JOIN message_marks own
                ON own.chat_id = m.chat_id AND own.number = m.number AND own.account_id = k.account_id
            LEFT JOIN LATERAL (
                SELECT array_agg(r.account_id ORDER BY r.position) AS accounts,
                       array_agg(r.emoji ORDER BY r.position) AS emojis,
                       array_agg(r.reacted_at ORDER BY r.position) AS times
                FROM reactions r
                WHERE r.chat_id = m.chat_id
                  AND r.number = m.number
                  AND (r.until IS NULL OR r.shown_until IS NULL)
                  AND CASE WHEN r.account_id = k.account_id THEN r.until ELSE r.shown_until END IS NULL
                  AND r.emoji IS NOT NULL
            ) r ON true
            ORDER BY m.chat_id, m.number"#,
            $($argument),+
        )
    };
}
pub(super) use messages;

/// The views of `rows`, with their files.
pub(super) async fn views(db: &mut PgConnection, rows: Vec<Row>) -> sqlx::Result<Vec<MessageView>> {
    let mut views = rows.into_iter().map(Row::view).collect::<sqlx::Result<Vec<_>>>()?;
    let ids: Vec<_> = views.iter().filter_map(|it| it.file.as_ref()).map(|it| it.file_id).collect();
    let files = files::by_ids(&mut *db, &ids).await?;
    for attachment in views.iter_mut().filter_map(|it| it.file.as_mut()) {
        attachment.details = files.get(&attachment.file_id).cloned();
    }
    Ok(views)
}

impl Row {
    fn view(self) -> sqlx::Result<MessageView> {
        let tombstone = MessageView {
            message_id: self.message_id,
            chat_id: self.chat_id,
            number: self.number,
            sender_id: self.sender_id,
            position: self.position,
            sent_at: self.sent_at,
            kind: self.kind.clone(),
            text: None,
            tags: vec![],
            file: None,
            action: None,
            answer: None,
            reply: None,
            reference: None,
            forwarded: None,
            expires_at: None,
            revision: 0,
            edited_at: None,
            reactions: vec![],
            pinned: false,
            starred: false,
            deleted: self.deleted,
            expired: self.expired,
        };
        if self.deleted {
            return Ok(tombstone);
        }
        Ok(MessageView {
            file: self.file(),
            action: self.action()?,
            answer: self.answer()?,
            reply: self.reply(),
            forwarded: self.forwarded(),
            text: self.text,
            tags: self.tags.unwrap_or_default(),
            reference: self
                .reference_type
                .zip(self.reference_id)
                .map(|(kind, id)| ReferenceView { kind, id }),
            expires_at: self.expires_at,
            revision: self.revision,
            edited_at: self.edited_at,
            reactions: reactions(self.reaction_accounts, self.reaction_emojis, self.reaction_times),
            pinned: self.pinned,
            starred: self.starred,
            ..tombstone
        })
    }

    fn file(&self) -> Option<AttachmentView> {
        let (file_id, owner_id) = self.file_id.zip(self.file_owner)?;
        Some(AttachmentView { file_id, owner_id, details: None })
    }

    fn action(&self) -> sqlx::Result<Option<ActionView>> {
        let Some(name) = self.action.clone() else { return Ok(None) };
        Ok(Some(ActionView { name, params: json(self.action_params.as_deref())? }))
    }

    fn answer(&self) -> sqlx::Result<Option<AnswerView>> {
        let Some((account_id, answered_at)) = self.answered_by.zip(self.answered_at) else {
            return Ok(None);
        };
        let answer = json(self.answer.as_deref())?;
        Ok(Some(AnswerView { account_id, answer, answered_at }))
    }

    fn reply(&self) -> Option<QuoteView> {
        let is_there = self.quoted_is_there.unwrap_or_default();
        Some(QuoteView {
            message_id: self.quoted_id?,
            number: self.quoted_number?,
            sender_id: self.quoted_sender?,
            kind: self.quoted_kind.clone()?,
            text: self.quoted_text.clone().filter(|_| is_there),
            deleted: !is_there,
        })
    }

    fn forwarded(&self) -> Option<ForwardedView> {
        Some(ForwardedView {
            sender_id: self.origin_sender?,
            sent_at: self.origin_sent_at?,
            hops: self.hops?,
            origin_chat: self.origin_chat?,
            origin_number: self.origin_number?,
            withheld: !self.origin_is_there.unwrap_or_default(),
        })
    }
}

fn json(text: Option<&str>) -> sqlx::Result<Option<Value>> {
    let read = |it| serde_json::from_str(it).map_err(|error| sqlx::Error::Decode(error.into()));
    text.map(read).transpose()
}

fn reactions(
    accounts: Option<Vec<Uuid>>,
    emojis: Option<Vec<String>>,
    times: Option<Vec<DateTime<Utc>>>,
) -> Vec<ReactionView> {
    let accounts = accounts.unwrap_or_default().into_iter();
    let rest = emojis.unwrap_or_default().into_iter().zip(times.unwrap_or_default());
    accounts
        .zip(rest)
        .map(|(account_id, (emoji, reacted_at))| ReactionView { account_id, emoji, reacted_at })
        .collect()
}
