//! From the commit of a message to the socket of the person it is for.

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::socket::{Kind, Socket};
use crate::Outcome;
use crate::paced::{self, GLANCE, Paced};
use crate::people::{Lane, People};
use crate::sends::{histogram, micros};

/// How long after the load everything is to be told.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a steady load came to.
pub(crate) struct Delivered {
    pub(crate) paced: Paced,
    /// From the commit of a message to the recipient's socket, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// The time between two looks at the log: no value is more exact than this, and each is too high by up
    /// to as much.
    pub(crate) looks: Histogram<u64>,
}

/// Sends at a steady rate for `length` while everybody has a socket. Fails unless each recipient is told
/// each message once, in order.
pub(crate) async fn deliver(
    db: &PgPool,
    addr: SocketAddr,
    people: &People,
    lanes: Vec<Lane>,
    length: Duration,
) -> Outcome<Delivered> {
    let (stop, mut listening) = (CancellationToken::new(), JoinSet::new());
    let (heard, mut hearing) = mpsc::unbounded_channel();
    for token in people.recipients() {
        let socket = Socket::open(addr, token, None).await?;
        listening.spawn(hear(socket, Some(heard.clone()), stop.clone()));
    }
    for token in people.senders() {
        let socket = Socket::open(addr, token, None).await?;
        listening.spawn(hear(socket, None, stop.clone()));
    }
    let watching = tokio::spawn(commits(db.clone(), stop.clone()));
    let paced = paced::steadily(addr, lanes, length).await?;
    let mut told = Vec::new();
    let all = async {
        while (told.len() as u64) < paced.sends.len() {
            told.extend(hearing.recv().await);
        }
    };
    let in_time = timeout(PATIENCE, all).await;
    stop.cancel();
    let (commits, looks) = watching.await??;
    while let Some(done) = listening.join_next().await {
        done??;
    }
    hearing.close();
    while let Some(one) = hearing.recv().await {
        told.push(one);
    }
    let (count, sent) = (told.len(), paced.sends.len());
    if in_time.is_err() || count as u64 != sent {
        return Err(format!("{count} messages were told of {sent} that were sent").into());
    }
    let mut latency = histogram()?;
    for (position, at) in told {
        let look = commits.partition_point(|it| it.0 < position);
        let (_, since) =
            commits.get(look).ok_or("a message was told that was never seen committed")?;
        latency.record(micros(at.saturating_duration_since(*since)))?;
    }
    Ok(Delivered { paced, latency, looks })
}

/// Listens until `stop`. Says where each message stands in the log, and when it was told.
async fn hear(
    mut socket: Socket,
    heard: Option<mpsc::UnboundedSender<(i64, Instant)>>,
    stop: CancellationToken,
) -> Outcome<()> {
    let mut before = 0;
    while let Some(told) = stop.run_until_cancelled(socket.next()).await {
        let told = told?.ok_or("the server closed a socket")?;
        let at = Instant::now();
        let (Kind::Message, Some(position), Some(heard)) = (told.kind, told.position, &heard)
        else {
            continue;
        };
        if position <= before {
            return Err(format!("{position} was told after {before}").into());
        }
        before = position;
        heard.send((position, at))?;
    }
    Ok(())
}

/// For each step of the log's head, the start of the last look that did not show it.
type Commits = Vec<(i64, Instant)>;

async fn commits(db: PgPool, stop: CancellationToken) -> Outcome<(Commits, Histogram<u64>)> {
    let mut connection = db.acquire().await?;
    let (mut seen, mut looks) = (Commits::new(), histogram()?);
    let mut ticks = interval(GLANCE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Instant::now();
    let mut head = None;
    // Looks once more after the end, so that what was told by then is seen.
    let mut is_last = false;
    while !is_last {
        is_last = stop.is_cancelled();
        ticks.tick().await;
        let asked = Instant::now();
        let position: i64 =
            sqlx::query_scalar("SELECT position FROM log_head").fetch_one(&mut *connection).await?;
        if head.is_some_and(|it| position > it) {
            seen.push((position, before));
        }
        looks.record(micros(asked - before))?;
        (head, before) = (Some(position), asked);
    }
    Ok((seen, looks))
}
