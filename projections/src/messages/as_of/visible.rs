use domain::{AccountId, ChatId};
use eventlog::Position;
use sqlx::PgConnection;

use super::super::Range;

/// What a member could see of a chat at a position: numbers after `cleared_up_to` and up to `last`,
/// without what was withheld from them or they had deleted for themselves.
pub(super) struct Window {
    pub(super) caller: AccountId,
    pub(super) chat: ChatId,
    pub(super) then: Position,
    cleared_up_to: i64,
    last: i64,
}

/// Numbers that follow one another in a window.
pub(super) struct Found {
    /// Ascending.
    pub(super) numbers: Vec<i64>,
    pub(super) more_before: bool,
    pub(super) more_after: bool,
}

impl Window {
    /// Nothing when it is not the caller's chat.
    ///
    /// The last number is searched for by halves: numbers and positions of a chat grow together.
    pub(super) async fn of(
        db: &mut PgConnection,
        caller: AccountId,
        chat: ChatId,
        then: Position,
    ) -> sqlx::Result<Option<Self>> {
        let window = sqlx::query!(
            r#"WITH RECURSIVE search (low, high) AS (
                   SELECT 0::bigint,
                          coalesce((SELECT max(number) FROM messages WHERE chat_id = $2), 0)
                   UNION ALL
                   SELECT CASE WHEN sent.by_then THEN middle.number ELSE s.low END,
                          CASE WHEN sent.by_then THEN s.high ELSE middle.number - 1 END
                   FROM search s
                   CROSS JOIN LATERAL (SELECT (s.low + s.high + 1) / 2 AS number) middle
                   CROSS JOIN LATERAL (
                       SELECT coalesce((
                           SELECT m.position <= $3
                           FROM messages m
                           WHERE m.chat_id = $2 AND m.number <= middle.number
                           ORDER BY m.number DESC
                           LIMIT 1
                       ), true) AS by_then
                   ) sent
                   WHERE s.low < s.high
               )
               SELECT (SELECT low FROM search WHERE low = high) AS "last!",
                      (
                          SELECT coalesce(max(up_to), 0)
                          FROM clears
                          WHERE chat_id = $2 AND account_id = $1 AND position <= $3
                      ) AS "cleared_up_to!"
               FROM chats
               WHERE account_id = $1 AND chat_id = $2"#,
            caller.0,
            chat.0,
            then.0
        )
        .fetch_optional(db)
        .await?;
        Ok(window.map(|it| Self {
            caller,
            chat,
            then,
            cleared_up_to: it.cleared_up_to,
            last: it.last,
        }))
    }

    /// At most `limit` numbers of `range`.
    pub(super) async fn around(
        &self,
        db: &mut PgConnection,
        range: Range,
        limit: i64,
    ) -> sqlx::Result<Found> {
        let (pivot, below, above) = range.split(limit);
        let (before, more_before) = self.before(&mut *db, pivot, below).await?;
        let (after, more_after) = self.from(db, pivot, above).await?;
        let numbers = before.into_iter().rev().chain(after).collect();
        Ok(Found { numbers, more_before, more_after })
    }

    /// The nearest numbers below `pivot`, the nearest first, and whether there are more: one more than
    /// asked for tells.
    ///
    /// With a subquery, not a join: a join may be planned over the whole chat, which is then sorted.
    async fn before(
        &self,
        db: &mut PgConnection,
        pivot: i64,
        limit: i64,
    ) -> sqlx::Result<(Vec<i64>, bool)> {
        let numbers = sqlx::query_scalar!(
            r#"SELECT m.number
               FROM messages m
               WHERE m.chat_id = $2
                 AND m.number < $3
                 AND m.number > $5
                 AND m.number <= $6
                 AND (NOT m.withheld OR m.sender_id = $1)
                 AND (
                     SELECT h.hidden <= $7
                     FROM message_marks h
                     WHERE h.chat_id = m.chat_id AND h.account_id = $1 AND h.number = m.number
                 ) IS NOT TRUE
               ORDER BY m.number DESC
               LIMIT $4"#,
            self.caller.0,
            self.chat.0,
            pivot,
            limit.saturating_add(1),
            self.cleared_up_to,
            self.last,
            self.then.0
        )
        .fetch_all(db)
        .await?;
        Ok(cut(numbers, limit))
    }

    /// The nearest numbers from `pivot` on, the nearest first, and whether there are more.
    async fn from(
        &self,
        db: &mut PgConnection,
        pivot: i64,
        limit: i64,
    ) -> sqlx::Result<(Vec<i64>, bool)> {
        let numbers = sqlx::query_scalar!(
            r#"SELECT m.number
               FROM messages m
               WHERE m.chat_id = $2
                 AND m.number >= $3
                 AND m.number > $5
                 AND m.number <= $6
                 AND (NOT m.withheld OR m.sender_id = $1)
                 AND (
                     SELECT h.hidden <= $7
                     FROM message_marks h
                     WHERE h.chat_id = m.chat_id AND h.account_id = $1 AND h.number = m.number
                 ) IS NOT TRUE
               ORDER BY m.number
               LIMIT $4"#,
            self.caller.0,
            self.chat.0,
            pivot,
            limit.saturating_add(1),
            self.cleared_up_to,
            self.last,
            self.then.0
        )
        .fetch_all(db)
        .await?;
        Ok(cut(numbers, limit))
    }

    /// Which of `numbers` the member saw.
    pub(super) async fn seen(
        &self,
        db: &mut PgConnection,
        numbers: &[i64],
    ) -> sqlx::Result<Vec<i64>> {
        sqlx::query_scalar!(
            r#"SELECT m.number
               FROM messages m
               WHERE m.chat_id = $2
                 AND m.number = ANY ($3)
                 AND m.number > $4
                 AND (NOT m.withheld OR m.sender_id = $1)
                 AND (
                     SELECT h.hidden <= $5
                     FROM message_marks h
                     WHERE h.chat_id = m.chat_id AND h.account_id = $1 AND h.number = m.number
                 ) IS NOT TRUE"#,
            self.caller.0,
            self.chat.0,
            numbers,
            self.cleared_up_to,
            self.then.0
        )
        .fetch_all(db)
        .await
    }
}

fn cut(mut numbers: Vec<i64>, limit: i64) -> (Vec<i64>, bool) {
    let limit = usize::try_from(limit).unwrap_or_default();
    let more = numbers.len() > limit;
    numbers.truncate(limit);
    (numbers, more)
}
