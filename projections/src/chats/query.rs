use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::accounts::{AccountView, audience};
use crate::messages::{self, MessageView};

/// A chat as one of its members sees it.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatView {
    pub chat_id: Uuid,
    /// The other member. One the directory has not met yet reads like one that was erased, and as
    /// registered when the chat was opened at the latest.
    pub participant: AccountView,
    /// The latest that the member sees.
    pub last_message: Option<MessageView>,
    pub unread_count: i64,
    pub marked_unread: bool,
    pub read_up_to: i64,
    /// Never below `read_up_to`.
    pub delivered_up_to: i64,
    /// `None` when one of the two hides how far they have read.
    pub participant_read_up_to: Option<i64>,
    pub participant_delivered_up_to: i64,
    /// The first and last numbers of messages up to there that never reached the participant.
    pub participant_missed: Vec<(i64, i64)>,
    /// The number of the last message that the member was sent or sent.
    pub total_messages: i64,
    /// Messages up to this number are deleted for the member.
    pub cleared_up_to: i64,
    pub active: bool,
    pub archived: bool,
    pub muted: bool,
    /// `None` while muted: until it is unmuted.
    pub muted_until: Option<DateTime<Utc>>,
    /// After how many days messages disappear.
    pub disappearing_days: Option<i32>,
    pub draft: Option<DraftView>,
    /// The member has blocked the participant.
    pub blocked: bool,
    /// Position of the last message, or of the opening: no two chats of a list share it.
    pub activity: i64,
}

/// What the member was about to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftView {
    pub text: Option<String>,
    /// A message id.
    pub reply_to: Option<Uuid>,
    pub saved_at: DateTime<Utc>,
}

/// Which chats of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// Those that are not archived.
    #[default]
    Active,
    All,
    /// With unread messages or marked as unread, and not archived.
    Unread,
    Archived,
    /// And not archived.
    Muted,
}

/// What is unread in all chats that are not archived, muted ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// With unread messages, or marked as unread.
    pub unread_chats: i64,
    pub unread_messages: i64,
}

#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
struct Row {
    /// Who sees it so.
    account_id: Uuid,
    chat_id: Uuid,
    participant_id: Uuid,
    unread_count: i64,
    marked_unread: bool,
    read_up_to: i64,
    delivered_up_to: i64,
    participant_read_up_to: Option<i64>,
    participant_delivered_up_to: i64,
    missed_from: Option<Vec<i64>>,
    missed_to: Option<Vec<i64>>,
    total_messages: i64,
    cleared_up_to: i64,
    active: bool,
    archived: bool,
    muted: bool,
    muted_until: Option<DateTime<Utc>>,
    disappearing_days: Option<i32>,
    draft_text: Option<String>,
    draft_reply_to: Option<Uuid>,
    draft_at: Option<DateTime<Utc>>,
    blocked: bool,
    activity: i64,
    username: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    registered_at: DateTime<Utc>,
    read_receipts: bool,
    presence_shown_to: Option<String>,
    last: Option<i64>,
}

impl Row {
    fn view(self, last_message: Option<MessageView>) -> ChatView {
        let (text, reply_to) = (self.draft_text, self.draft_reply_to);
        let missed = self.missed_from.into_iter().flatten();
        let missed = missed.zip(self.missed_to.into_iter().flatten());
        ChatView {
            chat_id: self.chat_id,
            participant: AccountView {
                account_id: self.participant_id,
                username: self.username,
                display_name: self.display_name,
                email: self.email,
                registered_at: self.registered_at,
                read_receipts: self.read_receipts,
                presence_shown_to: audience::of(self.presence_shown_to.as_deref()),
            },
            last_message,
            unread_count: self.unread_count,
            marked_unread: self.marked_unread,
            read_up_to: self.read_up_to,
            delivered_up_to: self.delivered_up_to,
            participant_read_up_to: self.participant_read_up_to,
            participant_delivered_up_to: self.participant_delivered_up_to,
            participant_missed: missed.collect(),
            total_messages: self.total_messages,
            cleared_up_to: self.cleared_up_to,
            active: self.active,
            archived: self.archived,
            muted: self.muted,
            muted_until: self.muted_until.filter(|_| self.muted),
            disappearing_days: self.disappearing_days,
            draft: self.draft_at.map(|saved_at| DraftView { text, reply_to, saved_at }),
            blocked: self.blocked,
            activity: self.activity,
        }
    }
}

