//! The mirror in Firestore under load: how often each document is written, and what stands there in the
//! end. Firestore itself is a double in this process, which answers at once and counts.

use std::time::Duration;

use sqlx::PgPool;
use testing::FirestoreDouble;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::database::Database;
use crate::servers::Servers;

/// The chats that the load goes to: this many senders, each to this many people.
pub(crate) const SENDERS: usize = 25;
pub(crate) const RECIPIENTS: usize = 4;

/// No progress for so long is a failure.
const PATIENCE: Duration = Duration::from_mins(2);

const GLANCE: Duration = Duration::from_millis(20);

/// Waits until every document is written. Returns how long that took.
pub(crate) async fn settle(db: &PgPool) -> Outcome<Duration> {
    let since = Instant::now();
    loop {
        let settled: bool = sqlx::query_scalar(
            "SELECT coalesce((SELECT position FROM checkpoints WHERE name = 'firestore'), 0)
                        >= (SELECT position FROM log_head)
                    AND NOT EXISTS (SELECT FROM firestore_documents WHERE due_at IS NOT NULL)",
        )
        .fetch_one(db)
        .await?;
        if settled {
            return Ok(since.elapsed());
        }
        if since.elapsed() > PATIENCE {
            return Err("the mirror does not settle".into());
        }
        sleep(GLANCE).await;
    }
}

/// How often documents were written.
pub(crate) struct Writes {
    /// Of each chat, a second: the fewest, the mean, the most.
    pub(crate) rates: [f64; 3],
    /// Between two writes of one chat.
    pub(crate) shortest_pause: Duration,
    /// Of all documents, a second.
    pub(crate) all: f64,
    pub(crate) commits: usize,
}

/// A count, before the load.
pub(crate) struct Before {
    at: Instant,
    writes: usize,
    commits: usize,
}

impl Before {
    pub(crate) fn now(double: &FirestoreDouble) -> Self {
        Self { at: Instant::now(), writes: double.all_writes(), commits: double.commits() }
    }

    /// What became of `chats` since.
    pub(crate) fn since(&self, double: &FirestoreDouble, chats: &[String]) -> Writes {
        let seconds = self.at.elapsed().as_secs_f64();
        let (mut rates, mut shortest_pause) = (vec![], Duration::MAX);
        for chat in chats {
            let writes = double.writes(&format!("chats/{chat}"));
            let writes: Vec<_> = writes.into_iter().filter(|it| *it >= self.at).collect();
            rates.push(writes.len() as f64 / seconds);
            for (one, next) in writes.iter().zip(writes.iter().skip(1)) {
                shortest_pause = shortest_pause.min(*next - *one);
            }
        }
        rates.sort_by(f64::total_cmp);
        let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
        let end = |it: Option<&f64>| it.copied().unwrap_or_default();
        Writes {
            rates: [end(rates.first()), mean, end(rates.last())],
            shortest_pause,
            all: (double.all_writes() - self.writes) as f64 / seconds,
            commits: double.commits() - self.commits,
        }
    }
}

/// Compares every document with the read models: `parlance verify firestore`.
pub(crate) async fn verify(servers: &Servers, database: &Database) -> Outcome<String> {
    let output = servers.parlance(database).args(["verify", "firestore"]).output().await?;
    let said = String::from_utf8_lossy(&output.stdout).trim().replace('\n', ": ");
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("the mirror has drifted: {said}").into())
    }
}
