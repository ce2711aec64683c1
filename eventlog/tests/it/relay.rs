//! The relay, on a real `nats-server`: stream sequence == position, whatever happens to the server.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;
use eventlog::nats::{self, STREAM};
use eventlog::relay::{self, Relay};
use eventlog::{Position, hand_over, lease, read};
use testing::NatsServer;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::log::{Log, chat};

const PATIENCE: Duration = Duration::from_secs(20);

struct Relaying {
    stop: CancellationToken,
    task: JoinHandle<()>,
    context: Context,
}

impl Relaying {
    async fn start(log: &Log, server: &NatsServer, holder: u128) -> Self {
        let context = nats::connect(&server.url()).await.expect("a URL");
        let relay = Arc::new(Relay {
            db: log.db.clone(),
            stream: context.clone(),
            appended: log.appender.head(),
            tail: log.appender.tail(),
            published: hand_over().0,
        });
        let (db, stop) = (log.db.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let task = tokio::spawn(async move {
            let work = |held, lost| Arc::clone(&relay).run(held, lost);
            lease::while_held(&db, relay::NAME, Uuid::from_u128(holder), &stopping, work).await;
        });
        Self { stop, task, context }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the relay ends");
    }

    /// Waits until the stream ends where the log does, then compares every message with its event.
    async fn check(&self, log: &Log) {
        let head = read::head(&log.db).await.expect("a head");
        let stream = timeout(PATIENCE, self.reaches(head)).await.expect("the relay catches up");
        let first = stream.cached_info().state.first_sequence;
        let events = read::page(&log.db, Position(first as i64 - 1), 10_000).await.expect("read");
        assert_eq!(stream.cached_info().state.messages, events.len() as u64);
        for event in events {
            let message = stream.get_raw_message(event.position as u64).await.expect("a message");
            assert_eq!(message.payload, event.payload.as_bytes());
            let id = message.headers.get("Nats-Msg-Id").map(async_nats::HeaderValue::as_str);
            assert_eq!(id, Some(event.event_id.to_string().as_str()));
            let subject = format!("parlance.events.chat.{}", event.aggregate_id);
            assert_eq!(message.subject.as_str(), subject);
        }
    }

    async fn reaches(&self, head: Position) -> Stream {
        loop {
            if let Ok(stream) = self.context.get_stream(STREAM).await
                && stream.cached_info().state.last_sequence == head.sequence()
            {
                return stream;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn append(log: &Log, chat_number: u128, expected: i64, count: usize) {
    log.append(log.plain(chat(chat_number), expected, count)).await.expect("appended");
}

#[tokio::test]
async fn sequence_is_position() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    append(&log, 1, 0, 400).await;
    let relay = Relaying::start(&log, &server, 1).await;
    relay.check(&log).await;
    append(&log, 1, 400, 400).await;
    append(&log, 2, 0, 1).await;
    relay.check(&log).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_killed_server_is_caught_up_with() {
    let (log, mut server) = (Log::create().await, NatsServer::start().await);
    let relay = Relaying::start(&log, &server, 1).await;
    append(&log, 1, 0, 100).await;
    relay.check(&log).await;
    server.kill().await;
    append(&log, 1, 100, 100).await;
    server.restart().await;
    relay.check(&log).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_lost_store_is_healed_from_the_log() {
    let (log, mut server) = (Log::create().await, NatsServer::start().await);
    let relay = Relaying::start(&log, &server, 1).await;
    append(&log, 1, 0, 300).await;
    relay.check(&log).await;
    server.kill().await;
    server.delete_store();
    server.restart().await;
    append(&log, 1, 300, 10).await;
    relay.check(&log).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_stream_deleted_under_the_relay_is_made_again() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let relay = Relaying::start(&log, &server, 1).await;
    append(&log, 1, 0, 300).await;
    relay.check(&log).await;
    relay.context.delete_stream(STREAM).await.expect("deleted");
    relay.check(&log).await;
    relay.stop().await;
}

#[tokio::test]
async fn two_relays_publish_everything_once() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let first = Relaying::start(&log, &server, 1).await;
    let second = Relaying::start(&log, &server, 2).await;
    for round in 0..20 {
        append(&log, 1, round * 50, 50).await;
        if round == 10 {
            // A third party takes the lease away: both must stand back, then one comes again.
            sqlx::query("UPDATE leases SET epoch = epoch + 1, holder = $1, expires_at = now()")
                .bind(Uuid::from_u128(3))
                .execute(&log.db)
                .await
                .expect("taken");
        }
    }
    second.check(&log).await;
    first.stop().await;
    append(&log, 2, 0, 10).await;
    second.check(&log).await;
    second.stop().await;
}

#[tokio::test]
async fn a_stream_that_knows_more_than_the_log_is_left_alone() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let relay = Relaying::start(&log, &server, 1).await;
    append(&log, 1, 0, 20).await;
    relay.check(&log).await;
    relay.stop().await;

    let restored = Log::create().await; // a database from an older backup
    append(&restored, 1, 0, 5).await;
    let relay = Relaying::start(&restored, &server, 1).await;
    sleep(Duration::from_secs(2)).await;
    let stream = relay.context.get_stream(STREAM).await.expect("the stream");
    assert_eq!(stream.cached_info().state.last_sequence, 20);
    append(&restored, 1, 5, 15).await; // as long, but another history
    sleep(Duration::from_secs(2)).await;
    let stream = relay.context.get_stream(STREAM).await.expect("the stream");
    assert_eq!(stream.cached_info().state.last_sequence, 20);
    relay.stop().await;
}
