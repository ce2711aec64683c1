//! Pinned messages, and those that were pinned before.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;
use sqlx::PgConnection;

use super::key::{Key, Keys};
use crate::error::ProjectionError;

/// What was done to each message in a run, in its order.
#[derive(Default)]
pub(super) struct Pins(HashMap<Key, Vec<Pin>>);

/// By whom and when a message was pinned; nothing when it was unpinned.
pub(super) struct Pin {
    pub(super) position: Position,
    pub(super) put: Option<(AccountId, DateTime<Utc>)>,
}

impl Pins {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, message: Key, pin: Pin) {
        self.0.entry(message).or_default().push(pin);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut keys = Keys::default();
        let mut until = vec![];
        for (message, pins) in &self.0 {
            keys.push(*message);
            until.push(pins.first().map(|it| it.position.0));
        }
        sqlx::query!(
            "UPDATE pins p
             SET until = e.until
             FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS e (chat_id, number, until)
             WHERE p.chat_id = e.chat_id AND p.number = e.number AND p.until IS NULL",
            &keys.chat_ids,
            &keys.numbers,
            &until as &[Option<i64>]
        )
        .execute(&mut *db)
        .await?;
        self.insert(db).await
    }

    async fn insert(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut positions, mut until) = (vec![], vec![]);
        let (mut pinned_by, mut times) = (vec![], vec![]);
        for (message, pins) in self.0 {
            let ends = pins.iter().skip(1).map(|it| Some(it.position.0)).chain([None]);
            for (pin, end) in pins.iter().zip(ends) {
                let Some((by, at)) = pin.put else { continue };
                keys.push(message);
                positions.push(pin.position.0);
                until.push(end);
                pinned_by.push(by.0);
                times.push(at);
            }
        }
        if positions.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO pins (chat_id, number, position, until, pinned_by, pinned_at)
             SELECT *
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[],
                 $6::timestamptz[]
             )",
            &keys.chat_ids,
            &keys.numbers,
            &positions,
            &until as &[Option<i64>],
            &pinned_by,
            &times
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
