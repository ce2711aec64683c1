//! What one member did to a message for themselves, and what only they see of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;
use sqlx::PgConnection;

use super::key::{Key, Keys, expect_all};
use crate::error::ProjectionError;

/// The marks that a run leaves.
#[derive(Default)]
pub(super) struct Marks(HashMap<(Key, AccountId), Mark>);

#[derive(Default)]
struct Mark {
    changed: i64,
    hidden: Option<i64>,
    star: Option<Star>,
}

/// What the run ends with.
#[derive(Clone, Copy)]
enum Star {
    Off,
    On { position: i64, at: DateTime<Utc> },
}

impl Marks {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Something about the message changed for `account` alone.
    pub(super) fn touch(&mut self, message: Key, account: AccountId, position: Position) {
        self.mark(message, account, position);
    }

    pub(super) fn hide(&mut self, message: Key, account: AccountId, position: Position) {
        self.mark(message, account, position).hidden.get_or_insert(position.0);
    }

    pub(super) fn star(
        &mut self,
        message: Key,
        account: AccountId,
        position: Position,
        at: DateTime<Utc>,
    ) {
        self.mark(message, account, position).star = Some(Star::On { position: position.0, at });
    }

    pub(super) fn unstar(&mut self, message: Key, account: AccountId, position: Position) {
        self.mark(message, account, position).star = Some(Star::Off);
    }

    fn mark(&mut self, message: Key, account: AccountId, position: Position) -> &mut Mark {
        let mark = self.0.entry((message, account)).or_default();
        mark.changed = position.0;
        mark
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.put(db).await?;
        self.write_stars(db).await
    }

    async fn put(&self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut account_ids, mut changed, mut hidden) = (vec![], vec![], vec![]);
        for ((message, account), mark) in &self.0 {
            keys.push(*message);
            account_ids.push(account.0);
            changed.push(mark.changed);
            hidden.push(mark.hidden);
        }
        let done = sqlx::query!(
            "INSERT INTO message_marks AS k (chat_id, number, account_id, changed, hidden)
             SELECT m.chat_id, m.number, c.account_id, c.changed, c.hidden
             FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[])
                  AS c (chat_id, number, account_id, changed, hidden)
             JOIN messages m ON m.chat_id = c.chat_id AND m.number = c.number
             ON CONFLICT (chat_id, number, account_id) DO UPDATE
             SET changed = excluded.changed, hidden = coalesce(k.hidden, excluded.hidden)",
            &keys.chat_ids,
            &keys.numbers,
            &account_ids,
            &changed,
            &hidden as &[Option<i64>]
        )
        .execute(db)
        .await?;
        expect_all(done.rows_affected(), keys.len())
    }

    async fn write_stars(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut account_ids, mut positions, mut times) = (vec![], vec![], vec![]);
        for ((message, account), mark) in self.0 {
            let Some(star) = mark.star else { continue };
            let (position, at) = match star {
                Star::Off => (None, None),
                Star::On { position, at } => (Some(position), Some(at)),
            };
            keys.push(message);
            account_ids.push(account.0);
            positions.push(position);
            times.push(at);
        }
        if keys.len() == 0 {
            return Ok(());
        }
        sqlx::query!(
            "UPDATE message_marks k
             SET starred = c.starred, starred_at = c.starred_at
             FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::timestamptz[])
                  AS c (chat_id, number, account_id, starred, starred_at)
             WHERE k.chat_id = c.chat_id
               AND k.number = c.number
               AND k.account_id = c.account_id",
            &keys.chat_ids,
            &keys.numbers,
            &account_ids,
            &positions as &[Option<i64>],
            &times as &[Option<DateTime<Utc>>]
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
