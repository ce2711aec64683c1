//! How fast subscribers of the log catch up.

use std::time::Duration;

use eventlog::read;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use crate::Outcome;

/// The names under which the read models keep their checkpoints.
pub(crate) const READ_MODELS: [&str; 6] =
    ["accounts", "chats", "messages", "blocks", "reports", "files"];

/// Those that a message is written to. The others have nothing to write, and their checkpoints follow
/// when there is time.
pub(crate) const WRITTEN: [&str; 2] = ["chats", "messages"];

/// The relay's.
pub(crate) const RELAY: [&str; 1] = ["relay"];

const GLANCE: Duration = Duration::from_millis(10);

/// No progress for so long is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Events a second.
pub(crate) struct CaughtUp {
    pub(crate) events: i64,
    pub(crate) elapsed: Duration,
}

impl CaughtUp {
    pub(crate) fn rate(&self) -> f64 {
        self.events as f64 / self.elapsed.as_secs_f64()
    }
}

/// Waits until every one of `names` has reached the log's head. The clock runs from the first sight
/// of progress, so that starting a process does not count; what was done by then does not either.
/// When that sight is also the last, it runs from the call.
pub(crate) async fn catch_up(db: &PgPool, names: &[&str]) -> Outcome<CaughtUp> {
    let head = read::head(db).await?.0;
    let called = (reached(db, names).await?, Instant::now());
    let (mut begin, mut last) = (None, called);
    loop {
        let position = reached(db, names).await?;
        let now = Instant::now();
        if position != last.0 {
            last = (position, now);
            begin.get_or_insert(last);
        } else if now - last.1 > PATIENCE {
            return Err(format!("{names:?} stand still at {position} of {head}").into());
        }
        if position >= head {
            let (from, since) = begin.filter(|it| it.0 < position).unwrap_or(called);
            return Ok(CaughtUp { events: position - from, elapsed: now - since });
        }
        sleep(GLANCE).await;
    }
}

/// How far the last of `names` is behind the log's head.
pub(crate) async fn behind(db: &PgPool, names: &[&str]) -> Outcome<i64> {
    Ok(read::head(db).await?.0 - reached(db, names).await?)
}

async fn reached(db: &PgPool, names: &[&str]) -> Outcome<i64> {
    let mut lowest = i64::MAX;
    for name in names {
        lowest = lowest.min(read::checkpoint(db, name).await?.0);
    }
    Ok(lowest)
}
