//! One device that looks on: it is cut off at random, and goes on at any server.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::connection::{Connection, Refused};
use super::{Seen, Shared, View};
use crate::load::{Client, Dice};

/// Frames after which it is cut off, about, and seconds.
const FRAMES: usize = 400;
const SECONDS: usize = 12;

/// Before it comes back where nobody answered.
const RETRY: Duration = Duration::from_millis(300);

/// Faults that it remembers.
const FAULTS_MAX: usize = 20;

/// An id, so that ids compare: position, chat, number.
type Place = (i64, String, i64);

pub(super) struct Viewer {
    shared: Arc<Shared>,
    pub(super) person: usize,
    kind: usize,
    dice: Dice,
    pub(super) view: View,
    /// The last id.
    id: Option<String>,
    /// All that moved it, so that nothing comes twice.
    ids: HashSet<String>,
    pub(super) faults: Vec<String>,
    pub(super) seen: Seen,
}

impl Viewer {
    pub(super) fn new(shared: Arc<Shared>, person: usize, kind: usize, dice: Dice) -> Self {
        let (view, ids, faults) = (View::default(), HashSet::new(), vec![]);
        let seen = Seen::default();
        Self { shared, person, kind, dice, view, id: None, ids, faults, seen }
    }

    pub(super) fn name(&self) -> String {
        format!("the {} of person {}", ["stream", "socket"][self.kind], self.person)
    }

    /// Looks on until everything up to the goal was told.
    pub(super) async fn run(mut self) -> Self {
        while !self.is_done() {
            let servers = self.shared.servers.clone();
            let Some(server) = self.dice.pick(&servers).copied() else { return self };
            let shared = Arc::clone(&self.shared);
            let person = &shared.people.all()[self.person];
            let since = self.id.clone();
            match Connection::open(self.kind, server, &person.token(), since.as_deref()).await {
                Ok(connection) => self.look(connection).await,
                Err(Refused::Unauthenticated) => {
                    person.sign_in(&mut Client::new(servers, self.person)).await;
                }
                Err(Refused::Otherwise) => sleep(RETRY).await,
            }
        }
        self
    }

    fn is_done(&self) -> bool {
        let goal = i64::try_from(self.shared.goal.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        let position = self.id.as_deref().map_or(-1, |it| place(it).0);
        self.shared.stop.load(Ordering::Relaxed) && position >= goal && !self.is_in_the_middle()
    }

    /// Whether more of the last position may come.
    fn is_in_the_middle(&self) -> bool {
        self.id.as_deref().is_some_and(|it| it.contains('_'))
    }

    /// Takes what `connection` brings, until it ends or is cut off.
    async fn look(&mut self, mut connection: Connection) {
        self.seen.connections += 1;
        self.seen.resumed += u64::from(self.id.is_some());
        let frames = 1 + self.dice.below(FRAMES);
        let seconds = u64::try_from(1 + self.dice.below(SECONDS)).unwrap_or(1);
        // In the end it stays: the sign of life that says that all is told takes 15 seconds.
        let is_last = self.shared.stop.load(Ordering::Relaxed);
        let patience = if is_last { Duration::from_secs(20) } else { Duration::from_secs(seconds) };
        let looking = async {
            for _ in 0..frames {
                let Some(told) = connection.next().await else { return };
                if !self.take(&told).await || self.is_done() {
                    return;
                }
            }
        };
        drop(timeout(patience, looking).await);
    }

    /// Takes in what was told. Whether the connection goes on.
    async fn take(&mut self, told: &Value) -> bool {
        if self.view.apply(told) {
            self.seen.changes += 1;
            self.check(told);
        }
        let kind = told["type"].as_str().unwrap_or_default();
        let afresh = kind == "start_afresh" || (kind == "welcome" && told["start_afresh"] == true);
        match told["id"].as_str() {
            Some(id) if afresh => return self.start_afresh(id).await,
            Some(id) => {
                if self.id.as_deref().is_some_and(|it| place(it) > place(id)) {
                    self.fault(format!("{told} came after {:?}", self.id));
                }
                self.id = Some(id.to_owned());
            }
            None => {}
        }
        self.seen.heartbeats += u64::from(kind == "heartbeat");
        if kind == "end" {
            let wait = told["reconnect_after_ms"].as_u64().unwrap_or_default();
            sleep(Duration::from_millis(wait)).await;
        }
        kind != "end"
    }

    /// Nothing comes twice.
    fn check(&mut self, told: &Value) {
        let id = told["id"].as_str().unwrap_or_default();
        if !self.ids.insert(id.to_owned()) {
            self.fault(format!("{told} was told twice"));
        }
        if self.id.as_deref().is_some_and(|it| place(it) >= place(id)) {
            self.fault(format!("{told} came after {:?}", self.id));
        }
    }

    /// Reads everything anew, at the place where what comes next begins.
    async fn start_afresh(&mut self, id: &str) -> bool {
        self.seen.started_afresh += 1;
        let shared = Arc::clone(&self.shared);
        let person = &shared.people.all()[self.person];
        let mut client = Client::new(self.shared.servers.clone(), self.dice.below(3));
        let Some(view) = View::try_read(&mut client, person, place(id).0).await else {
            self.id = None; // it cannot read just now, and begins again
            return false;
        };
        self.view = view;
        self.id = Some(id.to_owned());
        true
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

fn place(id: &str) -> Place {
    let mut parts = id.split('_');
    let number = |it: Option<&str>| it.and_then(|it| it.parse().ok());
    let position = number(parts.next()).unwrap_or(-1);
    match parts.next() {
        // After everything that was recorded up to there.
        None => (position, "~".to_owned(), i64::MAX),
        Some(chat) => (position, chat.to_owned(), number(parts.next()).unwrap_or(-1)),
    }
}
