//! Messages of one chat, by number.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId, MessageId};
use eventlog::Position;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::view::{self, MessageView, messages};

/// Which messages of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    Latest,
    /// Those with lower numbers, the nearest of them.
    Before(i64),
    /// Those with higher numbers, the nearest of them.
    After(i64),
    /// That of this number and the nearest on either side, half of the page each.
    Around(i64),
}

/// Some messages of a chat that follow one another, as far as the caller sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePage {
    /// By ascending number.
    pub items: Vec<MessageView>,
    pub more_before: bool,
    pub more_after: bool,
}

impl Range {
    /// A number, how many to read below it, and how many from it on.
    pub(super) fn split(self, limit: i64) -> (i64, i64, i64) {
        match self {
            Self::Latest => (i64::MAX, limit, 0),
            Self::Before(number) => (number, limit, 0),
            Self::After(number) => (number.saturating_add(1), 0, limit),
            Self::Around(number) => (number, limit / 2, limit - limit / 2),
        }
    }
}

/// At most `limit` messages of `chat` as `caller` sees them at the time `at`; nothing when it is not
/// their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn page(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    range: Range,
    limit: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<MessagePage>> {
    let mut db = db.acquire().await?;
    let (pivot, downwards, upwards) = range.split(limit);
    // Subqueries, not joins: a join may be planned over the whole chat, which is then sorted; like
    // this, the index is read in order, and no further than the page.
    let rows = messages!(
        "(SELECT $2::uuid AS account_id, m.chat_id, m.number
          FROM messages m
          WHERE m.chat_id = $3
            AND m.number > (
                SELECT cleared_up_to FROM chats WHERE chat_id = $3 AND account_id = $2
            )
            AND m.number < $4
            AND (NOT m.withheld OR m.sender_id = $2)
            AND (
                SELECT k.hidden IS NULL FROM message_marks k
                WHERE k.chat_id = m.chat_id AND k.number = m.number AND k.account_id = $2
            ) IS NOT FALSE
          ORDER BY m.number DESC
          LIMIT $5)
         UNION ALL
         (SELECT $2::uuid AS account_id, m.chat_id, m.number
          FROM messages m
          WHERE m.chat_id = $3
            AND m.number > (
                SELECT cleared_up_to FROM chats WHERE chat_id = $3 AND account_id = $2
            )
            AND m.number >= $4
            AND (NOT m.withheld OR m.sender_id = $2)
            AND (
                SELECT k.hidden IS NULL FROM message_marks k
                WHERE k.chat_id = m.chat_id AND k.number = m.number AND k.account_id = $2
            ) IS NOT FALSE
          ORDER BY m.number
          LIMIT $6)",
        at,
        caller.0,
        chat.0,
        pivot,
        downwards,
        upwards
    )
    .fetch_all(&mut *db)
    .await?;
    let first = rows.first().map_or(pivot, |it| it.number);
    let after = rows.last().map_or(first.saturating_sub(1), |it| it.number);
    let Some((more_before, more_after)) = edges(&mut db, caller, chat, first, after).await? else {
        return Ok(None);
    };
    let items = view::views(&mut db, rows).await?;
    Ok(Some(MessagePage { items, more_before, more_after }))
}

/// Whether the caller sees messages before the number `first`, and after the number `last`; nothing
/// when it is not their chat.
async fn edges(
    db: &mut PgConnection,
    caller: AccountId,
    chat: ChatId,
    first: i64,
    last: i64,
) -> sqlx::Result<Option<(bool, bool)>> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (
                      SELECT
                      FROM messages m
                      WHERE m.chat_id = c.chat_id
                        AND m.number > c.cleared_up_to
                        AND m.number < $3
                        AND (NOT m.withheld OR m.sender_id = $1)
                        AND (
                            SELECT k.hidden IS NULL FROM message_marks k
                            WHERE k.chat_id = m.chat_id
                              AND k.number = m.number
                              AND k.account_id = $1
                        ) IS NOT FALSE
                  ) AS "before!",
                  EXISTS (
                      SELECT
                      FROM messages m
                      WHERE m.chat_id = c.chat_id
                        AND m.number > c.cleared_up_to
                        AND m.number > $4
                        AND (NOT m.withheld OR m.sender_id = $1)
                        AND (
                            SELECT k.hidden IS NULL FROM message_marks k
                            WHERE k.chat_id = m.chat_id
                              AND k.number = m.number
                              AND k.account_id = $1
                        ) IS NOT FALSE
                  ) AS "after!"
           FROM chats c
           WHERE c.chat_id = $2 AND c.account_id = $1"#,
        caller.0,
        chat.0,
        first,
        last
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|it| (it.before, it.after)))
}

