//! The feed: every event once, in order, with NATS or without.

use std::time::Duration;

use async_nats::jetstream::Context;
use eventlog::nats::{self, STREAM};
use eventlog::relay::{self, Relay};
use eventlog::{Feed, Position, Published, RecordedEvent, Relayed, hand_over, lease};
use std::sync::Arc;
use testing::NatsServer;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::log::{Log, chat, sent};

const PATIENCE: Duration = Duration::from_secs(20);

struct Following {
    feed: Feed,
    stop: CancellationToken,
}

impl Following {
    fn start(log: &Log, stream: Option<Context>) -> Self {
        Self::beside(log, stream, hand_over().1)
    }

    /// In the process of a relay.
    fn beside(log: &Log, stream: Option<Context>, relayed: Relayed) -> Self {
        let stop = CancellationToken::new();
        let (feed, follow) = Feed::new(
            log.db.clone(),
            Arc::clone(&log.codec),
            stream,
            log.appender.head(),
            relayed,
            stop.clone(),
        );
        tokio::spawn(follow);
        Self { feed, stop }
    }

    async fn next(&self, after: Position) -> Vec<Arc<RecordedEvent>> {
        timeout(PATIENCE, self.feed.next(after, 100))
            .await
            .unwrap_or_else(|_| panic!("nothing after {after}"))
            .expect("the log is there")
    }

