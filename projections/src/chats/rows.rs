//! Changes as arrays, and the statements that write them.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::projector::{Change, Member, Opening};
use crate::error::{ProjectionError, contradiction};

/// New rows: two a chat.
#[derive(Default)]
pub(super) struct Opened {
    account_ids: Vec<Uuid>,
    chat_ids: Vec<Uuid>,
    participant_ids: Vec<Uuid>,
    total_messages: Vec<i64>,
    unread_counts: Vec<i64>,
    read_up_to: Vec<i64>,
    active: Vec<bool>,
    times: Vec<DateTime<Utc>>,
    activity: Vec<i64>,
}

impl Opened {
    pub(super) fn push(&mut self, chat_id: ChatId, opening: &Opening, change: &Change) {
        let [first, second] = opening.members;
        for (account, participant) in [(first, second), (second, first)] {
            let member = change.of(account);
            self.account_ids.push(account.0);
            self.chat_ids.push(chat_id.0);
            self.participant_ids.push(participant.0);
            self.total_messages.push(change.total_messages.unwrap_or_default());
            self.unread_counts.push(member.unread.unwrap_or_default() + member.unread_change);
            self.read_up_to.push(member.read_up_to.unwrap_or_default());
            self.active.push(change.active.unwrap_or(true));
            self.times.push(opening.at);
            self.activity.push(change.activity.unwrap_or(opening.position.0));
        }
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.chat_ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO chats (
                 account_id, chat_id, participant_id, total_messages, unread_count,
                 read_up_to, active, opened_at, activity
             )
             SELECT *
             FROM unnest(
                 $1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[],
                 $6::bigint[], $7::boolean[], $8::timestamptz[], $9::bigint[]
             )",
            &self.account_ids,
            &self.chat_ids,
            &self.participant_ids,
            &self.total_messages,
            &self.unread_counts,
            &self.read_up_to,
            &self.active,
            &self.times,
            &self.activity
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

impl Change {
    fn of(&self, account: AccountId) -> Member {
        let found = self.members.iter().flatten().find(|it| it.0 == account);
        found.map(|it| it.1).unwrap_or_default()
    }

    /// Whether it concerns both members.
    fn is_shared(&self) -> bool {
        self.total_messages.is_some() || self.activity.is_some() || self.active.is_some()
    }
}

/// Changes to rows that are there: one entry a chat for up to two rows.
#[derive(Default)]
pub(super) struct Changed {
    chat_ids: Vec<Uuid>,
    total_messages: Vec<Option<i64>>,
    activity: Vec<Option<i64>>,
    active: Vec<Option<bool>>,
    is_shared: Vec<bool>,
    members: [Members; 2],
    rows: u64,
}

/// The first or the second member of each chat to whom something happened.
#[derive(Default)]
struct Members {
    account_ids: Vec<Option<Uuid>>,
    unread: Vec<Option<i64>>,
    unread_change: Vec<i64>,
    read_up_to: Vec<Option<i64>>,
}

impl Members {
    fn push(&mut self, member: Option<(AccountId, Member)>) {
        let account = member.map(|it| it.0.0);
        let member = member.map(|it| it.1).unwrap_or_default();
        self.account_ids.push(account);
        self.unread.push(member.unread);
        self.unread_change.push(member.unread_change);
        self.read_up_to.push(member.read_up_to);
    }
}

impl Changed {
    pub(super) fn push(&mut self, chat_id: ChatId, change: &Change) {
        let is_shared = change.is_shared();
        self.chat_ids.push(chat_id.0);
        self.total_messages.push(change.total_messages);
        self.activity.push(change.activity);
        self.active.push(change.active);
        self.is_shared.push(is_shared);
        for (members, member) in self.members.iter_mut().zip(change.members) {
            members.push(member);
        }
        self.rows += if is_shared { 2 } else { change.members.iter().flatten().count() as u64 };
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.chat_ids.is_empty() {
            return Ok(());
        }
        let [one, other] = &self.members;
        let done = sqlx::query!(
            "UPDATE chats c
             SET total_messages = coalesce(u.total_messages, c.total_messages),
                 activity = coalesce(u.activity, c.activity),
                 active = coalesce(u.active, c.active),
                 unread_count = CASE c.account_id
                     WHEN u.one THEN coalesce(u.one_unread, c.unread_count) + u.one_change
                     WHEN u.other THEN coalesce(u.other_unread, c.unread_count) + u.other_change
                     ELSE c.unread_count
                 END,
                 read_up_to = CASE c.account_id
                     WHEN u.one THEN coalesce(u.one_read_up_to, c.read_up_to)
                     WHEN u.other THEN coalesce(u.other_read_up_to, c.read_up_to)
                     ELSE c.read_up_to
                 END
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[], $5::boolean[],
                 $6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[],
                 $10::uuid[], $11::bigint[], $12::bigint[], $13::bigint[]
             ) AS u (
                 chat_id, total_messages, activity, active, is_shared,
                 one, one_unread, one_change, one_read_up_to,
                 other, other_unread, other_change, other_read_up_to
             )
             WHERE c.chat_id = u.chat_id
               AND (u.is_shared OR c.account_id IN (u.one, u.other))",
            &self.chat_ids,
            &self.total_messages as &[Option<i64>],
            &self.activity as &[Option<i64>],
            &self.active as &[Option<bool>],
            &self.is_shared,
            &one.account_ids as &[Option<Uuid>],
            &one.unread as &[Option<i64>],
            &one.unread_change,
            &one.read_up_to as &[Option<i64>],
            &other.account_ids as &[Option<Uuid>],
            &other.unread as &[Option<i64>],
            &other.unread_change,
            &other.read_up_to as &[Option<i64>]
        )
        .execute(db)
        .await?;
        if done.rows_affected() == self.rows {
            Ok(())
        } else {
            Err(contradiction("the chat was never opened, or this is not a member of it"))
        }
    }
}
