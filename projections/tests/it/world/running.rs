//! The projectors of a process.

use std::sync::Arc;

use eventlog::database::{self, Role};
use eventlog::{Bus, Feed, Position, hand_over};
use projections::{ReadModel, Reads, live_options};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{CONNECTIONS, World};

/// What PostgreSQL calls the connections of the projectors, in `pg_stat_activity`.
pub const PROJECTORS: &str = "projectors";

impl World {
    /// The bus of a process that hears no other.
    pub fn bus() -> Bus {
        Bus::new(None, CancellationToken::new()).0
    }

    /// Runs the projectors as `serve` does.
    pub fn start(&self) -> Running {
        let stop = CancellationToken::new();
        let options = live_options(self.options()).application_name(PROJECTORS);
        let options = database::serving(options);
        let db = database::pool(options, Role::App, CONNECTIONS);
        let (feed, following) = Feed::new(
            db.clone(),
            Arc::clone(&self.codec),
            None,
            self.appender.head(),
            hand_over().1,
            stop.clone(),
        );
        let bus = Self::bus();
        let reads = Reads::new(db.clone(), bus.clone());
        let holder = eventlog::Ids::random().next();
        let running = projections::run(db, feed, reads.clone(), holder, stop.clone());
        let task = tokio::spawn(async move {
            tokio::join!(running, following);
        });
        Running { reads, bus, stop, task }
    }
}

/// Projectors at work.
pub struct Running {
    pub reads: Reads,
    /// Where they tell how far they have come.
    pub bus: Bus,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Waits until every read model has applied `position`, as long as that takes.
    pub async fn until(&self, position: Position) {
        for _ in 0..30 {
            if self.reads.wait(Some(position), &ReadModel::ALL).await.is_ok() {
                return;
            }
        }
        panic!("the projectors did not come to {position} within a minute");
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the projectors end");
    }
}