/// The message of this number as `caller` sees it; nothing when it is not theirs to see.
///
/// # Errors
///
/// When the database fails.
pub async fn by_number(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    number: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<MessageView>> {
    let mut db = db.acquire().await?;
    let rows = messages!(
        "SELECT $2::uuid AS account_id, m.chat_id, m.number
         FROM chats c
         JOIN messages m ON m.chat_id = c.chat_id
         LEFT JOIN message_marks k
             ON k.chat_id = m.chat_id AND k.number = m.number AND k.account_id = $2
         WHERE c.chat_id = $3
           AND c.account_id = $2
           AND m.number > c.cleared_up_to
           AND m.number = $4
           AND (NOT m.withheld OR m.sender_id = $2)
           AND k.hidden IS NULL",
        at,
        caller.0,
        chat.0,
        number
    )
    .fetch_all(&mut *db)
    .await?;
    Ok(view::views(&mut db, rows).await?.pop())
}

/// The message of this id as `caller` sees it; nothing when it is not theirs to see.
///
/// # Errors
///
/// When the database fails.
pub async fn by_id(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    message: MessageId,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<MessageView>> {
    let number = sqlx::query_scalar!(
        "SELECT number FROM messages WHERE message_id = $1 AND chat_id = $2",
        message.0,
        chat.0
    )
    .fetch_optional(db)
    .await?;
    match number {
        Some(number) => by_number(db, caller, chat, number, at).await,
        None => Ok(None),
    }
}

/// The messages of these keys, in chats of `caller`, whether or not the caller has hidden them. By
/// chat and ascending number. `numbers` go with `chat_ids` one to one.
///
/// # Errors
///
/// When the database fails.
pub async fn by_keys(
    db: &mut PgConnection,
    caller: AccountId,
    chat_ids: &[Uuid],
    numbers: &[i64],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<MessageView>> {
    let viewers = vec![caller.0; numbers.len()];
    let views = by_viewers(db, &viewers, chat_ids, numbers, at).await?;
    Ok(views.into_iter().map(|(_, view)| view).collect())
}

/// Messages as members of their chats see them, each with who sees it so, whether or not they have
/// hidden it. By chat and ascending number. The three go together one to one.
///
/// # Errors
///
/// When the database fails.
pub(crate) async fn by_viewers(
    db: &mut PgConnection,
    viewers: &[Uuid],
    chat_ids: &[Uuid],
    numbers: &[i64],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, MessageView)>> {
    if numbers.is_empty() {
        return Ok(vec![]);
    }
    let rows = messages!(
        "SELECT k.account_id, k.chat_id, k.number
         FROM unnest($2::uuid[], $3::uuid[], $4::bigint[]) AS k (account_id, chat_id, number)",
        at,
        viewers,
        chat_ids,
        numbers
    )
    .fetch_all(&mut *db)
    .await?;
    let viewers: Vec<_> = rows.iter().map(|it| it.viewer).collect();
    Ok(viewers.into_iter().zip(view::views(db, rows).await?).collect())
}

/// The number of the first message of `chat` that was sent at `time` or later, whether or not the
/// caller sees it; one more than the last when there is none, and nothing when it is not their chat.
///
/// Looks at as many messages as the number of them has binary digits. Processes whose clocks differ
/// may have sent messages within that difference in another order.
///
/// # Errors
///
/// When the database fails.
pub async fn number_at(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    time: DateTime<Utc>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"WITH RECURSIVE search (low, high) AS (
               SELECT 1::bigint,
                      coalesce((SELECT max(number) FROM messages WHERE chat_id = $2), 0) + 1
               FROM chats
               WHERE chat_id = $2 AND account_id = $1
               UNION ALL
               SELECT CASE WHEN m.sent_at < $3 THEN m.number + 1 ELSE s.low END,
                      CASE WHEN m.sent_at < $3 THEN s.high ELSE (s.low + s.high) / 2 END
               FROM search s
               CROSS JOIN LATERAL (
                   SELECT number, sent_at
                   FROM messages
                   WHERE chat_id = $2 AND number >= (s.low + s.high) / 2
                   ORDER BY number
                   LIMIT 1
               ) m
               WHERE s.low < s.high
           )
           SELECT low AS "low!" FROM search ORDER BY low DESC LIMIT 1"#,
        caller.0,
        chat.0,
        time
    )
    .fetch_optional(db)
    .await
}

/// Where in the log the message was sent, whoever asks.
///
/// # Errors
///
/// When the database fails.
pub async fn position_of(
    db: &PgPool,
    chat: ChatId,
    message: MessageId,
) -> sqlx::Result<Option<Position>> {
    let position = sqlx::query_scalar!(
        "SELECT position FROM messages WHERE message_id = $1 AND chat_id = $2",
        message.0,
        chat.0
    )
    .fetch_optional(db)
    .await?;
    Ok(position.map(Position))
}
