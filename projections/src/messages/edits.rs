//! Edited messages, and every wording that they had.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::Position;
use sqlx::PgConnection;

use super::key::{Key, Keys, expect_all};
use crate::error::ProjectionError;

/// The edits of a run, of each message in their order.
#[derive(Default)]
pub(super) struct Edits(HashMap<Key, Vec<Edit>>);

pub(super) struct Edit {
    pub(super) revision: i32,
    pub(super) position: Position,
    pub(super) edited_at: DateTime<Utc>,
    pub(super) withheld: bool,
    pub(super) text: Option<String>,
    pub(super) tags: Option<String>,
}

impl Edits {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, message: Key, edit: Edit) {
        self.0.entry(message).or_default().push(edit);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.keep_originals(db).await?;
        self.keep_revisions(db).await?;
        self.change(db).await
    }

    /// Before a message is edited for the first time, what was sent becomes its revision 0.
    async fn keep_originals(&self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let is_first = |edits: &[Edit]| edits.first().is_some_and(|it| it.revision == 1);
        let firsts: Keys = self
            .0
            .iter()
            .filter(|(_, edits)| is_first(edits))
            .map(|(message, _)| *message)
            .collect();
        if firsts.len() == 0 {
            return Ok(());
        }
        let done = sqlx::query!(
            "INSERT INTO message_revisions (
                 chat_id, number, revision, position, edited_at, withheld, text, tags
             )
             SELECT m.chat_id, m.number, 0, m.position, m.sent_at, false, m.text, m.tags
             FROM unnest($1::uuid[], $2::bigint[]) AS c (chat_id, number)
             JOIN messages m ON m.chat_id = c.chat_id AND m.number = c.number",
            &firsts.chat_ids,
            &firsts.numbers
        )
        .execute(db)
        .await?;
        expect_all(done.rows_affected(), firsts.len())
    }

    async fn keep_revisions(&self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut revisions, mut positions, mut times) = (vec![], vec![], vec![]);
        let (mut withheld, mut texts, mut tags) = (vec![], vec![], vec![]);
        for (message, edits) in &self.0 {
            for edit in edits {
                keys.push(*message);
                revisions.push(edit.revision);
                positions.push(edit.position.0);
                times.push(edit.edited_at);
                withheld.push(edit.withheld);
                texts.push(edit.text.clone());
                tags.push(edit.tags.clone());
            }
        }
        sqlx::query!(
            "INSERT INTO message_revisions (
                 chat_id, number, revision, position, edited_at, withheld, text, tags
             )
             SELECT chat_id, number, revision, position, edited_at, withheld, text,
                    string_to_array(tags, ' ')
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::int[], $4::bigint[], $5::timestamptz[],
                 $6::boolean[], $7::text[], $8::text[]
             ) AS r (chat_id, number, revision, position, edited_at, withheld, text, tags)",
            &keys.chat_ids,
            &keys.numbers,
            &revisions,
            &positions,
            &times,
            &withheld,
            &texts as &[Option<String>],
            &tags as &[Option<String>]
        )
        .execute(db)
        .await?;
        Ok(())
    }

    /// The message reads as the last edit that its recipient sees. Whether its sender sees another,
    /// the last one of all says.
    async fn change(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut keys = Keys::default();
        let (mut revisions, mut withheld_revisions) = (vec![], vec![]);
        let (mut times, mut texts, mut tags) = (vec![], vec![], vec![]);
        for (message, edits) in self.0 {
            let withheld = edits.last().filter(|it| it.withheld).map(|it| it.revision);
            let seen = edits.into_iter().rev().find(|it| !it.withheld);
            keys.push(message);
            withheld_revisions.push(withheld);
            revisions.push(seen.as_ref().map(|it| it.revision));
            times.push(seen.as_ref().map(|it| it.edited_at));
            let (text, tag) = seen.map(|it| (it.text, it.tags)).unwrap_or_default();
            texts.push(text);
            tags.push(tag);
        }
        let done = sqlx::query!(
            "UPDATE messages m
             SET withheld_revision = e.withheld_revision,
                 revision = coalesce(e.revision, m.revision),
                 edited_at = coalesce(e.edited_at, m.edited_at),
                 text = CASE WHEN e.revision IS NULL THEN m.text ELSE e.text END,
                 tags = CASE WHEN e.revision IS NULL THEN m.tags
                             ELSE string_to_array(e.tags, ' ') END
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::text[],
                 $7::text[]
             ) AS e (chat_id, number, withheld_revision, revision, edited_at, text, tags)
             WHERE m.chat_id = e.chat_id AND m.number = e.number",
            &keys.chat_ids,
            &keys.numbers,
            &withheld_revisions as &[Option<i32>],
            &revisions as &[Option<i32>],
            &times as &[Option<DateTime<Utc>>],
            &texts as &[Option<String>],
            &tags as &[Option<String>]
        )
        .execute(db)
        .await?;
        expect_all(done.rows_affected(), keys.len())
    }
}
