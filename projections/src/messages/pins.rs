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

/// A message is pinned, or no longer: either ends what was before, for those who see it.
pub(super) struct Pin {
    pub(super) position: Position,
    pub(super) by: AccountId,
    /// The other member sees it.
    pub(super) is_shown: bool,
    /// When it was pinned; nothing when it was unpinned.
    pub(super) put: Option<DateTime<Utc>>,
}

impl Pin {
    /// Whether it ends a pin of `owner`, for `owner` themselves.
    fn ends_for(&self, owner: AccountId) -> bool {
        self.is_shown || self.by == owner
    }

    /// Whether it ends a pin of `owner`, for the other member.
    fn ends_for_other_than(&self, owner: AccountId) -> bool {
        self.is_shown || self.by != owner
    }
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
        self.end_earlier(db).await?;
        self.insert(db).await
    }

    /// The first of the run that each member sees ends for them what was there before it.
    async fn end_earlier(&self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut positions, mut accounts, mut shown) = (vec![], vec![], vec![]);
        for (message, pins) in &self.0 {
            for pin in pins {
                keys.push(*message);
                positions.push(pin.position.0);
                accounts.push(pin.by.0);
                shown.push(pin.is_shown);
            }
        }
        sqlx::query!(
            "UPDATE pins p
             SET until = coalesce(p.until, e.until),
                 shown_until = coalesce(p.shown_until, e.shown_until)
             FROM (
                 SELECT p.chat_id, p.number, p.position,
                        min(e.position) FILTER (WHERE e.shown OR e.account_id = p.pinned_by)
                            AS until,
                        min(e.position) FILTER (WHERE e.shown OR e.account_id <> p.pinned_by)
                            AS shown_until
                 FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::boolean[])
                      AS e (chat_id, number, position, account_id, shown)
                 JOIN pins p ON p.chat_id = e.chat_id AND p.number = e.number
                 WHERE p.until IS NULL OR p.shown_until IS NULL
                 GROUP BY p.chat_id, p.number, p.position
             ) e
             WHERE p.chat_id = e.chat_id AND p.number = e.number AND p.position = e.position",
            &keys.chat_ids,
            &keys.numbers,
            &positions,
            &accounts,
            &shown
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn insert(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut positions, mut until, mut shown_until) = (vec![], vec![], vec![]);
        let (mut pinned_by, mut times) = (vec![], vec![]);
        for (message, pins) in self.0 {
            for (pin, later) in
                pins.iter().zip(1..).map(|(it, next)| (it, pins.get(next..).unwrap_or_default()))
            {
                let Some(at) = pin.put else { continue };
                let by = pin.by;
                let position = |it: &Pin| it.position.0;
                let end = later.iter().find(|it| it.ends_for(by)).map(position);
                let shown_end = later.iter().find(|it| it.ends_for_other_than(by)).map(position);
                keys.push(message);
                positions.push(pin.position.0);
                until.push(end);
                shown_until.push(if pin.is_shown { shown_end } else { Some(pin.position.0) });
                pinned_by.push(by.0);
                times.push(at);
            }
        }
        if positions.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO pins (
                 chat_id, number, position, until, shown_until, pinned_by, pinned_at
             )
             SELECT *
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[],
                 $7::timestamptz[]
             )",
            &keys.chat_ids,
            &keys.numbers,
            &positions,
            &until as &[Option<i64>],
            &shown_until as &[Option<i64>],
            &pinned_by,
            &times
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
