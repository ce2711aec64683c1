//! Sends at a steady rate, whatever the answers do, and how far the read models are behind.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::http::{Connection, unexpected};
use crate::people::Lane;
use crate::relay::WRITTEN;
use crate::sends::{histogram, micros, on_one_thread};

/// Messages a second.
pub(crate) const RATE: u32 = 1_000;

/// Of a connection's messages, every so many is followed by a read that must show it.
const READ_EVERY: u32 = 20;

/// How often the observer looks.
pub(crate) const GLANCE: Duration = Duration::from_millis(1);

/// What a steady load came to, in microseconds.
pub(crate) struct Paced {
    /// From the moment a message was due until it was answered: a late start counts.
    pub(crate) sends: Histogram<u64>,
    /// From the answer to a message until a read that demands its position is answered.
    pub(crate) reads: Histogram<u64>,
}

/// Sends [`RATE`] messages a second for `length`.
pub(crate) async fn steadily(
    addr: SocketAddr,
    lanes: Vec<Lane>,
    length: Duration,
) -> Outcome<Paced> {
    on_one_thread(move || async move {
        let step = Duration::from_secs(1) / RATE;
        let count = u32::try_from(lanes.len())?;
        let mut connections = Vec::new();
        for lane in lanes {
            connections.push((Connection::open(addr).await?, lane));
        }
        let start = Instant::now() + GLANCE;
        let mut tasks = JoinSet::new();
        for (turn, (connection, lane)) in (0..).zip(connections) {
            let slots =
                Slots { first: start + step * turn, step: step * count, end: start + length };
            tasks.spawn(send_in(slots, connection, lane));
        }
        let mut all = Paced { sends: histogram()?, reads: histogram()? };
        while let Some(done) = tasks.join_next().await {
            let one = done??;
            all.sends.add(one.sends)?;
            all.reads.add(one.reads)?;
        }
        Ok(all)
    })
    .await
}

/// When one connection is due.
struct Slots {
    first: Instant,
    step: Duration,
    end: Instant,
}

async fn send_in(slots: Slots, mut connection: Connection, mut lane: Lane) -> Outcome<Paced> {
    let mut paced = Paced { sends: histogram()?, reads: histogram()? };
    for turn in 0.. {
        let due = slots.first + slots.step * turn;
        if due >= slots.end {
            break;
        }
        sleep_until(due).await;
        let answer = connection.call(lane.send()?).await?;
        if answer.status != 201 {
            return Err(unexpected(&answer, "a message"));
        }
        let answered = Instant::now();
        paced.sends.record(micros(answered - due))?;
        if turn % READ_EVERY == 0 {
            let position = answer.position;
            let answer = connection.call(&lane.read(position)?).await?;
            if answer.status != 200 || answer.position < position {
                return Err(unexpected(&answer, "a read"));
            }
            paced.reads.record(micros(answered.elapsed()))?;
        }
    }
    Ok(paced)
}

/// How long events took from their commit to that of the read models.
pub(crate) struct Lag {
    /// One value an event, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// The time between two looks: no value is more exact than this.
    pub(crate) looks: Histogram<u64>,
}

/// Watches the log's head and the checkpoints of the read models that messages are written to, in one
/// snapshot a look, until `stop` and until they have caught up. For each event, the time between the
/// first look that shows it committed and the first that shows it applied by all of them.
pub(crate) async fn watch(db: PgPool, stop: CancellationToken) -> Outcome<Lag> {
    let mut connection = db.acquire().await?;
    let mut lag = Lag { latency: histogram()?, looks: histogram()? };
    let mut ticks = interval(GLANCE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut committed: VecDeque<(i64, Instant)> = VecDeque::new();
    let (mut head, mut applied) = (None, 0);
    let mut before = Instant::now();
    loop {
        ticks.tick().await;
        let (position, reached): (i64, i64) = sqlx::query_as(
            "SELECT position,
                    (SELECT min(position) FROM checkpoints
                     WHERE name = ANY($1))
             FROM log_head",
        )
        .bind(WRITTEN)
        .fetch_one(&mut *connection)
        .await?;
        let now = Instant::now();
        lag.looks.record(micros(now - before))?;
        before = now;
        match head {
            None => applied = position, // what was there before is not timed
            Some(known) if position > known => committed.push_back((position, now)),
            Some(_) => {}
        }
        head = Some(position);
        while let Some((last, since)) = committed.front().copied() {
            let until = last.min(reached);
            let count = u64::try_from(until - applied).unwrap_or_default();
            lag.latency.record_n(micros(now - since), count)?;
            applied = applied.max(until);
            if reached < last {
                break;
            }
            committed.pop_front();
        }
        if stop.is_cancelled() && committed.is_empty() {
            return Ok(lag);
        }
    }
}
