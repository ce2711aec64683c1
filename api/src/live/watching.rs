//! Who is there, for those who look.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::PresenceChanged;
use domain::AccountId;
use eventlog::bus::Note;
use projections::presence::{self, PresenceView, Seen};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::frame::{Frame, Notice};
use super::lane::Lane;
use crate::http::App;
use crate::http::error::{ApiError, ApiResult};

/// People whom one connection looks at: more than a screen shows.
pub(crate) const WATCHED_MAX: usize = 100;

/// How often those who are watched are looked up, should the bus have lost anything.
const LOOK: Duration = Duration::from_secs(10);

/// People who are looked up at a time.
const LOOKED_UP: usize = 1_000;

/// How long looking up may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection looks at these people, and at no others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) connection_id: Uuid,
    pub(crate) account_id: AccountId,
    pub(crate) watched: Vec<AccountId>,
}

impl Note for Watch {
    const TOPIC: &'static str = "watch";
}

#[derive(Default)]
pub(super) struct Watching {
    state: Mutex<State>,
    /// Held from looking up what is shown until it is told: what was looked up later is told later.
    showing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    watched: HashMap<AccountId, Watched>,
    /// Whom each connection looks at, and what it was told of them last.
    by_lane: HashMap<Uuid, HashMap<AccountId, Last>>,
}

/// Who looks, and at whom.
type Pair = (AccountId, AccountId);

/// What a connection was told last of somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Told(Option<Seen>),
}

/// Somebody whom somebody looks at.
#[derive(Default)]
struct Watched {
    by: Vec<Arc<Lane>>,
    /// What was last heard of them.
    heard: Option<(bool, DateTime<Utc>)>,
}

/// Tells whoever looks who comes and goes, until `stop`.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut came = app.bus.listen::<PresenceChanged>();
    let mut watches = app.bus.listen::<Watch>();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watching = app.live.watching();
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return,
            note = came.next() => timeout(PATIENCE, watching.has_come(&app, note)).await,
            note = watches.next() => timeout(PATIENCE, watching.watch(&app, note)).await,
            _ = looks.tick() => timeout(PATIENCE, watching.look(&app)).await,
        };
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(?error, "whoever looks is told later who is there"),
            Err(_) => tracing::warn!("whoever looks is told later who is there: no answer in time"),
        }
    }
}

impl Watching {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection looks at others from now on. Those to other processes are not found here.
    pub(crate) async fn watch(&self, app: &App, watch: Watch) -> ApiResult<()> {
        let find =
            || app.live.lanes(watch.account_id).into_iter().find(|it| it.id == watch.connection_id);
        let Some(lane) = find() else { return Ok(()) };
        let watched: HashSet<_> = watch.watched.iter().copied().take(WATCHED_MAX).collect();
        self.state().watch(&lane, &watched);
        if find().is_none() {
            self.forget(&lane); // it has gone meanwhile, and was forgotten before
            return Ok(());
        }
        let ids: Vec<_> = watched.iter().map(|it| it.0).collect();
        let standing = presence::standing(&app.db, &ids).await.map_err(ApiError::unavailable)?;
        for (account, Seen { online, since }) in standing {
            if let Some(since) = since {
                self.state().hear(AccountId(account), online, since);
            }
        }
        let to = watched.into_iter().map(|it| ((lane.account, it), vec![Arc::clone(&lane)]));
        self.tell_all(app, to.collect()).await
    }

    /// Tells what is news to each of `lanes`: that something happened to somebody who is not shown is
    /// not.
    fn tell(&self, view: PresenceView, lanes: &[Arc<Lane>]) {
        let frame = Arc::new(Frame::from(Notice::from(view)));
        let mut state = self.state();
        for lane in lanes {
            let watched = state.by_lane.get_mut(&lane.id);
            let told = watched.and_then(|it| it.get_mut(&view.account));
            if let Some(told) = told.filter(|it| **it != Last::Told(view.seen)) {
                *told = Last::Told(view.seen);
                lane.push(&frame);
            }
        }
    }

    /// The connection is gone.
    pub(super) fn forget(&self, lane: &Arc<Lane>) {
        self.state().watch(lane, &HashSet::new());
    }

