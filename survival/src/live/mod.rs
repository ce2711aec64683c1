//! Devices that stay connected while servers die: each keeps what it is told, and must end with what
//! anybody reads.

mod connection;
mod view;
mod viewer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::load::{Ask, Client, Dice, People, Person};
pub use view::View;
use viewer::Viewer;

/// Devices of each person: one of each kind of connection.
const PER_PERSON: usize = 2;

/// How long the last change may take to reach a device, once nothing is broken any more: a sign of life
/// says that it has.
const PATIENCE: Duration = Duration::from_mins(1);

/// What all devices share.
struct Shared {
    people: Arc<People>,
    servers: Vec<SocketAddr>,
    stop: AtomicBool,
    /// Up to where all must have been told before they end.
    goal: AtomicU64,
}

/// Devices that look on.
pub struct Audience {
    shared: Arc<Shared>,
    viewers: JoinSet<Viewer>,
}

/// What the devices have been through together.
#[derive(Debug, Default)]
pub struct Seen {
    pub connections: u64,
    /// That went on where another had stopped.
    pub resumed: u64,
    pub started_afresh: u64,
    pub changes: u64,
    pub heartbeats: u64,
}

impl Audience {
    /// Two devices of everybody look on, at any of `servers`.
    pub fn gather(people: &Arc<People>, servers: &[SocketAddr], seed: u64) -> Self {
        let shared = Arc::new(Shared {
            people: Arc::clone(people),
            servers: servers.to_vec(),
            stop: AtomicBool::new(false),
            goal: AtomicU64::new(0),
        });
        let mut viewers = JoinSet::new();
        let mut dice = Dice::new(seed);
        for person in 0..people.all().len() {
            for kind in 0..PER_PERSON {
                let dice = Dice::new(dice.roll());
                viewers.spawn(Viewer::new(Arc::clone(&shared), person, kind, dice).run());
            }
        }
        Self { shared, viewers }
    }

    /// Lets every device see what the log holds up to `head`, and compares what it has kept with what is
    /// read. Nothing may be broken by now.
    ///
    /// # Panics
    ///
    /// When a device has been told something twice, out of order or not at all, or does not end with
    /// what is read.
    pub async fn verdict(mut self, client: &mut Client, head: i64) -> Seen {
        self.shared.goal.store(head.unsigned_abs(), Ordering::Relaxed);
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        let mut faults = vec![];
        let ends = async {
            let mut ended = vec![];
            while let Some(viewer) = self.viewers.join_next().await {
                ended.push(viewer.expect("a device looks on to its end"));
            }
            ended
        };
        let ended = tokio::time::timeout(PATIENCE, ends).await;
        for viewer in ended.expect("every device is told everything in the end") {
            let person = &self.shared.people.all()[viewer.person];
            let fresh = View::read(client, person, head).await;
            faults.extend(viewer.faults.iter().map(|it| format!("{}: {it}", viewer.name())));
            let differences = viewer.view.differences(&fresh);
            faults.extend(differences.into_iter().map(|it| format!("{}: {it}", viewer.name())));
            all.add(&viewer.seen);
        }
        let (shown, count) = (faults.iter().take(20), faults.len());
        let shown: Vec<_> = shown.cloned().collect();
        assert!(faults.is_empty(), "{count} faults:\n{}", shown.join("\n"));
        all
    }
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.resumed += other.resumed;
        self.started_afresh += other.started_afresh;
        self.changes += other.changes;
        self.heartbeats += other.heartbeats;
    }
}

/// Reads `path` as of `position`.
async fn read(client: &mut Client, person: &Person, path: String, position: i64) -> Option<Value> {
    let mut ask = Ask::get(path);
    ask.min_position = Some(position);
    let reply = client.ask(&ask, &person.token()).await.ok()?;
    if reply.answer.status == 401 {
        person.sign_in(client).await;
    }
    (reply.answer.status == 200).then_some(reply.body)
}
