//! Who is connected to this process, and what each connection has still to be sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::Caller;
use domain::AccountId;
use eventlog::{Ids, Position};
use projections::sync::{Concerned, Place};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::frame::{Frame, Notice, Reason};
use super::lane::Lane;
use super::typing::Types;
use super::watching::Watching;
use crate::http::sync::Since;

/// Between signs of life: proxies close what is silent for a minute, some for half of one.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long before its end a token is said to end.
const WARNING: Duration = Duration::from_mins(1);

/// Connections that look up what they have missed at the same time: each takes a connection to the
/// database, and requests need some too.
const PAGING_MAX: usize = 4;

/// People of whom it is remembered when something last changed for them: some megabytes.
const RECENT_MAX: usize = 100_000;

/// How long a process that has just started may take to know where it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Over how long those are spread who are told to come back.
const SPREAD: Duration = Duration::from_secs(5);

/// The connections of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Up to where everything is in the lanes; nothing before the first round.
    position: watch::Sender<Option<Position>>,
    watching: Watching,
    types: Types,
    paging: Semaphore,
    ids: Ids,
}

#[derive(Default)]
struct State {
    people: HashMap<AccountId, Vec<Registered>>,
    /// How many were ever registered.
    registrations: u64,
    recent: Recent,
    draining: bool,
}

struct Registered {
    lane: Arc<Lane>,
    /// The how manieth it was.
    number: u64,
    beats_at: Instant,
}

/// When something last changed for somebody, as far back as that is known.
#[derive(Default)]
struct Recent {
    start: Position,
    /// Where they were told last; after the whole round, if they were not here to be told.
    changed: HashMap<AccountId, Place>,
}

/// A connection in the making.
pub(crate) struct Opening {
    pub(crate) caller: Caller,
    /// Where it left off.
    pub(crate) since: Option<Place>,
}

/// A connection that was registered: whatever changes from now on is put into its lane.
pub(crate) struct Opened {
    pub(super) lane: Arc<Lane>,
    /// Where it goes on.
    pub(super) place: Place,
    pub(super) start_afresh: bool,
}

