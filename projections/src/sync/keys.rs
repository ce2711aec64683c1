//! Which chats and messages have changed: their keys alone.

use domain::AccountId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Place;

/// Something that changed, and where.
pub(super) struct Key {
    pub(super) position: i64,
    pub(super) chat_id: Uuid,
    /// 0: the chat itself.
    pub(super) number: i64,
    /// The message is one that the caller has deleted for themselves.
    pub(super) gone: bool,
}

impl Key {
    pub(super) const fn place(&self) -> Place {
        Place { position: self.position, chat_id: self.chat_id, number: self.number }
    }
}

/// The first `limit` changes after `since`.
///
/// Of each chat in which anything changed it reads no more than `limit` messages, by the index of
/// their changes; chats in which nothing did cost nothing.
pub(super) async fn after(
    db: &mut PgConnection,
    caller: AccountId,
    since: Place,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    sqlx::query_as!(
        Key,
        r#"SELECT k.changed AS "position!", c.chat_id, k.number AS "number!", k.gone AS "gone!"
           FROM (
               SELECT c.chat_id,
                      c.cleared_up_to,
                      CASE
                          WHEN coalesce(own.read_receipts AND other.read_receipts, true)
                          THEN c.changed
                          ELSE c.changed_apart
                      END AS changed,
                      -- Of what changed exactly at the position, this chat's numbers up to here are told.
                      CASE
                          WHEN c.chat_id < $3 THEN 9223372036854775807
                          WHEN c.chat_id = $3 THEN $4
                          ELSE -1
                      END AS told
               FROM chats c
               LEFT JOIN accounts own ON own.account_id = c.account_id
               LEFT JOIN accounts other ON other.account_id = c.participant_id
               WHERE c.account_id = $1 AND c.changed_era >= $2::bigint >> 16 AND c.changed >= $2
           ) c
           CROSS JOIN LATERAL (
               SELECT c.changed, 0::bigint AS number, false AS gone
               WHERE (c.changed, 0::bigint) > ($2, c.told)
               UNION ALL
               (
                   SELECT m.changed, m.number, false
                   FROM messages m
                   WHERE m.chat_id = c.chat_id
                     AND (m.changed, m.number) > ($2, c.told)
                     AND m.number > c.cleared_up_to
                     AND (NOT m.withheld OR m.sender_id = $1)
                     AND (
                         SELECT h.hidden IS NULL
                         FROM message_marks h
                         WHERE h.chat_id = m.chat_id
                           AND h.account_id = $1
                           AND h.number = m.number
                     ) IS NOT FALSE
                   ORDER BY m.changed, m.number
                   LIMIT $5
               )
               UNION ALL
               (
                   SELECT h.changed, h.number, h.hidden IS NOT NULL
                   FROM message_marks h
                   WHERE h.chat_id = c.chat_id
                     AND h.account_id = $1
                     AND (h.changed, h.number) > ($2, c.told)
                     AND h.number > c.cleared_up_to
                   ORDER BY h.changed, h.number
                   LIMIT $5
               )
           ) k
           ORDER BY k.changed, c.chat_id, k.number
           LIMIT $5"#,
        caller.0,
        since.position,
        since.chat_id,
        since.number,
        limit
    )
    .fetch_all(db)
    .await
}

/// Whether more than `most` rows have changed after `position`. Counts the few that the caller does
/// not see as well.
pub(super) async fn are_more(
    db: &mut PgConnection,
    caller: AccountId,
    position: i64,
    most: i64,
) -> sqlx::Result<bool> {
    let counted = sqlx::query_scalar!(
        r#"SELECT count(*) AS "counted!"
           FROM (
               SELECT
               FROM chats c
               CROSS JOIN LATERAL (
                   SELECT
                   UNION ALL
                   (SELECT FROM messages m WHERE m.chat_id = c.chat_id AND m.changed > $2)
                   UNION ALL
                   (
                       SELECT
                       FROM message_marks h
                       WHERE h.chat_id = c.chat_id AND h.account_id = $1 AND h.changed > $2
                   )
               ) k
               WHERE c.account_id = $1 AND c.changed_era >= $2::bigint >> 16 AND c.changed > $2
               LIMIT $3::bigint + 1
           ) found"#,
        caller.0,
        position,
        most
    )
    .fetch_one(db)
    .await?;
    Ok(counted > most)
}
