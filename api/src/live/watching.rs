//! What passes: who types, and who is there, for those who look.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::{PresenceChanged, SessionRevoked};
use domain::{AccountId, ChatId};
use eventlog::bus::Note;
use projections::presence::{self, PresenceView, Seen};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::frame::{Frame, Notice};
use super::hub::Hub;
use super::lane::Lane;
use crate::http::App;
use crate::http::error::{ApiError, ApiResult};

/// How long somebody types who says nothing more.
pub(crate) const TYPING: Duration = Duration::from_secs(6);

/// People whom one connection looks at: more than a screen shows.
pub(crate) const WATCHED_MAX: usize = 100;

/// How often signs of life are due, and what has expired is looked for.
const TICK: Duration = Duration::from_secs(1);

/// How often those who are watched are looked up, should the bus have lost anything.
const LOOK: Duration = Duration::from_secs(10);

/// Somebody types in a chat, or no longer does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Typing {
    pub(crate) chat_id: ChatId,
    pub(crate) by: AccountId,
    pub(crate) to: AccountId,
    pub(crate) begins: bool,
}

impl Note for Typing {
    const TOPIC: &'static str = "typing";
}

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
pub(super) struct Watching(Mutex<State>);

#[derive(Default)]
struct State {
    /// Who types where, for whom, until when.
    typing: HashMap<(AccountId, ChatId, AccountId), Instant>,
    watched: HashMap<AccountId, Watched>,
    /// Whom each connection looks at, and what it was told of them last.
    by_lane: HashMap<Uuid, HashMap<AccountId, Last>>,
}

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

/// Passes on what is told on the bus, gives signs of life, and looks again, until `stop`.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut typing = app.bus.listen::<Typing>();
    let mut came = app.bus.listen::<PresenceChanged>();
    let mut watches = app.bus.listen::<Watch>();
    let mut revoked = app.bus.listen::<SessionRevoked>();
    let (mut ticks, mut looks) = (interval(TICK), interval(LOOK));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let hub = app.live.clone();
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return,
            note = typing.next() => {
                hub.watching().types(&hub, note);
                Ok(())
            }
            note = revoked.next() => {
                hub.end_session(note.account_id, note.session_id);
                Ok(())
            }
            note = came.next() => hub.watching().has_come(&app, note).await,
            note = watches.next() => hub.watching().watch(&app, note).await,
            _ = ticks.tick() => {
                hub.tick(app.clock.now());
                hub.watching().stop_typing(&hub);
                Ok(())
            }
            _ = looks.tick() => hub.watching().look(&app).await,
        };
        if let Err(error) = done {
            tracing::warn!(?error, "whoever looks is told later who is there");
        }
    }
}

impl Watching {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn types(&self, hub: &Hub, note: Typing) {
        let Typing { chat_id, by, to, begins: typing } = note;
        if hub.lanes(to).is_empty() {
            return;
        }
        let key = (to, chat_id, by);
        let news = if typing {
            self.state().typing.insert(key, Instant::now() + TYPING);
            true
        } else {
            self.state().typing.remove(&key).is_some()
        };
        if news {
            hub.pass(to, typed(chat_id, by, typing));
        }
    }

    /// A message says that its sender types no longer.
    pub(super) fn has_sent(&self, hub: &Hub, chat: ChatId, by: AccountId, to: AccountId) {
        if self.state().typing.remove(&(to, chat, by)).is_some() {
            hub.pass(to, typed(chat, by, false));
        }
    }

    fn stop_typing(&self, hub: &Hub) {
        let now = Instant::now();
        let mut ended = vec![];
        self.state().typing.retain(|key, until| {
            let goes_on = *until > now;
            if !goes_on {
                ended.push(*key);
            }
            goes_on
        });
        for (to, chat, by) in ended {
            hub.pass(to, typed(chat, by, false));
        }
    }

    /// A connection looks at others from now on. Those to other processes are not found here.
    pub(crate) async fn watch(&self, app: &App, watch: Watch) -> ApiResult<()> {
        let lanes = app.live.lanes(watch.account_id);
        let Some(lane) = lanes.into_iter().find(|it| it.id == watch.connection_id) else {
            return Ok(());
        };
        let watched: HashSet<_> = watch.watched.into_iter().take(WATCHED_MAX).collect();
        self.state().watch(&lane, &watched);
        let ids: Vec<_> = watched.iter().map(|it| it.0).collect();
        let standing = presence::standing(&app.db, &ids).await.map_err(ApiError::unavailable)?;
        for (account, Seen { online, since }) in standing {
            if let Some(since) = since {
                self.state().hear(AccountId(account), online, since);
            }
        }
        let pairs: Vec<_> = watched.into_iter().map(|it| (lane.account, it)).collect();
        for view in presence::seen(&app.db, &pairs).await.map_err(ApiError::unavailable)? {
            self.tell(view, std::slice::from_ref(&lane));
        }
        Ok(())
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
        if watched.is_empty() {
            return Ok(());
        }
        let standing = presence::standing(&app.db, &watched).await;
        let mut changed = HashSet::new();
        for (account, Seen { online, since }) in standing.map_err(ApiError::unavailable)? {
            let account = AccountId(account);
            if since.is_some_and(|since| self.state().hear(account, online, since)) {
                changed.insert(account);
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
        let mut lanes: HashMap<(AccountId, AccountId), Vec<Arc<Lane>>> = HashMap::new();
        {
            let state = self.state();
            for account in accounts {
                let by = state.watched.get(account).into_iter().flat_map(|it| &it.by);
                for lane in by {
                    lanes.entry((lane.account, *account)).or_default().push(Arc::clone(lane));
                }
            }
        }
        let pairs: Vec<_> = lanes.keys().copied().collect();
        for view in presence::seen(&app.db, &pairs).await.map_err(ApiError::unavailable)? {
            self.tell(view, &lanes.remove(&(view.viewer, view.account)).unwrap_or_default());
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

fn typed(chat: ChatId, by: AccountId, typing: bool) -> Notice {
    let expires_in = u64::try_from(TYPING.as_millis()).unwrap_or(u64::MAX);
    Notice::Typing {
        chat_id: chat.0,
        account_id: by.0,
        typing,
        expires_in_ms: typing.then_some(expires_in),
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
