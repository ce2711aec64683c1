//! Reactions: the one that each member has on a message, and those they had before.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use super::key::{Key, Keys};
use crate::error::ProjectionError;

/// What each member did to each message in a run, in its order.
#[derive(Default)]
pub(super) struct Reactions(HashMap<(Key, AccountId), Vec<Reaction>>);

/// A reaction, or its removal: either ends the one before.
pub(super) struct Reaction {
    pub(super) position: Position,
    /// The other member sees it.
    pub(super) is_shown: bool,
    /// What was put in place of the one before, and when. The emoji may be erased.
    pub(super) put: Option<(Option<String>, DateTime<Utc>)>,
}

/// New rows, as arrays.
#[derive(Default)]
struct New {
    keys: Keys,
    account_ids: Vec<Uuid>,
    positions: Vec<i64>,
    until: Vec<Option<i64>>,
    shown_until: Vec<Option<i64>>,
    times: Vec<DateTime<Utc>>,
    emojis: Vec<Option<String>>,
}

impl Reactions {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, message: Key, by: AccountId, reaction: Reaction) {
        self.0.entry((message, by)).or_default().push(reaction);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.end_earlier(db).await?;
        let mut new = New::default();
        for ((message, by), reactions) in self.0 {
            new.push_all(message, by, &reactions);
        }
        new.write(db).await
    }

    /// The first of the run ends what was there before it; for the other member, the first that they
    /// see does.
    async fn end_earlier(&self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut account_ids, mut until, mut shown_until) = (vec![], vec![], vec![]);
        for ((message, by), reactions) in &self.0 {
            keys.push(*message);
            account_ids.push(by.0);
            until.push(reactions.first().map(|it| it.position.0));
            shown_until.push(reactions.iter().find(|it| it.is_shown).map(|it| it.position.0));
        }
        sqlx::query!(
            "UPDATE reactions r
             SET until = coalesce(r.until, e.until),
                 shown_until = coalesce(r.shown_until, e.shown_until)
             FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[])
                  AS e (chat_id, number, account_id, until, shown_until)
             WHERE r.chat_id = e.chat_id
               AND r.number = e.number
               AND r.account_id = e.account_id
               AND (r.until IS NULL OR r.shown_until IS NULL)",
            &keys.chat_ids,
            &keys.numbers,
            &account_ids,
            &until as &[Option<i64>],
            &shown_until as &[Option<i64>]
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

impl New {
    fn push_all(&mut self, message: Key, by: AccountId, reactions: &[Reaction]) {
        for (reaction, later) in reactions
            .iter()
            .zip(1..)
            .map(|(it, next)| (it, reactions.get(next..).unwrap_or_default()))
        {
            let Some((emoji, at)) = &reaction.put else { continue };
            let position = reaction.position.0;
            let next_shown = later.iter().find(|it| it.is_shown).map(|it| it.position.0);
            self.keys.push(message);
            self.account_ids.push(by.0);
            self.positions.push(position);
            self.until.push(later.first().map(|it| it.position.0));
            self.shown_until.push(if reaction.is_shown { next_shown } else { Some(position) });
            self.times.push(*at);
            self.emojis.push(emoji.clone());
        }
    }

    async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.positions.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO reactions (
                 chat_id, number, account_id, position, until, shown_until, reacted_at, emoji
             )
             SELECT *
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[],
                 $7::timestamptz[], $8::text[]
             )",
            &self.keys.chat_ids,
            &self.keys.numbers,
            &self.account_ids,
            &self.positions,
            &self.until as &[Option<i64>],
            &self.shown_until as &[Option<i64>],
            &self.times,
            &self.emojis as &[Option<String>]
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