/// Which lanes a round has seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl Hub {
    pub(crate) fn new(ids: Ids) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            position: watch::Sender::default(),
            watching: Watching::default(),
            types: Types::default(),
            paging: Semaphore::new(PAGING_MAX),
            ids,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watching(&self) -> &Watching {
        &self.0.watching
    }

    pub(super) fn types(&self) -> &Types {
        &self.0.types
    }

    pub(super) fn paging(&self) -> &Semaphore {
        &self.0.paging
    }

    /// Up to where everything is in the lanes.
    pub(super) fn position(&self) -> Position {
        self.0.position.borrow().unwrap_or_default()
    }

    /// Registers a connection; nothing when the process stops, or does not know yet where it is.
    pub(crate) async fn open(&self, opening: Opening) -> Option<Opened> {
        let mut position = self.0.position.subscribe();
        let known = timeout(PATIENCE, position.wait_for(Option::is_some)).await;
        drop(known.ok()?.ok()?);
        let Opening { caller, since } = opening;
        let lane = Arc::new(Lane::new(self.0.ids.next(), caller));
        let mut state = self.state();
        if state.draining {
            return None;
        }
        let reached = self.position();
        let place = since.unwrap_or(Place::after(reached.0));
        if since.is_some_and(|it| !state.recent.has_missed_nothing(caller.account_id, it, reached))
        {
            lane.page();
        }
        state.registrations += 1;
        let registered = Registered {
            lane: Arc::clone(&lane),
            number: state.registrations,
            beats_at: Instant::now() + HEARTBEAT,
        };
        state.people.entry(caller.account_id).or_default().push(registered);
        metrics::gauge!("parlance_live_connections").increment(1.0);
        Some(Opened { lane, place, start_afresh: since.is_none() })
    }

    /// The connection is gone.
    pub(super) fn close(&self, lane: &Lane) {
        let mut state = self.state();
        if let Some(lanes) = state.people.get_mut(&lane.account) {
            lanes.retain(|it| it.lane.id != lane.id);
            if lanes.is_empty() {
                state.people.remove(&lane.account);
            }
        }
        drop(state);
        metrics::gauge!("parlance_live_connections").decrement(1.0);
    }

    /// Where the first round begins.
    pub(super) fn begin(&self, position: Position) {
        self.state().recent = Recent { start: position, changed: HashMap::new() };
        self.0.position.send_replace(Some(position));
    }

    /// Whether nobody is connected, and so nobody has missed anything up to `position`.
    pub(super) fn is_alone_at(&self, position: Position) -> bool {
        let mut state = self.state();
        let is_alone = state.people.is_empty();
        if is_alone {
            state.recent = Recent { start: position, changed: HashMap::new() };
            self.0.position.send_replace(Some(position));
        }
        is_alone
    }

    /// Whom of `concerned` it concerns here.
    pub(super) fn present(&self, concerned: &Concerned) -> (Concerned, Mark) {
        let state = self.state();
        let is_here = |it: &Uuid| state.people.contains_key(&AccountId(*it));
        let accounts = concerned.accounts.iter().copied().filter(is_here).collect();
        let chats = concerned.chats.iter().copied().filter(|it| is_here(&it.0)).collect();
        (Concerned { accounts, chats }, Mark(state.registrations))
    }

    /// Tells what a round has found, up to `to`, for those who were `present`. Who has come since `mark`,
    /// and whom so much concerns that not all of it was found, has to page.
    pub(super) fn deliver(
        &self,
        to: Position,
        (present, mark): (&HashSet<AccountId>, Mark),
        concerned: &Concerned,
        frames: &[(AccountId, Arc<Frame>)],
        overflown: &HashSet<Uuid>,
    ) {
        let mut state = self.state();
        let mut sent = 0;
        for (account, frame) in frames {
            let lanes = state.people.get(account).into_iter().flatten();
            for registered in lanes.filter(|it| it.number <= mark.0) {
                registered.lane.push(frame);
                sent += 1;
            }
        }
        for account in concerned.everybody() {
            let has_more = overflown.contains(&account.0);
            let lanes = state.people.get(&account).into_iter().flatten();
            for registered in lanes.filter(|it| has_more || it.number > mark.0) {
                registered.lane.page();
            }
            if has_more || !present.contains(&account) {
                state.recent.changed.insert(account, Place::after(to.0));
            }
        }
        let told = frames.iter().filter_map(|it| Some((it.0, it.1.place?)));
        state.recent.changed.extend(told);
        state.recent.bound(to);
        self.0.position.send_replace(Some(to));
        drop(state);
        metrics::counter!("parlance_live_frames_total").increment(sent);
    }

    /// Sends what passes to all connections of `account`.
    pub(super) fn pass(&self, account: AccountId, notice: Notice) {
        let lanes = self.lanes(account);
        if !lanes.is_empty() {
            let frame = Arc::new(Frame::from(notice));
            for lane in lanes {
                lane.push(&frame);
            }
        }
    }

    pub(super) fn lanes(&self, account: AccountId) -> Vec<Arc<Lane>> {
        let state = self.state();
        let lanes = state.people.get(&account).into_iter().flatten();
        lanes.map(|it| Arc::clone(&it.lane)).collect()
    }

    /// A session has ended, and what is open under it.
    pub(super) fn end_session(&self, account: AccountId, session_id: Uuid) {
        self.pass(account, Notice::SessionRevoked { session_id });
        let lanes = self.lanes(account).into_iter();
        for lane in lanes.filter(|it| it.caller().session_id == session_id) {
            lane.end(Reason::SessionRevoked);
        }
    }

    /// Gives signs of life, and ends what has expired or `is_over`, should the word of that have been lost,
    /// or have come while the connection was opened. Called each second.
    pub(super) fn tick(&self, now: DateTime<Utc>, is_over: impl Fn(&Caller) -> bool) {
        let beat = Instant::now();
        let mut state = self.state();
        let place = Place::after(self.position().0);
        let heartbeat = Arc::new(Frame::from(Notice::Heartbeat { id: Since(place) }));
        for registered in state.people.values_mut().flatten() {
            let lane = &registered.lane;
            let caller = lane.caller();
            if caller.expires_at <= now {
                lane.end(Reason::TokenExpired);
            } else if is_over(&caller) {
                lane.end(Reason::SessionRevoked);
            } else if let Some(expires_at) = lane.warn(now, WARNING) {
                lane.push(&Arc::new(Notice::TokenExpiring { expires_at }.into()));
            }
            if registered.beats_at <= beat {
                registered.beats_at = beat + HEARTBEAT;
                lane.push(&heartbeat);
            }
        }
    }

    /// Ends every connection, and takes no more: the process stops.
    pub(crate) fn drain(&self) {
        let mut state = self.state();
        state.draining = true;
        for registered in state.people.values().flatten() {
            registered.lane.end(Reason::Draining);
        }
    }

    /// When somebody whose connection ends is to come back: those of a process that stops, each at
    /// another time.
    pub(super) fn comes_back_after(&self, reason: Reason) -> Duration {
        match reason {
            Reason::Draining | Reason::Unavailable | Reason::SlowConsumer => {
                SPREAD.mul_f64(self.0.ids.draw())
            }
            Reason::TokenExpired | Reason::SessionRevoked => Duration::ZERO,
        }
    }
}

impl Recent {
    /// Whether nothing has changed for `account` after `since`, for sure.
    fn has_missed_nothing(&self, account: AccountId, since: Place, reached: Position) -> bool {
        let has_missed = self.changed.get(&account).is_some_and(|changed| since < *changed);
        !has_missed && since >= Place::after(self.start.0) && since.position <= reached.0
    }

    fn bound(&mut self, position: Position) {
        if self.changed.len() > RECENT_MAX {
            *self = Self { start: position, changed: HashMap::new() };
        }
    }
}

#[cfg(test)]
mod tests;
