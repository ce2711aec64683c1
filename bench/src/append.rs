//! Appends through the library, in batches.

use std::collections::VecDeque;
use std::time::Duration;

use eventlog::append::Ticket;
use eventlog::{Append, Appender};
use hdrhistogram::Histogram;
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::Outcome;
use crate::sends::{histogram, micros, on_one_thread};

/// Commands in a batch, of one event each: as many as the appender takes at a time.
pub(crate) const BATCH: usize = 500;

/// Batches under way: while one is written the next one is there, as under load.
const IN_FLIGHT: usize = 2;

/// What the writing of many events came to.
pub(crate) struct Written {
    pub(crate) events: usize,
    pub(crate) elapsed: Duration,
    /// Of a batch, until it was durable; microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Written {
    pub(crate) fn rate(&self) -> f64 {
        self.events as f64 / self.elapsed.as_secs_f64()
    }
}

/// Appends `appends`, in order. Deciding and encoding are done before.
pub(crate) async fn through_the_library(
    options: PgConnectOptions,
    appends: Vec<Append>,
) -> Outcome<Written> {
    on_one_thread(move || async move {
        let tasks = TaskTracker::new();
        let appender = Appender::start(options, &tasks);
        tasks.close();
        let mut latency = histogram()?;
        let mut waiting: VecDeque<(Instant, Vec<Ticket>)> = VecDeque::new();
        let (events, since) = (appends.len(), Instant::now());
        let mut appends = appends.into_iter().peekable();
        while appends.peek().is_some() || !waiting.is_empty() {
            if appends.peek().is_some() && waiting.len() < IN_FLIGHT {
                // Nothing else runs meanwhile on this thread, so the batch is queued as a whole.
                let tickets = appends.by_ref().take(BATCH).map(|it| appender.enqueue(it));
                waiting.push_back((Instant::now(), tickets.collect::<Result<_, _>>()?));
            } else if let Some((queued, tickets)) = waiting.pop_front() {
                for ticket in tickets {
                    ticket.done().await?;
                }
                latency.record(micros(queued.elapsed()))?;
            }
        }
        let elapsed = since.elapsed();
        drop(appender);
        tasks.wait().await;
        Ok(Written { events, elapsed, latency })
    })
    .await
}
