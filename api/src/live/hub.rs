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
    pub(super) watching: Watching,
    pub(super) paging: Semaphore,
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

    pub(super) fn paging(&self) -> &Semaphore {
        &self.0.paging
    }

    fn position(&self) -> Position {
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
        for lane in self.lanes(account).into_iter().filter(|it| it.is_of(session_id)) {
            lane.end(Reason::SessionRevoked);
        }
    }

    /// Gives signs of life, and ends what has expired. Called each second.
    pub(super) fn tick(&self, now: DateTime<Utc>) {
        let beat = Instant::now();
        let mut state = self.state();
        let place = Place::after(self.position().0);
        let heartbeat = Arc::new(Frame::from(Notice::Heartbeat { id: Since(place) }));
        for registered in state.people.values_mut().flatten() {
            let lane = &registered.lane;
            if lane.has_expired(now) {
                lane.end(Reason::TokenExpired);
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
mod tests {
    use super::super::lane::Next;
    use super::*;

    const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
    const BOB: AccountId = AccountId(Uuid::from_u128(0xB2));

    fn caller(account_id: AccountId) -> Caller {
        let (session_id, expires_at) = (Uuid::from_u128(1), DateTime::<Utc>::MAX_UTC);
        Caller { account_id, session_id, expires_at }
    }

    async fn open(hub: &Hub, account: AccountId, since: Option<i64>) -> Opened {
        let since = since.map(Place::after);
        hub.open(Opening { caller: caller(account), since }).await.expect("it is open")
    }

    fn concerning(account: AccountId) -> Concerned {
        Concerned { accounts: HashSet::from([account.0]), ..Concerned::default() }
    }

    fn frame(position: i64) -> Arc<Frame> {
        let place = Some(Place { position, chat_id: Uuid::nil(), number: 0 });
        Arc::new(Frame { name: "x", place, json: String::new() })
    }

    /// A round that tells `account` of one change, at `to`.
    fn round(hub: &Hub, account: AccountId, to: i64) {
        let (found, mark) = hub.present(&concerning(account));
        let present: HashSet<_> = found.everybody().collect();
        let frames: Vec<_> = present.iter().map(|it| (*it, frame(to))).collect();
        let none = HashSet::new();
        hub.deliver(Position(to), (&present, mark), &concerning(account), &frames, &none);
    }

    async fn next(opened: &Opened) -> String {
        match timeout(Duration::from_millis(50), opened.lane.next()).await {
            Err(_) => "nothing".to_owned(),
            Ok(Next::Send(frame)) => format!("{}", frame.place.expect("a place").position),
            Ok(Next::Page) => "page".to_owned(),
            Ok(Next::End(reason)) => reason.name().to_owned(),
        }
    }

    #[tokio::test]
    async fn whoever_comes_in_the_middle_of_a_round_pages_if_it_concerns_them() {
        let hub = Hub::new(Ids::random());
        hub.begin(Position(10));
        let first = open(&hub, ALICE, None).await;
        let (present, mark) = hub.present(&concerning(ALICE));
        assert_eq!(present.accounts.len(), 1);
        let (second, other) = (open(&hub, ALICE, None).await, open(&hub, BOB, None).await);
        let frames = [(ALICE, frame(12))];
        let here = HashSet::from([ALICE]);
        hub.deliver(Position(12), (&here, mark), &concerning(ALICE), &frames, &HashSet::new());
        assert_eq!(next(&first).await, "12");
        assert_eq!((next(&second).await.as_str(), second.place), ("page", Place::after(10)));
        assert_eq!(next(&other).await, "nothing");
    }

    #[tokio::test]
    async fn memory_tells_who_has_missed_nothing() {
        let hub = Hub::new(Ids::random());
        hub.begin(Position(10));
        let _there = open(&hub, BOB, None).await;
        round(&hub, ALICE, 12);
        round(&hub, BOB, 15);
        for (account, since, expected) in [
            (ALICE, 12, "nothing"),
            (ALICE, 15, "nothing"),
            (ALICE, 11, "page"),
            (ALICE, 16, "page"),
            (BOB, 12, "page"),
            (BOB, 15, "nothing"),
            (ALICE, 9, "page"),
        ] {
            let opened = open(&hub, account, Some(since)).await;
            assert_eq!(next(&opened).await, expected, "{account} since {since}");
            assert_eq!((opened.place, opened.start_afresh), (Place::after(since), false));
        }
        // In the middle of what one event changed: where Bob was told last, and Alice was not told.
        for (account, position, expected) in
            [(BOB, 15, "nothing"), (BOB, 14, "page"), (ALICE, 12, "page")]
        {
            let since = Some(Place { position, chat_id: Uuid::nil(), number: 0 });
            let opening = Opening { caller: caller(account), since };
            let opened = hub.open(opening).await.expect("open");
            assert_eq!(next(&opened).await, expected, "{account} in {position}");
        }
    }

    #[tokio::test]
    async fn while_nobody_is_there_nothing_is_remembered_and_nothing_missed() {
        let hub = Hub::new(Ids::random());
        hub.begin(Position(10));
        assert!(hub.is_alone_at(Position(20)));
        let opened = open(&hub, ALICE, None).await;
        assert_eq!((opened.place, opened.start_afresh), (Place::after(20), true));
        assert!(!hub.is_alone_at(Position(30)));
        assert_eq!(next(&open(&hub, BOB, Some(20)).await).await, "nothing");
        assert_eq!(next(&open(&hub, BOB, Some(19)).await).await, "page", "that was forgotten");
        hub.close(&opened.lane);
    }

    #[tokio::test]
    async fn what_overflows_is_paged_through_by_all_of_a_person() {
        let hub = Hub::new(Ids::random());
        hub.begin(Position(10));
        let opened = open(&hub, ALICE, None).await;
        let (_, mark) = hub.present(&concerning(ALICE));
        let overflown = HashSet::from([ALICE.0]);
        let here = HashSet::from([ALICE]);
        hub.deliver(Position(11), (&here, mark), &concerning(ALICE), &[], &overflown);
        assert_eq!(next(&opened).await, "page");
    }

    #[tokio::test]
    async fn the_end_of_a_session_is_told_to_all_and_ends_its_own() {
        let hub = Hub::new(Ids::random());
        hub.begin(Position(10));
        let mut other = caller(ALICE);
        other.session_id = Uuid::from_u128(2);
        let (own, kept) = (
            open(&hub, ALICE, None).await,
            hub.open(Opening { caller: other, since: None }).await.expect("open"),
        );
        hub.end_session(ALICE, Uuid::from_u128(1));
        assert_eq!(next(&own).await, "session_revoked");
        match kept.lane.next().await {
            Next::Send(frame) => assert_eq!(frame.name, "session_revoked"),
            other @ (Next::Page | Next::End(_)) => panic!("{other:?}"),
        }
        assert_eq!(next(&kept).await, "nothing");
    }

    #[tokio::test]
    async fn a_process_that_stops_ends_everything_and_takes_nobody() {
        let hub = Hub::new(Ids::random());
        hub.begin(Position(10));
        let opened = open(&hub, ALICE, None).await;
        hub.drain();
        assert_eq!(next(&opened).await, "draining");
        assert!(hub.open(Opening { caller: caller(BOB), since: None }).await.is_none());
    }
}
