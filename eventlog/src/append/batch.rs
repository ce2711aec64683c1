//! One batch, as arrays for `append_events`, and what the database said to it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Append, AppendError, Appended};
use crate::recorded::Position;

/// What `append_events` raises, in the order in which it looks.
const STREAM_CONFLICT: &str = "PA001";
const CLAIM_HELD: &str = "PA002";
const KEY_TAKEN: &str = "PA003";

/// The arguments of `append_events`. Every list is in the order of the appends.
#[derive(Default)]
struct Arguments<'a> {
    streams: Streams<'a>,
    events: Events<'a>,
    claims: Claims<'a>,
    keys: Keys<'a>,
}

#[derive(Default)]
struct Streams<'a> {
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    expected: Vec<i64>,
    added: Vec<i64>,
    /// Which appends are on the stream.
    members: Vec<Vec<usize>>,
}

#[derive(Default)]
struct Events<'a> {
    aggregate_types: Vec<&'a str>,
    aggregate_ids: Vec<&'a str>,
    sequences: Vec<i64>,
    types: Vec<&'a str>,
    versions: Vec<&'a str>,
    payloads: Vec<&'a str>,
    metadata: Vec<&'a str>,
    ids: Vec<Uuid>,
}

#[derive(Default)]
struct Claims<'a> {
    scopes: Vec<&'static str>,
    values: Vec<&'a [u8]>,
    owners: Vec<&'a str>,
    takes: Vec<bool>,
    appends: Vec<usize>,
}

#[derive(Default)]
struct Keys<'a> {
    callers: Vec<Uuid>,
    names: Vec<&'a str>,
    fingerprints: Vec<&'a [u8]>,
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    first: Vec<i64>,
    last: Vec<i64>,
    appends: Vec<usize>,
}

/// What the database did with a batch.
pub(super) enum Verdict {
    /// Everything is durable: one answer an append.
    Appended(Vec<Appended>),
    /// Nothing was written. These appends, by index, are why; the others may go again.
    Refused(Vec<(usize, AppendError)>),
    /// It is not known whether anything was written.
    Unknown(sqlx::Error),
}

/// Writes `appends` in one transaction.
pub(super) async fn write(connection: &mut PgConnection, appends: &[&Append]) -> Verdict {
    let arguments = Arguments::new(appends);
    match arguments.call(connection).await {
        Ok((first, at)) => Verdict::Appended(answers(appends, first, at)),
        Err(error) => arguments.judge(error, appends.len()),
    }
}

/// The answers of a batch whose first event came to stand at `first`.
pub(super) fn answers(
    appends: &[&Append],
    first: i64,
    recorded_at: DateTime<Utc>,
) -> Vec<Appended> {
    let mut next = first;
    let answer = |append: &&Append| {
        next += i64::try_from(append.events.len()).unwrap_or_default();
        Appended { position: Position(next - 1), recorded_at }
    };
    appends.iter().map(answer).collect()
}