    /// Reads from `after` to `to`, checking that nothing is missing or doubled.
    async fn read(&self, after: i64, to: i64) {
        let mut position = after;
        while position < to {
            for event in self.next(Position(position)).await {
                assert_eq!(event.position.0, position + 1);
                position += 1;
            }
        }
        assert_eq!(position, to);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn relay(log: &Log, stream: &Context) -> CancellationToken {
    relay_of(log, stream, 1, hand_over().0)
}

fn relay_of(log: &Log, stream: &Context, holder: u128, published: Published) -> CancellationToken {
    let relay = Arc::new(Relay {
        db: log.db.clone(),
        stream: stream.clone(),
        appended: log.appender.head(),
        tail: log.appender.tail(),
        published,
    });
    let (db, stop) = (log.db.clone(), CancellationToken::new());
    let stopping = stop.clone();
    tokio::spawn(async move {
        let work = |held, lost| Arc::clone(&relay).run(held, lost);
        lease::while_held(&db, relay::NAME, Uuid::from_u128(holder), &stopping, work).await;
    });
    stop
}

async fn append(log: &Log, expected: i64, count: usize) {
    log.append(log.plain(chat(1), expected, count)).await.expect("appended");
}

#[tokio::test]
async fn without_nats_the_feed_polls() {
    let log = Log::create().await;
    append(&log, 0, 250).await;
    let following = Following::start(&log, None);
    following.read(0, 250).await;
    append(&log, 250, 50).await;
    following.read(250, 300).await;
    following.read(17, 300).await;
}

#[tokio::test]
async fn events_of_another_process_arrive() {
    let log = Log::create().await;
    let following = Following::start(&log, None);
    let other = crate::log::start(&log.database);
    other.enqueue(log.plain(chat(1), 0, 30)).expect("room").done().await.expect("appended");
    following.read(0, 30).await;
}

#[tokio::test]
async fn with_nats_the_feed_follows_the_stream_through_its_death() {
    let (log, mut server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let relaying = relay(&log, &context);
    let following = Following::start(&log, Some(context));
    append(&log, 0, 200).await;
    following.read(0, 200).await;
    server.kill().await;
    append(&log, 200, 200).await;
    following.read(200, 400).await; // PostgreSQL has everything
    server.delete_store();
    server.restart().await;
    append(&log, 400, 200).await;
    following.read(400, 600).await;
    relaying.cancel();
}

#[tokio::test]
async fn a_gap_in_the_stream_is_read_from_the_log() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let relaying = relay(&log, &context);
    append(&log, 0, 100).await;
    let following = Following::start(&log, Some(context.clone()));
    following.read(0, 100).await;
    // Nothing but purging can make a hole, and even then the feed must not notice.
    let stream = loop {
        if let Ok(stream) = context.get_stream(STREAM).await {
            break stream;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    append(&log, 100, 100).await;
    let purged = stream.purge().sequence(150).await;
    assert!(purged.is_ok());
    append(&log, 200, 100).await;
    following.read(100, 300).await;
    relaying.cancel();
}

#[tokio::test]
async fn a_silent_relay_does_not_stop_the_feed() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let relaying = relay(&log, &context);
    append(&log, 0, 10).await;
    let following = Following::start(&log, Some(context));
    following.read(0, 10).await;
    relaying.cancel();
    append(&log, 10, 40).await;
    following.read(10, 50).await;
}

#[tokio::test]
async fn a_feed_beside_its_relay_misses_nothing_when_another_relay_takes_over() {
    let (log, mut server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let (published, relayed) = hand_over();
    let ours = relay_of(&log, &context, 1, published.clone());
    let following = Following::beside(&log, Some(context.clone()), relayed);
    append(&log, 0, 200).await;
    following.read(0, 200).await;
    for round in 0..20 {
        append(&log, 200 + round * 20, 20).await;
        following.read(200 + round * 20, 220 + round * 20).await;
    }
    let theirs = relay_of(&log, &context, 2, hand_over().0);
    ours.cancel();
    append(&log, 600, 50).await;
    following.read(600, 650).await;
    server.kill().await;
    append(&log, 650, 50).await;
    following.read(650, 700).await;
    server.restart().await;
    append(&log, 700, 50).await;
    following.read(700, 750).await;
    theirs.cancel();
    let again = relay_of(&log, &context, 3, published);
    append(&log, 750, 250).await;
    following.read(750, 1_000).await;
    following.read(0, 1_000).await;
    again.cancel();
}

/// The relay hands on what the appender has given it, so the feed has nothing to decode: these payloads
/// do not even decode.
#[tokio::test]
async fn what_this_process_has_decided_is_not_decoded_again() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let (published, relayed) = hand_over();
    let relaying = relay_of(&log, &context, 1, published);
    append(&log, 0, 1).await;
    until_end(&context, 1).await;
    let following = Following::beside(&log, Some(context), relayed);
    following.read(0, 1).await;
    let mut handed_over = 0;
    for number in 1..=50 {
        let mut decided = log.plain(chat(1), number, 1);
        decided.events[0].event = Some(sent(chat(1), number as u64, "as decided").into());
        log.append(decided).await.expect("appended");
        let events = following.next(Position(number)).await;
        handed_over += events.iter().filter(|it| it.event.is_ok()).count();
    }
    // Now and then the relay looks at the log before it has been given what was appended.
    assert!(handed_over >= 25, "{handed_over} of 50");
    relaying.cancel();
}

#[tokio::test]
async fn among_those_of_others_events_handed_over_are_what_the_log_says() {
    let (log, server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let (published, relayed) = hand_over();
    let relaying = relay_of(&log, &context, 1, published);
    let following = Following::beside(&log, Some(context.clone()), relayed);
    let elsewhere = Following::start(&log, Some(context));
    let other = crate::log::start(&log.database);
    for round in 0..100 {
        let events = [0, 1, 2].map(|it| sent(chat(1), 3 * round + it + 1, "ours"));
        let ours = log.real(chat(1), 3 * round as i64, &events).await;
        let theirs = log.real(chat(2), round as i64, &[sent(chat(2), round + 1, "theirs")]).await;
        let theirs = other.enqueue(theirs).expect("room");
        let (ours, theirs) = tokio::join!(log.append(ours), theirs.done());
        ours.and(theirs).expect("appended");
    }
    let stored = eventlog::read::page(&log.db, Position::START, 1_000).await.expect("read");
    let logged = log.codec.decode(stored).await.expect("decoded");
    assert_eq!(logged.len(), 400);
    for following in [following, elsewhere] {
        let mut read = vec![];
        while read.len() < logged.len() {
            read.extend(following.next(Position(read.len() as i64)).await);
        }
        for (read, logged) in read.iter().zip(&logged) {
            assert_eq!(format!("{read:?}"), format!("{logged:?}"));
        }
    }
    relaying.cancel();
}

#[tokio::test]
async fn a_stream_of_another_log_is_not_believed() {
    let (other, server) = (Log::create().await, NatsServer::start().await);
    let context = nats::connect(&server.url()).await.expect("a URL");
    let relaying = relay(&other, &context);
    append(&other, 0, 200).await;
    let elsewhere = Following::start(&other, Some(context.clone()));
    elsewhere.read(0, 200).await;
    until_end(&context, 200).await;
    relaying.cancel();

    // Shorter than the stream, then as long, then longer: it is never the stream's events.
    let log = Log::create().await;
    append(&log, 0, 5).await;
    let following = Following::start(&log, Some(context));
    for (expected, count) in [(5, 195), (200, 50)] {
        append(&log, expected, count).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
    }
    let stored = eventlog::read::page(&log.db, Position::START, 1_000).await.expect("read");
    let mut position = 0;
    while position < 250 {
        let events = following.feed.next(Position(position), 500).await.expect("the log is there");
        for event in events {
            assert_eq!(event.event_id, stored[position as usize].event_id);
            position += 1;
        }
    }
}

/// Waits until the stream is there, and ends with `position`.
async fn until_end(context: &Context, position: u64) {
    let ends = async {
        while read_end(context).await != Some(position) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, ends).await.expect("the stream is filled");
}

async fn read_end(context: &Context) -> Option<u64> {
    Some(context.get_stream(STREAM).await.ok()?.cached_info().state.last_sequence)
}
