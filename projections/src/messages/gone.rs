//! Messages that were deleted for everyone, or expired: a tombstone is left. One whose recipient had
//! blocked its sender is a tombstone for its sender alone.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::key::{Key, Keys, expect_all};
use crate::error::ProjectionError;

/// What went in a run.
#[derive(Default)]
pub(super) struct Gone(HashMap<Key, Going>);

struct Going {
    position: i64,
    at: DateTime<Utc>,
    expired: bool,
}

impl Gone {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A message goes once.
    pub(super) fn push(&mut self, message: Key, position: i64, at: DateTime<Utc>, expired: bool) {
        self.0.entry(message).or_insert(Going { position, at, expired });
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut keys = Keys::default();
        let (mut positions, mut times, mut expired) = (vec![], vec![], vec![]);
        for (message, going) in self.0 {
            keys.push(message);
            positions.push(going.position);
            times.push(going.at);
            expired.push(going.expired);
        }
        bury(db, &keys, &positions, &times, &expired).await?;
        remove_what_hung_on_them(db, &keys).await?;
        touch_copies(db, &keys, &positions).await
    }
}

/// Who, when and which number: nothing else stays.
async fn bury(
    db: &mut PgConnection,
    keys: &Keys,
    positions: &[i64],
    times: &[DateTime<Utc>],
    expired: &[bool],
) -> Result<(), ProjectionError> {
    let done = sqlx::query!(
        "UPDATE messages m
         SET changed = g.position, deleted_at = g.deleted_at, expired = g.expired,
             edited_at = NULL, expires_at = NULL, reply_to = NULL,
             origin_chat = NULL, origin_number = NULL, origin_sender = NULL, origin_sent_at = NULL,
             hops = NULL, file_id = NULL, file_owner = NULL, revision = 0, withheld_revision = NULL,
             text = NULL, tags = NULL, reference_type = NULL, reference_id = NULL,
             action = NULL, action_params = NULL, answer = NULL, answered_by = NULL,
             answered_at = NULL, answer_position = NULL, answer_withheld = NULL
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::boolean[])
              AS g (chat_id, number, position, deleted_at, expired)
         WHERE m.chat_id = g.chat_id AND m.number = g.number",
        &keys.chat_ids,
        &keys.numbers,
        positions,
        times,
        expired
    )
    .execute(db)
    .await?;
    expect_all(done.rows_affected(), keys.len())
}

async fn remove_what_hung_on_them(
    db: &mut PgConnection,
    keys: &Keys,
) -> Result<(), ProjectionError> {
    sqlx::query!(
        "WITH gone AS (
             SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS g (chat_id, number)
         ), revisions AS (
             DELETE FROM message_revisions r
             USING gone g
             WHERE r.chat_id = g.chat_id AND r.number = g.number
         ), reactions AS (
             DELETE FROM reactions r
             USING gone g
             WHERE r.chat_id = g.chat_id AND r.number = g.number
         ), pins AS (
             DELETE FROM pins p
             USING gone g
             WHERE p.chat_id = g.chat_id AND p.number = g.number
         )
         UPDATE message_marks k
         SET starred = NULL, starred_at = NULL
         FROM gone g
         WHERE k.chat_id = g.chat_id AND k.number = g.number AND k.starred IS NOT NULL",
        &keys.chat_ids,
        &keys.numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A forwarded copy stays, and no longer says whose it was; of what was taken back, not to its sender.
async fn touch_copies(
    db: &mut PgConnection,
    keys: &Keys,
    positions: &[i64],
) -> Result<(), ProjectionError> {
    sqlx::query!(
        "UPDATE messages m
         SET changed = greatest(m.changed, g.position)
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS g (chat_id, number, position)
         WHERE m.origin_chat = g.chat_id AND m.origin_number = g.number",
        &keys.chat_ids,
        &keys.numbers,
        positions
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What senders took back in a run, and their recipients keep.
#[derive(Default)]
pub(super) struct TakenBack {
    keys: Keys,
    positions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
}

impl TakenBack {
    pub(super) const fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn push(&mut self, message: Key, position: i64, at: DateTime<Utc>) {
        self.keys.push(message);
        self.positions.push(position);
        self.times.push(at);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.keys.len() == 0 {
            return Ok(());
        }
        let done = sqlx::query!(
            "UPDATE messages m
             SET taken_back_at = t.at
             FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS t (chat_id, number, at)
             WHERE m.chat_id = t.chat_id AND m.number = t.number",
            &self.keys.chat_ids,
            &self.keys.numbers,
            &self.times
        )
        .execute(&mut *db)
        .await?;
        expect_all(done.rows_affected(), self.keys.len())?;
        touch_copies(db, &self.keys, &self.positions).await
    }
}