    async fn has_come(&self, app: &App, note: PresenceChanged) -> ApiResult<()> {
        let PresenceChanged { account_id, online, since } = note;
        if self.state().hear(account_id, online, since) {
            self.show(app, &HashSet::from([account_id])).await?;
        }
        Ok(())
    }

    /// Those whom somebody looks at may have come or gone unheard.
    async fn look(&self, app: &App) -> ApiResult<()> {
        let watched: Vec<_> = self.state().watched.keys().map(|it| it.0).collect();
        let mut changed = HashSet::new();
        for some in watched.chunks(LOOKED_UP) {
            let standing = presence::standing(&app.db, some).await;
            for (account, Seen { online, since }) in standing.map_err(ApiError::unavailable)? {
                let account = AccountId(account);
                if since.is_some_and(|since| self.state().hear(account, online, since)) {
                    changed.insert(account);
                }
            }
        }
        self.show(app, &changed).await
    }

    /// What others are shown of `accounts`, and they of others, may be something else now.
    pub(super) async fn show_again(&self, app: &App, accounts: &[AccountId]) -> ApiResult<()> {
        let mut all: HashSet<_> = accounts.iter().copied().collect();
        for account in accounts {
            let state = self.state();
            for lane in app.live.lanes(*account) {
                all.extend(state.by_lane.get(&lane.id).into_iter().flat_map(HashMap::keys));
            }
        }
        self.show(app, &all).await
    }

    /// Tells whoever looks at `accounts` what they are shown of them now.
    async fn show(&self, app: &App, accounts: &HashSet<AccountId>) -> ApiResult<()> {
        let mut lanes: HashMap<Pair, Vec<Arc<Lane>>> = HashMap::new();
        {
            let state = self.state();
            for account in accounts {
                let by = state.watched.get(account).into_iter().flat_map(|it| &it.by);
                for lane in by {
                    lanes.entry((lane.account, *account)).or_default().push(Arc::clone(lane));
                }
            }
        }
        self.tell_all(app, lanes).await
    }

    async fn tell_all(&self, app: &App, mut to: HashMap<Pair, Vec<Arc<Lane>>>) -> ApiResult<()> {
        let _showing = self.showing.lock().await;
        let pairs: Vec<_> = to.keys().copied().collect();
        for some in pairs.chunks(LOOKED_UP) {
            for view in presence::seen(&app.db, some).await.map_err(ApiError::unavailable)? {
                self.tell(view, &to.remove(&(view.viewer, view.account)).unwrap_or_default());
            }
        }
        Ok(())
    }
}

impl State {
    /// `lane` looks at `accounts`, and at nobody else any more.
    fn watch(&mut self, lane: &Arc<Lane>, accounts: &HashSet<AccountId>) {
        for (account, _) in self.by_lane.remove(&lane.id).into_iter().flatten() {
            if let Some(watched) = self.watched.get_mut(&account) {
                watched.by.retain(|it| it.id != lane.id);
                if watched.by.is_empty() {
                    self.watched.remove(&account);
                }
            }
        }
        if accounts.is_empty() {
            return;
        }
        for account in accounts {
            self.watched.entry(*account).or_default().by.push(Arc::clone(lane));
        }
        self.by_lane.insert(lane.id, accounts.iter().map(|it| (*it, Last::Nothing)).collect());
    }

    /// Whether it is news of somebody whom somebody looks at.
    fn hear(&mut self, account: AccountId, online: bool, since: DateTime<Utc>) -> bool {
        let Some(watched) = self.watched.get_mut(&account) else { return false };
        let is_newer = watched.heard.is_none_or(|it| it.1 < since);
        if is_newer {
            watched.heard = Some((online, since));
        }
        is_newer
    }
}

impl From<PresenceView> for Notice {
    fn from(view: PresenceView) -> Self {
        let PresenceView { account, seen, .. } = view;
        Self::Presence {
            account_id: account.0,
            online: seen.map(|it| it.online),
            last_seen: seen.filter(|it| !it.online).and_then(|it| it.since),
        }
    }
}