impl<'a> Arguments<'a> {
    fn new(appends: &[&'a Append]) -> Self {
        let mut it = Self::default();
        let mut places: HashMap<(&str, &str), usize> = HashMap::new();
        for (index, append) in appends.iter().enumerate() {
            let added = i64::try_from(append.events.len()).unwrap_or_default();
            match places.entry((append.aggregate_type, &append.aggregate_id)) {
                Entry::Occupied(place) => {
                    it.streams.added[*place.get()] += added;
                    it.streams.members[*place.get()].push(index);
                }
                Entry::Vacant(place) => {
                    place.insert(it.streams.types.len());
                    it.streams.types.push(append.aggregate_type);
                    it.streams.ids.push(&append.aggregate_id);
                    it.streams.expected.push(append.expected);
                    it.streams.added.push(added);
                    it.streams.members.push(vec![index]);
                }
            }
            it.events.add(append);
            it.claims.add(index, append);
            it.keys.add(index, append, added);
        }
        it
    }

    async fn call(&self, connection: &mut PgConnection) -> sqlx::Result<(i64, DateTime<Utc>)> {
        let Self { streams, events, claims, keys } = self;
        let row = sqlx::query!(
            r#"SELECT first_position AS "first_position!", appended_at AS "appended_at!"
               FROM append_events(
                   $1, $2, $3, $4,
                   $5, $6, $7, $8, $9, $10, $11, $12,
                   $13, $14, $15, $16,
                   $17, $18, $19, $20, $21, $22, $23)"#,
            &streams.types as &[&str],
            &streams.ids as &[&str],
            &streams.expected,
            &streams.added,
            &events.aggregate_types as &[&str],
            &events.aggregate_ids as &[&str],
            &events.sequences,
            &events.types as &[&str],
            &events.versions as &[&str],
            &events.payloads as &[&str],
            &events.metadata as &[&str],
            &events.ids,
            &claims.scopes as &[&str],
            &claims.values as &[&[u8]],
            &claims.owners as &[&str],
            &claims.takes,
            &keys.callers,
            &keys.names as &[&str],
            &keys.fingerprints as &[&[u8]],
            &keys.types as &[&str],
            &keys.ids as &[&str],
            &keys.first,
            &keys.last,
        )
        .fetch_one(connection)
        .await?;
        Ok((row.first_position, row.appended_at))
    }

    /// Who of the batch caused `error`.
    fn judge(&self, error: sqlx::Error, appends: usize) -> Verdict {
        let Some(refusal) = error.as_database_error() else {
            return Verdict::Unknown(error);
        };
        let code = refusal.code().unwrap_or_default().into_owned();
        let culprits = culprits(&error);
        match code.as_str() {
            STREAM_CONFLICT => Verdict::Refused(
                culprits
                    .iter()
                    .filter_map(|it| self.streams.members.get(*it))
                    .flatten()
                    .map(|index| (*index, AppendError::Conflict))
                    .collect(),
            ),
            CLAIM_HELD => {
                let held = |it: &usize| {
                    let scope = *self.claims.scopes.get(*it)?;
                    Some((*self.claims.appends.get(*it)?, AppendError::ClaimHeld { scope }))
                };
                Verdict::Refused(self.with_followers(culprits.iter().filter_map(held).collect()))
            }
            KEY_TAKEN => {
                let taken =
                    |it: &usize| Some((*self.keys.appends.get(*it)?, AppendError::KeyTaken));
                Verdict::Refused(self.with_followers(culprits.iter().filter_map(taken).collect()))
            }
            _ if is_passing(&code) => Verdict::Unknown(error),
            _ => {
                let refused = AppendError::Refused(error.to_string());
                Verdict::Refused((0..appends).map(|index| (index, refused.clone())).collect())
            }
        }
    }

    /// Appends later in a refused one's stream were decided on what it would have left.
    fn with_followers(&self, refused: Vec<(usize, AppendError)>) -> Vec<(usize, AppendError)> {
        let mut all: HashMap<usize, AppendError> = HashMap::new();
        for (index, _) in &refused {
            for members in self.streams.members.iter().filter(|it| it.contains(index)) {
                let followers = members.iter().filter(|it| *it > index);
                all.extend(followers.map(|it| (*it, AppendError::Conflict)));
            }
        }
        all.extend(refused);
        all.into_iter().collect()
    }
}

impl<'a> Events<'a> {
    fn add(&mut self, append: &'a Append) {
        for (sequence, event) in (append.expected + 1..).zip(&append.events) {
            self.aggregate_types.push(append.aggregate_type);
            self.aggregate_ids.push(&append.aggregate_id);
            self.sequences.push(sequence);
            self.types.push(&event.encoded.event_type);
            self.versions.push(&event.encoded.event_version);
            self.payloads.push(&event.encoded.payload);
            self.metadata.push(&append.metadata);
            self.ids.push(event.event_id);
        }
    }
}

impl<'a> Claims<'a> {
    fn add(&mut self, index: usize, append: &'a Append) {
        for claim in &append.claims {
            self.scopes.push(claim.scope);
            self.values.push(&claim.value);
            self.owners.push(&append.aggregate_id);
            self.takes.push(claim.take);
            self.appends.push(index);
        }
    }
}

impl<'a> Keys<'a> {
    fn add(&mut self, index: usize, append: &'a Append, added: i64) {
        if let Some(key) = &append.key {
            self.callers.push(key.caller);
            self.names.push(&key.key);
            self.fingerprints.push(&key.fingerprint);
            self.types.push(append.aggregate_type);
            self.ids.push(&append.aggregate_id);
            self.first.push(append.expected + 1);
            self.last.push(append.expected + added);
            self.appends.push(index);
        }
    }
}

/// The array positions that `append_events` named, from 0.
fn culprits(error: &sqlx::Error) -> Vec<usize> {
    error
        .as_database_error()
        .and_then(|it| it.try_downcast_ref::<sqlx::postgres::PgDatabaseError>())
        .and_then(|it| it.detail())
        .and_then(|it| serde_json::from_str::<Vec<usize>>(it).ok())
        .unwrap_or_default()
        .into_iter()
        .filter_map(|it| it.checked_sub(1))
        .collect()
}

/// SQLSTATEs that say nothing about the batch: the server stops or starts (57P), ran short of
/// something (53), lost a connection (08), or broke a deadlock (40).
fn is_passing(code: &str) -> bool {
    ["08", "40", "53", "57P", "55P03", "25P03"].iter().any(|it| code.starts_with(it))
}
