//! Sends over HTTP, as fast as they are answered: each connection sends its next message when the
//! one before it is answered.

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Outcome;
use crate::http::{Connection, unexpected};
use crate::people::Lane;

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// What a load came to.
pub(crate) struct Load {
    pub(crate) count: u64,
    pub(crate) elapsed: Duration,
    /// Microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Load {
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }
}

/// Loads the server over one connection a lane, on a thread of its own: the generator never has
/// more than one core.
pub(crate) async fn as_fast_as_possible(
    addr: SocketAddr,
    lanes: Vec<Lane>,
    length: Duration,
) -> Outcome<Load> {
    on_one_thread(move || async move {
        let mut connections = Vec::new();
        for lane in lanes {
            connections.push((Connection::open(addr).await?, lane));
        }
        let since = Instant::now();
        let mut tasks = JoinSet::new();
        for (connection, lane) in connections {
            tasks.spawn(send_until(since + length, connection, lane));
        }
        let mut latency = histogram()?;
        while let Some(done) = tasks.join_next().await {
            latency.add(done??)?;
        }
        Ok(Load { count: latency.len(), elapsed: since.elapsed(), latency })
    })
    .await
}

async fn send_until(
    end: Instant,
    mut connection: Connection,
    mut lane: Lane,
) -> Outcome<Histogram<u64>> {
    let mut latency = histogram()?;
    loop {
        let since = Instant::now();
        if since >= end {
            return Ok(latency);
        }
        let answer = connection.call(lane.send()?).await?;
        if answer.status != 201 {
            return Err(unexpected(&answer, "a message"));
        }
        latency.record(micros(since.elapsed()))?;
    }
}

/// Runs `work` on a thread of its own.
pub(crate) async fn on_one_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Outcome<T>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>>,
{
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    });
    thread.await?
}

pub(crate) fn histogram() -> Outcome<Histogram<u64>> {
    Ok(Histogram::new(DIGITS)?)
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
