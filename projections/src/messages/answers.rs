//! Answers to actionable messages.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;
use sqlx::PgConnection;

use super::key::{Key, Keys, expect_all};
use crate::error::ProjectionError;

/// The answers of a run. A message is answered once.
#[derive(Default)]
pub(super) struct Answers(HashMap<Key, Answer>);

pub(super) struct Answer {
    pub(super) by: AccountId,
    pub(super) at: DateTime<Utc>,
    pub(super) position: Position,
    /// Only who answered sees it.
    pub(super) withheld: bool,
    /// JSON; `None` once erased.
    pub(super) value: Option<String>,
}

impl Answers {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, message: Key, answer: Answer) {
        self.0.insert(message, answer);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut keys = Keys::default();
        let (mut answered_by, mut times, mut positions) = (vec![], vec![], vec![]);
        let (mut withheld, mut values) = (vec![], vec![]);
        for (message, answer) in self.0 {
            keys.push(message);
            answered_by.push(answer.by.0);
            times.push(answer.at);
            positions.push(answer.position.0);
            withheld.push(answer.withheld);
            values.push(answer.value);
        }
        let done = sqlx::query!(
            "UPDATE messages m
             SET answer = a.value,
                 answered_by = a.answered_by,
                 answered_at = a.answered_at,
                 answer_position = a.position,
                 answer_withheld = a.withheld
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::bigint[],
                 $6::boolean[], $7::text[]
             ) AS a (chat_id, number, answered_by, answered_at, position, withheld, value)
             WHERE m.chat_id = a.chat_id AND m.number = a.number",
            &keys.chat_ids,
            &keys.numbers,
            &answered_by,
            &times,
            &positions,
            &withheld,
            &values as &[Option<String>]
        )
        .execute(db)
        .await?;
        expect_all(done.rows_affected(), keys.len())
    }
}