/// The one SELECT of chats `c`, with the tables and clauses that say which. `$1` is the time. Chosen
/// first, so that what belongs to a chat is looked up for those that are shown alone. The latest
/// activity comes first.
macro_rules! rows {
    ([$($which:tt)+], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT c.account_id,
                      c.chat_id,
                      c.participant_id,
                      c.unread_count - due.messages AS "unread_count!",
                      c.marked_unread,
                      c.read_up_to,
                      c.delivered_up_to,
                      CASE WHEN coalesce(a.read_receipts, true) AND coalesce(own.read_receipts, true)
                           THEN c.participant_read_up_to END AS "participant_read_up_to?",
                      c.participant_delivered_up_to,
                      missed.from AS "missed_from?",
                      missed.to AS "missed_to?",
                      c.total_messages,
                      c.cleared_up_to,
                      c.active,
                      c.archived,
                      c.muted AND coalesce(c.muted_until > $1, true) AS "muted!",
                      c.muted_until,
                      c.disappearing_days,
                      c.draft_text,
                      c.draft_reply_to,
                      c.draft_at,
                      b.account_id IS NOT NULL AS "blocked!",
                      c.activity,
                      a.username AS "username?",
                      a.display_name AS "display_name?",
                      a.email AS "email?",
                      coalesce(a.registered_at, c.opened_at) AS "registered_at!",
                      coalesce(a.read_receipts, true) AS "read_receipts!",
                      a.presence_shown_to AS "presence_shown_to?",
                      m.number AS "last?"
               FROM (
                   SELECT c.* FROM "# $(+ $which)+ + r#"
               ) c
               LEFT JOIN accounts a ON a.account_id = c.participant_id
               LEFT JOIN accounts own ON own.account_id = c.account_id
               LEFT JOIN blocks b ON b.chat_id = c.chat_id AND b.account_id = c.account_id
               CROSS JOIN LATERAL (
                   SELECT count(*) AS messages
                   FROM expiring e
                   WHERE e.chat_id = c.chat_id
                     AND e.account_id = c.account_id
                     AND e.expires_at <= $1
                     AND e.number > c.read_up_to
               ) due
               CROSS JOIN LATERAL (
                   SELECT array_agg(run.from ORDER BY run.from) AS from,
                          array_agg(run.to ORDER BY run.from) AS to
                   FROM (
                       SELECT min(w.number) AS from, max(w.number) AS to
                       FROM (
                           SELECT m.number, m.number - row_number() OVER (ORDER BY m.number) AS run
                           FROM messages m
                           WHERE m.chat_id = c.chat_id
                             AND m.sender_id = c.account_id
                             AND m.withheld
                             AND m.number <= c.participant_delivered_up_to
                       ) w
                       GROUP BY w.run
                   ) run
               ) missed
               LEFT JOIN LATERAL (
                   SELECT m.number
                   FROM messages m
                   WHERE m.chat_id = c.chat_id
                     AND m.number > c.cleared_up_to
                     AND m.number <= c.total_messages
                     AND (NOT m.withheld OR m.sender_id = c.account_id)
                     AND (
                         SELECT k.hidden IS NULL
                         FROM message_marks k
                         WHERE k.chat_id = m.chat_id
                           AND k.number = m.number
                           AND k.account_id = c.account_id
                     ) IS NOT FALSE
                   ORDER BY m.number DESC
                   LIMIT 1
               ) m ON true
               ORDER BY c.activity DESC"#,
            $($argument),+
        )
    };
}

/// The chat of this id as `caller` sees it at the time `at`; nothing when it is not their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn by_id(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<ChatView>> {
    let mut db = db.acquire().await?;
    let views = by_viewers(&mut db, &[caller.0], &[chat.0], at).await?;
    Ok(views.into_iter().next().map(|(_, view)| view))
}

