//! Chats as arrays, and the statements that write what every message changes.

use chrono::{DateTime, Utc};
use domain::ChatId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::change::{Change, Side};
use crate::error::{ProjectionError, expect_all_but};

/// Why rows that were to be changed are not there.
pub(super) const NOT_OPENED: &str = "the chat was never opened, or this is not a member of it";

/// New rows: one a member for whom the chat is there from now on.
#[derive(Default)]
pub(super) struct Opened {
    account_ids: Vec<Uuid>,
    chat_ids: Vec<Uuid>,
    participant_ids: Vec<Uuid>,
    total_messages: Vec<i64>,
    unread_counts: Vec<i64>,
    times: Vec<DateTime<Utc>>,
    activity: Vec<i64>,
    changed: Vec<i64>,
}

impl Opened {
    pub(super) fn push(&mut self, chat_id: ChatId, change: &Change) {
        let [Some(first), Some(second)] = change.accounts else { return };
        for ((account, participant), side) in
            [(first, second), (second, first)].into_iter().zip(&change.sides)
        {
            let Some(opening) = side.opening else { continue };
            self.account_ids.push(account.0);
            self.chat_ids.push(chat_id.0);
            self.participant_ids.push(participant.0);
            self.total_messages.push(side.total_messages.unwrap_or_default());
            self.unread_counts.push(side.unread.unwrap_or_default() + side.unread_change);
            self.times.push(opening.at);
            self.activity.push(side.activity.unwrap_or(opening.position.0));
            self.changed.push(side.changed.unwrap_or(opening.position.0));
        }
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.chat_ids.is_empty() {
            return Ok(());
        }
        // For a member to whom it is revealed later, it is as inactive as for the other.
        sqlx::query!(
            "INSERT INTO chats (
                 account_id, chat_id, participant_id, total_messages, unread_count, active,
                 opened_at, activity, changed, changed_apart
             )
             SELECT account_id, chat_id, participant_id, total_messages, unread_count,
                    coalesce((
                        SELECT c.active
                        FROM chats c
                        WHERE c.chat_id = o.chat_id AND c.account_id = o.participant_id
                    ), true),
                    opened_at, activity, changed, changed
             FROM unnest(
                 $1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[],
                 $6::timestamptz[], $7::bigint[], $8::bigint[]
             ) AS o (
                 account_id, chat_id, participant_id, total_messages, unread_count,
                 opened_at, activity, changed
             )",
            &self.account_ids,
            &self.chat_ids,
            &self.participant_ids,
            &self.total_messages,
            &self.unread_counts,
            &self.times,
            &self.activity,
            &self.changed
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Changes to rows that are there: one entry a chat for up to two rows.
#[derive(Default)]
pub(super) struct Changed {
    chat_ids: Vec<Uuid>,
    /// Whose the first side is, and the second. With neither known, both are as the first.
    one: Vec<Option<Uuid>>,
    other: Vec<Option<Uuid>>,
    sides: [Sides; 2],
    rows: u64,
    /// Of those, as many may not be there.
    absent: u64,
}

/// The first or the second side of each chat.
#[derive(Default)]
struct Sides {
    unread: Vec<Option<i64>>,
    unread_change: Vec<i64>,
    total_messages: Vec<Option<i64>>,
    activity: Vec<Option<i64>>,
    /// `None`: nothing happened on this side.
    changed: Vec<Option<i64>>,
}

impl Side {
    /// Where something changed that was there before.
    fn changed_since(&self) -> Option<i64> {
        self.changed.filter(|_| self.opening.is_none())
    }
}

impl Sides {
    fn push(&mut self, side: &Side) {
        self.unread.push(side.unread);
        self.unread_change.push(side.unread_change);
        self.total_messages.push(side.total_messages);
        self.activity.push(side.activity);
        self.changed.push(side.changed_since());
    }
}

impl Changed {
    pub(super) fn push(&mut self, chat_id: ChatId, change: &Change) {
        let rows = change.sides.iter().filter(|it| it.changed_since().is_some()).count();
        if rows == 0 {
            return;
        }
        self.rows += rows as u64;
        self.absent += u64::from(change.is_of_any);
        let [one, other] = change.accounts;
        self.chat_ids.push(chat_id.0);
        self.one.push(one.map(|it| it.0));
        self.other.push(other.map(|it| it.0));
        for (sides, side) in self.sides.iter_mut().zip(&change.sides) {
            sides.push(side);
        }
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.chat_ids.is_empty() {
            return Ok(());
        }
        let [one, other] = &self.sides;
        let done = sqlx::query!(
            "UPDATE chats c
             SET unread_count = CASE WHEN c.participant_id = u.one
                     THEN coalesce(u.other_unread, c.unread_count) + u.other_change
                     ELSE coalesce(u.one_unread, c.unread_count) + u.one_change END,
                 total_messages = coalesce(
                     CASE WHEN c.participant_id = u.one THEN u.other_total ELSE u.one_total END,
                     c.total_messages
                 ),
                 activity = coalesce(
                     CASE WHEN c.participant_id = u.one THEN u.other_activity
                          ELSE u.one_activity END,
                     c.activity
                 ),
                 changed = greatest(
                     CASE WHEN c.participant_id = u.one THEN u.other_changed
                          ELSE u.one_changed END,
                     c.changed
                 ),
                 changed_apart = greatest(
                     CASE WHEN c.participant_id = u.one THEN u.other_changed
                          ELSE u.one_changed END,
                     c.changed_apart
                 )
             FROM unnest(
                 $1::uuid[], $2::uuid[], $3::uuid[],
                 $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
                 $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[]
             ) AS u (
                 chat_id, one, other,
                 one_unread, one_change, one_total, one_activity, one_changed,
                 other_unread, other_change, other_total, other_activity, other_changed
             )
             WHERE c.chat_id = u.chat_id
               AND (u.one IS NULL OR u.one IN (c.account_id, c.participant_id))
               AND (u.other IS NULL OR u.other IN (c.account_id, c.participant_id))
               AND CASE WHEN c.participant_id = u.one THEN u.other_changed
                        ELSE u.one_changed END IS NOT NULL",
            &self.chat_ids,
            &self.one as &[Option<Uuid>],
            &self.other as &[Option<Uuid>],
            &one.unread as &[Option<i64>],
            &one.unread_change,
            &one.total_messages as &[Option<i64>],
            &one.activity as &[Option<i64>],
            &one.changed as &[Option<i64>],
            &other.unread as &[Option<i64>],
            &other.unread_change,
            &other.total_messages as &[Option<i64>],
            &other.activity as &[Option<i64>],
            &other.changed as &[Option<i64>]
        )
        .execute(db)
        .await?;
        expect_all_but(self.absent, done.rows_affected(), self.rows, NOT_OPENED)
    }
}
