//! The relay: publishes the log to JetStream, so that stream sequence == position.
//!
//! Every publish says which sequence it expects before it. So a message that is lost, doubled or out
//! of order is refused by the server, and everything after it; two relays cannot both succeed; and a
//! server that lost its tail or all of its store is found out by comparing two numbers, and healed
//! from PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::stream::{FuturesOrdered, StreamExt};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::append;
use crate::hand_over::{Fresh, OpenTail, Published, Tail};
use crate::history::{self, HistoryError, Stranger};
use crate::lease::Lease;
use crate::nats::{self, RETAINED_MAX};
use crate::pace::gathering;
use crate::read;
use crate::recorded::Position;

/// The name of the relay's lease, and of its row in `checkpoints`.
pub const NAME: &str = "relay";

/// Messages that may be without an answer.
const IN_FLIGHT_MAX: usize = 512;

/// Every so many messages one asks for an answer, and so does the last. Each names the message
/// before it, so whoever is accepted stands for all before: an answer to each would cost the server
/// and us as much as the messages themselves.
const ANSWERED_EVERY: usize = 128;

/// How long to wait for news from this process before asking PostgreSQL for news from others.
const IDLE: Duration = Duration::from_millis(50);

/// How often an idle relay compares the stream with the log.
const CHECK: Duration = Duration::from_secs(1);

/// After a failure.
const RETRY: Duration = Duration::from_millis(250);

/// How often the checkpoint is written, and the lease's epoch compared.
const SAVE: Duration = Duration::from_millis(500);

#[derive(Debug, Error)]
enum RelayError {
    #[error("the log could not be read")]
    Database(#[from] sqlx::Error),
    #[error("JetStream failed: {0}")]
    Stream(String),
    /// Another relay published, or the stream lost its tail. Its end must be looked up again.
    #[error("the stream is not where it was")]
    Moved,
    /// No relay can mend that.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error("another relay has taken over")]
    Fenced,
}

impl From<HistoryError> for RelayError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Database(error) => Self::Database(error),
            HistoryError::Stream(error) => Self::Stream(error),
            HistoryError::Stranger(error) => Self::Stranger(error),
        }
    }
}

/// Publishes what is in the log and not in the stream.
pub struct Relay {
    pub db: PgPool,
    pub stream: Context,
    /// Moves when this process appends; what others append is found by asking.
    pub appended: watch::Receiver<Position>,
    /// What this process appends: it need not be read.
    pub tail: Tail,
    /// To the feed of this process.
    pub published: Published,
}

impl Relay {
    /// Relays until `lost`, whatever fails meanwhile.
    pub async fn run(self: Arc<Self>, lease: Lease, lost: CancellationToken) {
        while !lost.is_cancelled() {
            let attempt = Attempt { relay: &self, epoch: lease.epoch, saved: Instant::now() };
            let ended = tokio::select! {
                () = lost.cancelled() => return,
                ended = attempt.run() => ended,
            };
            match ended {
                Err(RelayError::Fenced) => return,
                Err(error @ RelayError::Stranger(_)) => {
                    tracing::error!(%error, "the relay is stopped until an operator decides");
                    metrics::gauge!("parlance_relay_stopped").set(1.0);
                    tokio::time::sleep(CHECK * 5).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the relay starts again");
                    tokio::time::sleep(RETRY).await;
                }
                Ok(never) => match never {},
            }
        }
    }
}

/// One run from looking up the stream's end to the first failure.
struct Attempt<'a> {
    relay: &'a Relay,
    epoch: i64,
    saved: Instant,
}

