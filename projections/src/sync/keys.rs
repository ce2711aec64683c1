//! What has changed, by its keys alone.

use domain::AccountId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Place;

/// Something that changed for somebody, and where.
pub(super) struct Key {
    /// Who sees it.
    pub(super) account_id: Uuid,
    pub(super) position: i64,
    /// Nil: their own account.
    pub(super) chat_id: Uuid,
    /// 0: the chat itself.
    pub(super) number: i64,
    /// The message is one that they have deleted for themselves.
    pub(super) gone: bool,
}

impl Key {
    pub(super) const fn place(&self) -> Place {
        Place { position: self.position, chat_id: self.chat_id, number: self.number }
    }
}

/// The one SELECT of changes after the position `$1`. `$accounts` is the FROM of accounts `a` and
/// `$chats` that of rows of chats `c` which may have changed; `$told` is up to which number of each chat
/// the changes exactly at the position are told. Of each chat no more than `$2` messages are read, by the
/// index of their changes.
macro_rules! keys {
    ($accounts:tt, $chats:tt, $told:tt, $after:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Key,
            r#"SELECT k.account_id AS "account_id!",
                      k.changed AS "position!",
                      k.chat_id AS "chat_id!",
                      k.number AS "number!",
                      k.gone AS "gone!"
               FROM (
                   SELECT a.account_id,
                          a.changed,
                          '00000000-0000-0000-0000-000000000000'::uuid AS chat_id,
                          0::bigint AS number,
                          false AS gone
                   FROM "# + $accounts + r#"
                   WHERE a.changed > $1
                   UNION ALL
                   SELECT c.account_id, k.changed, c.chat_id, k.number, k.gone
                   FROM (
                       SELECT c.account_id,
                              c.chat_id,
                              c.cleared_up_to,
                              CASE
                                  WHEN coalesce(own.read_receipts AND other.read_receipts, true)
                                  THEN c.changed
                                  ELSE c.changed_apart
                              END AS changed,
                              "# + $told + r#" AS told
                       FROM "# + $chats + r#"
                   ) c
                   CROSS JOIN LATERAL (
                       SELECT c.changed, 0::bigint AS number, false AS gone
                       WHERE (c.changed, 0::bigint) > ($1, c.told)
                       UNION ALL
                       (
                           SELECT m.changed, m.number, false
                           FROM messages m
                           WHERE m.chat_id = c.chat_id
                             AND (m.changed, m.number) > ($1, c.told)
                             AND m.number > c.cleared_up_to
                             AND (NOT m.withheld OR m.sender_id = c.account_id)
                             AND (
                                 SELECT h.hidden IS NULL
                                 FROM message_marks h
                                 WHERE h.chat_id = m.chat_id
                                   AND h.account_id = c.account_id
                                   AND h.number = m.number
                             ) IS NOT FALSE
                           ORDER BY m.changed, m.number
                           LIMIT $2
                       )
                       UNION ALL
                       (
                           SELECT h.changed, h.number, h.hidden IS NOT NULL
                           FROM message_marks h
                           WHERE h.chat_id = c.chat_id
                             AND h.account_id = c.account_id
                             AND (h.changed, h.number) > ($1, c.told)
                             AND h.number > c.cleared_up_to
                           ORDER BY h.changed, h.number
                           LIMIT $2
                       )
                   ) k
               ) k
               "# + $after,
            $($argument),+
        )
    };
}

/// The first `limit` changes after `since` for `caller`. Chats in which nothing changed cost nothing.
pub(super) async fn after(
    db: &mut PgConnection,
    caller: AccountId,
    since: Place,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    keys!(
        "(SELECT * FROM accounts WHERE account_id = $3) a",
        "chats c
         LEFT JOIN accounts own ON own.account_id = c.account_id
         LEFT JOIN accounts other ON other.account_id = c.participant_id
         WHERE c.account_id = $3 AND c.changed_era >= $1::bigint >> 16 AND c.changed >= $1",
        "CASE
             WHEN c.chat_id < $4 THEN 9223372036854775807
             WHEN c.chat_id = $4 THEN $5
             ELSE -1
         END",
        "ORDER BY k.changed, k.chat_id, k.number
         LIMIT $2",
        since.position,
        limit,
        caller.0,
        since.chat_id,
        since.number
    )
    .fetch_all(db)
    .await
}

/// The changes after `position` of these accounts, for themselves, and of these chats, each for the
/// account beside it. At most `each` messages a chat are told.
pub(super) async fn among(
    db: &mut PgConnection,
    position: i64,
    accounts: &[Uuid],
    (viewers, chat_ids): (&[Uuid], &[Uuid]),
    each: i64,
) -> sqlx::Result<Vec<Key>> {
    keys!(
        "(SELECT * FROM accounts WHERE account_id = ANY ($3)) a",
        "unnest($4::uuid[], $5::uuid[]) AS v (account_id, chat_id)
         CROSS JOIN LATERAL (
             SELECT *
             FROM chats
             WHERE chat_id = v.chat_id AND account_id = v.account_id AND changed > $1
             LIMIT 1
         ) c
         LEFT JOIN accounts own ON own.account_id = c.account_id
         LEFT JOIN accounts other ON other.account_id = c.participant_id",
        "9223372036854775807",
        "ORDER BY k.account_id, k.changed, k.chat_id, k.number",
        position,
        each,
        accounts,
        viewers,
        chat_ids
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