/// Chats as members of theirs see them, each with who sees it so: `viewers` go with `chat_ids` one to
/// one. What is not the viewer's chat is left out.
///
/// # Errors
///
/// When the database fails.
pub(crate) async fn by_viewers(
    db: &mut PgConnection,
    viewers: &[Uuid],
    chat_ids: &[Uuid],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, ChatView)>> {
    if chat_ids.is_empty() {
        return Ok(vec![]);
    }
    // Looked up one by one: by whatever else it is planned, it might read all chats.
    let rows = rows!(
        ["unnest($2::uuid[], $3::uuid[]) AS v (account_id, chat_id)
          CROSS JOIN LATERAL (
              SELECT *
              FROM chats
              WHERE chat_id = v.chat_id AND account_id = v.account_id
              LIMIT 1
          ) c"],
        at,
        viewers,
        chat_ids
    );
    let rows = rows.fetch_all(&mut *db).await?;
    views(db, rows, at).await
}

/// At most `limit` chats of `caller`, the latest activity first: those whose activity is below
/// `before`, or from the top.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    db: &PgPool,
    caller: AccountId,
    filter: Filter,
    before: Option<i64>,
    limit: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<ChatView>> {
    let mut db = db.acquire().await?;
    let before = before.unwrap_or(i64::MAX);
    macro_rules! listed {
        ($which:tt) => {
            rows!(
                ["chats c WHERE c.account_id = $2 AND "
                 $which
                 " AND c.activity_era <= $3::bigint >> 16
                  AND c.activity < $3
                  ORDER BY c.activity_era DESC, c.activity DESC
                  LIMIT $4"],
                at, caller.0, before, limit
            )
            .fetch_all(&mut *db)
            .await?
        };
    }
    let rows = match filter {
        Filter::Active => listed!("NOT c.archived"),
        Filter::All => listed!("true"),
        Filter::Unread => {
            listed!(
                "c.unread AND (c.marked_unread OR c.unread_count > (
                     SELECT count(*)
                     FROM expiring e
                     WHERE e.chat_id = c.chat_id
                       AND e.account_id = c.account_id
                       AND e.expires_at <= $1
                       AND e.number > c.read_up_to
                 ))"
            )
        }
        Filter::Archived => listed!("c.archived"),
        Filter::Muted => {
            listed!("c.muted AND coalesce(c.muted_until > $1, true) AND NOT c.archived")
        }
    };
    let views = views(&mut db, rows, at).await?;
    Ok(views.into_iter().map(|(_, view)| view).collect())
}

/// What is unread for `caller` at the time `at`.
///
/// # Errors
///
/// When the database fails.
pub async fn totals(db: &PgPool, caller: AccountId, at: DateTime<Utc>) -> sqlx::Result<Totals> {
    sqlx::query_as!(
        Totals,
        r#"SELECT count(*) FILTER (WHERE u.messages > 0 OR u.marked) AS "unread_chats!",
                  coalesce(sum(u.messages), 0)::bigint AS "unread_messages!"
           FROM (
               SELECT c.marked_unread AS marked,
                      c.unread_count - (
                          SELECT count(*)
                          FROM expiring e
                          WHERE e.chat_id = c.chat_id
                            AND e.account_id = c.account_id
                            AND e.expires_at <= $2
                            AND e.number > c.read_up_to
                      ) AS messages
               FROM chats c
               WHERE c.account_id = $1 AND c.unread
           ) u"#,
        caller.0,
        at
    )
    .fetch_one(db)
    .await
}

/// The views of `rows`, with their last messages, and who sees them so.
async fn views(
    db: &mut PgConnection,
    rows: Vec<Row>,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, ChatView)>> {
    let (mut viewers, mut chat_ids, mut numbers) = (vec![], vec![], vec![]);
    for (row, last) in rows.iter().filter_map(|it| Some((it, it.last?))) {
        viewers.push(row.account_id);
        chat_ids.push(row.chat_id);
        numbers.push(last);
    }
    let messages = messages::by_viewers(db, &viewers, &chat_ids, &numbers, at).await?;
    // One a viewer and chat.
    let messages = messages.into_iter().map(|(viewer, it)| ((viewer, it.chat_id), it));
    let mut messages: HashMap<_, _> = messages.collect();
    let views = rows.into_iter().map(|row| {
        let viewer = row.account_id;
        let last_message = messages.remove(&(viewer, row.chat_id));
        (viewer, row.view(last_message))
    });
    Ok(views.collect())
}