impl Attempt<'_> {
    async fn run(mut self) -> Result<std::convert::Infallible, RelayError> {
        let tail = self.relay.tail.open();
        let mut published = self.find_end().await?;
        metrics::gauge!("parlance_relay_stopped").set(0.0);
        self.save(published).await?;
        let mut appended = self.relay.appended.clone();
        let mut checked = Instant::now();
        let mut looked = Instant::now();
        loop {
            let began = Instant::now();
            if self.saved.elapsed() >= SAVE {
                self.save(published).await?;
            }
            let events = self.next(&tail, published).await?;
            let (count, since) = (events.len(), began - std::mem::replace(&mut looked, began));
            if events.is_empty() {
                if checked.elapsed() >= CHECK {
                    checked = Instant::now();
                    if history::stream_end(&self.relay.stream).await? != Some(published) {
                        return Err(RelayError::Moved);
                    }
                }
                append::news(&mut appended, IDLE).await;
            } else {
                let messages = messages(published, &events)?;
                self.relay.published.give(events);
                published = self.publish(published, messages).await?;
                metrics::gauge!("parlance_relay_position").set(published.0 as f64);
            }
            if i64::try_from(count).is_ok_and(|it| it < read::PAGE) {
                sleep_until(began + gathering(count, since)).await;
            }
        }
    }

    /// The events after `published`, as far as they are there.
    async fn next(&self, tail: &OpenTail<'_>, published: Position) -> sqlx::Result<Vec<Fresh>> {
        let events = tail.take(published);
        if !events.is_empty() {
            return Ok(events);
        }
        let page = read::page(&self.relay.db, published, read::PAGE).await?;
        Ok(page.into_iter().map(Fresh::from).collect())
    }

    /// Publishes what follows `published`; returns the last, which is acknowledged and all before it. A
    /// failure drops everything in flight: nothing is ever sent again on its own.
    async fn publish(
        &self,
        published: Position,
        messages: Vec<Message>,
    ) -> Result<Position, RelayError> {
        let (stream, client) = (&self.relay.stream, self.relay.stream.client());
        let (mut answers, count) = (FuturesOrdered::new(), messages.len());
        for (place, Message { subject, headers, payload }) in (1..).zip(messages) {
            if answers.len() >= IN_FLIGHT_MAX / ANSWERED_EVERY {
                acknowledged(answers.next().await)?;
            }
            if place < count && place % ANSWERED_EVERY > 0 {
                let sent = client.publish_with_headers(subject, headers, payload).await;
                sent.map_err(|error| RelayError::Stream(error.to_string()))?;
            } else {
                let message = PublishMessage::build().headers(headers).payload(payload);
                let sent = stream.send_publish(subject, message).await;
                let sent = sent.map_err(|error| RelayError::Stream(error.to_string()))?;
                answers.push_back(sent.into_future());
            }
        }
        while let Some(answer) = answers.next().await {
            acknowledged(Some(answer))?;
        }
        Ok(Position(published.0 + i64::try_from(count).unwrap_or_default()))
    }

    /// Where to go on, after making sure that the stream and the log are of one history.
    async fn find_end(&self) -> Result<Position, RelayError> {
        let Some(end) = history::end(&self.relay.db, &self.relay.stream).await? else {
            let head = read::head(&self.relay.db).await?;
            let first = (head.0 - RETAINED_MAX + 1).max(1);
            tracing::info!(first, "creating the stream");
            self.relay
                .stream
                .create_stream(nats::stream_config(first))
                .await
                .map_err(|error| RelayError::Stream(error.to_string()))?;
            return Ok(Position(first - 1));
        };
        let published = read::checkpoint(&self.relay.db, NAME).await?;
        if end < published {
            tracing::warn!(%end, %published, "the stream lost acknowledged events; publishing them again");
            metrics::counter!("parlance_relay_healed_total").increment(published.0.abs_diff(end.0));
        }
        Ok(end)
    }

    /// Records how far the stream is known to reach, unless another relay holds the lease by now.
    async fn save(&mut self, published: Position) -> Result<(), RelayError> {
        self.saved = Instant::now();
        let done = sqlx::query!(
            "INSERT INTO checkpoints AS c (name, position)
             SELECT $1, $2 FROM leases WHERE name = $1 AND epoch = $3
             ON CONFLICT (name) DO UPDATE
             SET position = excluded.position, applied_at = now()
             WHERE c.position <> excluded.position",
            NAME,
            published.0,
            self.epoch
        )
        .execute(&self.relay.db)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        let epoch = sqlx::query_scalar!("SELECT epoch FROM leases WHERE name = $1", NAME)
            .fetch_optional(&self.relay.db)
            .await?;
        if epoch == Some(self.epoch) { Ok(()) } else { Err(RelayError::Fenced) }
    }
}

/// What the stream is to hold of an event.
struct Message {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

/// The messages of `events`, which must follow `published` without a gap.
fn messages(published: Position, events: &[Fresh]) -> Result<Vec<Message>, RelayError> {
    let message = |(Fresh { stored, .. }, place): (&Fresh, i64)| {
        if stored.position != place {
            return Err(RelayError::Stream(format!("the log has no event {place}")));
        }
        let (subject, headers) = (nats::subject(stored), nats::headers(stored));
        Ok(Message { subject, headers, payload: stored.payload.clone().into() })
    };
    events.iter().zip(published.0 + 1..).map(message).collect()
}

/// What the server said to one publish.
fn acknowledged(
    answer: Option<
        Result<
            async_nats::jetstream::publish::PublishAck,
            async_nats::jetstream::context::PublishError,
        >,
    >,
) -> Result<(), RelayError> {
    match answer {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(error)) => match error.kind() {
            PublishErrorKind::WrongLastSequence | PublishErrorKind::StreamNotFound => {
                Err(RelayError::Moved)
            }
            PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => Err(RelayError::Stream(error.to_string())),
        },
    }
}
