//! NATS: the connection, and what is the same for the relay and for the feed.

use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, HeaderMap};
use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use uuid::Uuid;

use crate::recorded::StoredEvent;

/// The JetStream stream that holds the log's newest events. Its sequence is the position.
pub const STREAM: &str = "PARLANCE_EVENTS";

/// `parlance.events.<aggregate_type>.<aggregate_id>`
const SUBJECTS: &str = "parlance.events.>";

/// Events that the stream keeps; older ones are read from PostgreSQL. About 600 MB.
pub const RETAINED_MAX: i64 = 1_000_000;

/// How long the server remembers the ids of messages to refuse duplicates. Each publish names the
/// sequence before it, which does that already: two minutes, its default, would be memory for nothing.
const DUPLICATES: Duration = Duration::from_secs(1);

/// How long one answer of the server may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

const HEADER_SEQUENCE: &str = "Parlance-Sequence";
const HEADER_EVENT_TYPE: &str = "Parlance-Event-Type";
const HEADER_EVENT_VERSION: &str = "Parlance-Event-Version";
const HEADER_RECORDED_AT: &str = "Parlance-Recorded-At";
const HEADER_METADATA: &str = "Parlance-Metadata";

/// `NATS_URL` leads nowhere.
#[derive(Debug, Error)]
#[error("NATS_URL cannot be used")]
pub struct NatsError(#[from] async_nats::ConnectError);

/// Connects, and goes on connecting in the background whenever the server is away.
///
/// # Errors
///
/// When the URL is wrong. A server that is away is no error: the log does without it.
pub async fn connect(url: &SecretString) -> Result<Context, NatsError> {
    let client = options().connect(url.expose_secret()).await?;
    let context = jetstream::context::ContextBuilder::new()
        .timeout(REQUEST_TIMEOUT)
        .ack_timeout(REQUEST_TIMEOUT)
        .build(client);
    Ok(context)
}

/// Connects for the bus, likewise: with a client that does not hear what it publishes itself.
///
/// # Errors
///
/// When the URL is wrong.
pub async fn connect_bus(url: &SecretString) -> Result<Client, NatsError> {
    Ok(options().no_echo().connect(url.expose_secret()).await?)
}

fn options() -> ConnectOptions {
    ConnectOptions::new()
        .name("parlance")
        .retry_on_initial_connect()
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(50 * u64::try_from(attempts.min(20)).unwrap_or(20))
        })
}

/// The stream as it is created: its first sequence is the position it begins with.
pub(crate) fn stream_config(first: i64) -> Config {
    Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECTS.to_owned()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        max_messages: RETAINED_MAX,
        first_sequence: Some(first.unsigned_abs()),
        deny_delete: true,
        allow_direct: true,
        duplicate_window: DUPLICATES,
        description: Some("Parlance's event log; sequence == position".to_owned()),
        ..Config::default()
    }
}

pub(crate) fn subject(event: &StoredEvent) -> String {
    format!("parlance.events.{}.{}", event.aggregate_type, event.aggregate_id)
}

/// What a message says about its event, and about its place: in this stream, right after the event
/// before it.
pub(crate) fn headers(event: &StoredEvent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, event.event_id.to_string());
    headers.insert(NATS_EXPECTED_STREAM, STREAM);
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (event.position - 1).to_string());
    headers.insert(HEADER_SEQUENCE, event.sequence.to_string());
    headers.insert(HEADER_EVENT_TYPE, event.event_type.as_str());
    headers.insert(HEADER_EVENT_VERSION, event.event_version.as_str());
    let recorded_at = event.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    headers.insert(HEADER_RECORDED_AT, recorded_at);
    headers.insert(HEADER_METADATA, event.metadata.as_str());
    headers
}

/// The event in a message; nothing when the message is not one of the relay's.
pub(crate) fn stored(message: &async_nats::Message, sequence: u64) -> Option<StoredEvent> {
    let headers = message.headers.as_ref()?;
    let header = |name: &str| headers.get(name).map(async_nats::HeaderValue::as_str);
    let mut subject = message.subject.as_str().strip_prefix("parlance.events.")?.splitn(2, '.');
    Some(StoredEvent {
        position: i64::try_from(sequence).ok()?,
        aggregate_type: subject.next()?.to_owned(),
        aggregate_id: subject.next()?.to_owned(),
        sequence: header(HEADER_SEQUENCE)?.parse().ok()?,
        event_type: header(HEADER_EVENT_TYPE)?.to_owned(),
        event_version: header(HEADER_EVENT_VERSION)?.to_owned(),
        payload: String::from_utf8(message.payload.to_vec()).ok()?,
        metadata: header(HEADER_METADATA)?.to_owned(),
        event_id: header("Nats-Msg-Id")?.parse::<Uuid>().ok()?,
        recorded_at: header(HEADER_RECORDED_AT)?.parse::<DateTime<Utc>>().ok()?,
    })
}
