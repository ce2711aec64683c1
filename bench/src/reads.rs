//! Reads of a very long chat over HTTP: pages at any depth, and a device that has missed much of it.

use std::net::SocketAddr;

use domain::ChatId;
use hdrhistogram::Histogram;
use serde::Deserialize;
use sqlx::PgPool;
use tokio::time::{Duration, Instant};

use crate::Outcome;
use crate::http::{Connection, request, unexpected};
use crate::sends::{histogram, micros};

/// Messages or changes of a page: the most that may be asked for, as a device would.
const PAGE: i64 = 100;

/// Changes that a device has missed.
const MISSED: i64 = 10_000;

/// Where pages are read, in a chat of so many messages.
pub(crate) struct Depths {
    /// What it is called, and the query.
    places: Vec<(String, String)>,
}

/// What a device took to catch up.
pub(crate) struct CaughtUp {
    pub(crate) changes: i64,
    pub(crate) elapsed: Duration,
    /// Of a page, in microseconds.
    pub(crate) pages: Histogram<u64>,
}

/// As much of the answer as is needed.
#[derive(Deserialize)]
struct Synced {
    start_afresh: bool,
    items: Vec<serde::de::IgnoredAny>,
    next: String,
    more: bool,
}

impl Depths {
    /// The newest messages, those halfway, the very first; and the newest of when half were sent.
    pub(crate) async fn of(db: &PgPool, chat: ChatId) -> Outcome<Self> {
        let last = last(db, chat).await?;
        let then = position(db, chat, last / 2).await?;
        let place = |name: &str, query: String| (name.to_owned(), format!("?limit={PAGE}{query}"));
        Ok(Self {
            places: vec![
                place("the newest page", String::new()),
                place("the page halfway", format!("&before={}", last / 2)),
                place("the very first page", "&after=0".to_owned()),
                place("the newest page as of half", format!("&as_of={then}")),
            ],
        })
    }

    /// Reads each page `times` times, by turns.
    pub(crate) async fn read(
        self,
        addr: SocketAddr,
        token: &str,
        chat: ChatId,
        times: usize,
    ) -> Outcome<Vec<(String, Histogram<u64>)>> {
        let mut connection = Connection::open(addr).await?;
        let mut all = Vec::new();
        for (name, query) in self.places {
            let path = format!("/v1/chats/{chat}/messages{query}");
            all.push((name, request("GET", &path, Some(token), "", ""), histogram()?));
        }
        for _ in 0..times {
            for (name, request, latency) in &mut all {
                let since = Instant::now();
                let answer = connection.call(request).await?;
                if answer.status != 200 {
                    return Err(unexpected(&answer, name));
                }
                latency.record(micros(since.elapsed()))?;
            }
        }
        Ok(all.into_iter().map(|(name, _, latency)| (name, latency)).collect())
    }
}

/// A device catches up that was away for the last [`MISSED`] messages of `chat`, or half of them when
/// there are fewer.
pub(crate) async fn catch_up(
    db: &PgPool,
    addr: SocketAddr,
    token: &str,
    chat: ChatId,
) -> Outcome<CaughtUp> {
    let mut since = missed_since(db, chat).await?.to_string();
    let mut connection = Connection::open(addr).await?;
    let (mut changes, mut pages, start) = (0, histogram()?, Instant::now());
    loop {
        let path = format!("/v1/sync?since={since}&limit={PAGE}");
        let asked = Instant::now();
        let answer = connection.call(&request("GET", &path, Some(token), "", "")).await?;
        if answer.status != 200 {
            return Err(unexpected(&answer, "a page of changes"));
        }
        pages.record(micros(asked.elapsed()))?;
        let synced: Synced = serde_json::from_slice(answer.body)?;
        if synced.start_afresh {
            return Err("the device was told to start afresh".into());
        }
        changes += i64::try_from(synced.items.len())?;
        if !synced.more {
            return Ok(CaughtUp { changes, elapsed: start.elapsed(), pages });
        }
        since = synced.next;
    }
}

/// Where a device left off that has missed so much of `chat`.
pub(crate) async fn missed_since(db: &PgPool, chat: ChatId) -> Outcome<i64> {
    let last = last(db, chat).await?;
    position(db, chat, last - MISSED.min(last / 2)).await
}

async fn last(db: &PgPool, chat: ChatId) -> Outcome<i64> {
    let last = sqlx::query_scalar("SELECT max(number) FROM read.messages WHERE chat_id = $1");
    let last: Option<i64> = last.bind(chat.0).fetch_one(db).await?;
    Ok(last.ok_or("the chat has no messages")?)
}

/// Where in the log the message of this number was sent.
async fn position(db: &PgPool, chat: ChatId, number: i64) -> Outcome<i64> {
    let position =
        sqlx::query_scalar("SELECT position FROM read.messages WHERE chat_id = $1 AND number = $2");
    Ok(position.bind(chat.0).bind(number).fetch_one(db).await?)
}
