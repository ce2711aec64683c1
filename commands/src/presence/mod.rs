//! Presence: who is connected, to which process, and so who is there.
//!
//! A process counts its connections in memory, and says in the database how many each person has here:
//! when somebody comes or goes, all who did so meanwhile in one transaction. At rest nobody costs
//! anything but the sign of life that the process gives for all of them. The rows of a process that has
//! given none for 15 s are worth nothing: its people are gone, as of its last.
//!
//! A person's row is locked while their connections are counted, so two processes cannot both admit the
//! last one. None of it is an event.

mod store;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::bus::Note;
use eventlog::{Bus, Clock};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::store::{Count, Settled};

/// Connections of one person, to all processes together (as many as Stream allows).
pub const PER_PERSON_MAX: u32 = 50;

/// How long those who come and go are gathered for one transaction. Somebody alone does not wait.
const GATHER: Duration = Duration::from_millis(20);

/// People in one transaction.
const BATCH: usize = 500;

/// How often the process gives a sign of life, and looks for those that give none.
const BEAT: Duration = Duration::from_secs(2);

/// After a failure.
const RETRY: Duration = Duration::from_millis(500);

/// How long somebody waits to be admitted.
const DEADLINE: Duration = Duration::from_secs(5);

/// Who comes while so many wait is told to come back.
const WAITING_MAX: usize = 20_000;

/// Somebody has come, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceChanged {
    pub account_id: AccountId,
    pub online: bool,
    /// Since when they are there, or when they were last.
    pub since: DateTime<Utc>,
}

impl Note for PresenceChanged {
    const TOPIC: &'static str = "presence_changed";
}

/// Why a connection is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConnectError {
    #[error("somebody has {PER_PERSON_MAX} connections at most")]
    TooMany,
    #[error("presence is out of reach")]
    Unavailable,
}

/// The connections of this process. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Shared>);

struct Shared {
    db: PgPool,
    bus: Bus,
    clock: Clock,
    node: Uuid,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    people: HashMap<AccountId, Count>,
    /// Of whom the database does not know all yet.
    unsettled: HashSet<AccountId>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    account: AccountId,
    looking: bool,
    answer: oneshot::Sender<Result<Connected, ConnectError>>,
}

/// A connection that was admitted. It is counted until this is dropped.
pub struct Connected {
    shared: Arc<Shared>,
    account: AccountId,
    looking: bool,
}

impl Presence {
    /// The connections to `node`, which is this process, and the task that tells the database of them
    /// until `stop`.
    pub fn new(
        db: PgPool,
        bus: Bus,
        clock: Clock,
        node: Uuid,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (state, changed) = (Mutex::default(), Notify::new());
        let presence = Self(Arc::new(Shared { db, bus, clock, node, state, changed }));
        let running = presence.clone().run(stop);
        (presence, running)
    }

    /// Admits a connection of `account`, whose app is in the foreground if it is `looking`.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn connect(
        &self,
        account: AccountId,
        looking: bool,
    ) -> Result<Connected, ConnectError> {
        let (answer, admitted) = oneshot::channel();
        {
            let mut state = self.0.state();
            if state.waiting.len() >= WAITING_MAX {
                return Err(ConnectError::Unavailable);
            }
            state.waiting.push(Waiting { account, looking, answer });
        }
        self.0.changed.notify_one();
        let admitted = timeout(DEADLINE, admitted).await;
        admitted.ok().and_then(Result::ok).unwrap_or(Err(ConnectError::Unavailable))
    }

    async fn run(self, stop: CancellationToken) {
        let mut beat = Instant::now();
        let mut spared = false;
        while !stop.is_cancelled() {
            let turn = async {
                if Instant::now() >= beat {
                    spared = self.beat(spared).await?;
                    beat = Instant::now() + BEAT;
                }
                self.settle(beat, &stop).await
            };
            if let Err(error) = turn.await {
                tracing::warn!(%error, "presence could not be noted");
                stop.run_until_cancelled(sleep(RETRY)).await;
                continue;
            }
            let news = timeout_at(beat, self.0.changed.notified());
            if let Some(Ok(())) = stop.run_until_cancelled(news).await {
                stop.run_until_cancelled(sleep(GATHER)).await;
            }
        }
        if let Ok(Err(error)) = timeout(BEAT, self.leave()).await {
            tracing::debug!(%error, "the process leaves without a word: it is found to be gone");
        }
    }

    /// Gives a sign of life, and says who is gone with processes that give none. `spared`: this process was
    /// not known the last time, and others in the same case have not had the time to say so again.
    async fn beat(&self, spared: bool) -> sqlx::Result<bool> {
        let Shared { db, node, .. } = &*self.0;
        let is_known = store::beat(db, *node).await?;
        if !is_known {
            let mut state = self.0.state();
            let all: Vec<_> = state.people.keys().copied().collect();
            state.unsettled.extend(all);
            return Ok(true);
        }
        if !spared {
            let gone = store::sweep(db, self.0.clock.now()).await?;
            self.tell(&gone);
        }
        Ok(false)
    }

    /// Tells the database who has come and gone, and admits those who wait. However many they are, the next
    /// sign of life is given at `beat`: without one, others would take everybody here for gone.
    async fn settle(&self, beat: Instant, stop: &CancellationToken) -> sqlx::Result<()> {
        while Instant::now() < beat && !stop.is_cancelled() {
            let (counts, waiting) = self.0.state().take(BATCH);
            if counts.is_empty() {
                break;
            }
            let Shared { db, node, clock, .. } = &*self.0;
            match store::settle(db, *node, &counts, clock.now()).await {
                Ok(settled) => {
                    self.tell(&settled);
                    self.answer(waiting, &settled);
                }
                Err(error) => {
                    self.0.state().put_back(&counts);
                    for one in waiting {
                        drop(one.answer.send(Err(ConnectError::Unavailable)));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Admits those for whom there is room, the first to wait first.
    fn answer(&self, waiting: Vec<Waiting>, settled: &[Settled]) {
        let room: HashMap<_, _> = settled.iter().map(|it| (it.account, it.admitted)).collect();
        for Waiting { account, looking, answer } in waiting {
            let most = room.get(&account).copied().unwrap_or_default();
            let admitted = self.0.state().admit(account, looking, most).map(|()| {
                let shared = Arc::clone(&self.0);
                Connected { shared, account, looking }
            });
            // Who waits no longer is not counted any more as soon as this is dropped.
            drop(answer.send(admitted));
        }
    }

    fn tell(&self, settled: &[Settled]) {
        for changed in settled.iter().filter_map(|it| it.changed) {
            self.0.bus.tell(&changed);
        }
    }

    /// The end of the process in order: nobody is connected to it any more.
    async fn leave(&self) -> sqlx::Result<()> {
        let Shared { db, node, clock, .. } = &*self.0;
        let people: Vec<_> = self.0.state().people.drain().map(|it| it.0).collect();
        for some in people.chunks(BATCH) {
            let counts: Vec<_> = some.iter().map(|it| (*it, Count::default())).collect();
            let settled = store::settle(db, *node, &counts, clock.now()).await?;
            self.tell(&settled);
        }
        store::forget(db, *node).await
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Some people of whom the database is to be told, with how many connections they have if all of
    /// theirs that wait are admitted, and these.
    fn take(&mut self, most: usize) -> (Vec<(AccountId, Count)>, Vec<Waiting>) {
        let mut counts: HashMap<AccountId, Count> = HashMap::new();
        let rest = self.waiting.split_off(self.waiting.len().min(most));
        let waiting = std::mem::replace(&mut self.waiting, rest);
        for one in &waiting {
            self.unsettled.remove(&one.account);
            let count = counts.entry(one.account).or_insert_with(|| self.count(one.account));
            count.total += 1;
            count.looking += u32::from(one.looking);
        }
        let some: Vec<_> = self.unsettled.iter().copied().take(most).collect();
        for account in some {
            self.unsettled.remove(&account);
            counts.insert(account, self.count(account));
        }
        (counts.into_iter().collect(), waiting)
    }

    fn count(&self, account: AccountId) -> Count {
        self.people.get(&account).copied().unwrap_or_default()
    }

    /// Counts one more connection, if that makes `most` of them or fewer.
    fn admit(&mut self, account: AccountId, looking: bool, most: u32) -> Result<(), ConnectError> {
        let mut count = self.count(account);
        if count.total >= most {
            self.unsettled.insert(account); // it was counted with those that wait
            return Err(ConnectError::TooMany);
        }
        count.total += 1;
        count.looking += u32::from(looking);
        self.people.insert(account, count);
        Ok(())
    }

    fn put_back(&mut self, counts: &[(AccountId, Count)]) {
        self.unsettled.extend(counts.iter().map(|it| it.0));
    }

    fn change(&mut self, account: AccountId, change: impl FnOnce(&mut Count)) {
        let count = self.people.entry(account).or_default();
        change(count);
        if count.total == 0 {
            self.people.remove(&account);
        }
        self.unsettled.insert(account);
    }
}

impl Connected {
    /// Whether the app is in the foreground from now on.
    pub fn look(&mut self, looking: bool) {
        if looking == self.looking {
            return;
        }
        self.looking = looking;
        self.shared.state().change(self.account, |it| {
            it.looking = if looking { it.looking + 1 } else { it.looking.saturating_sub(1) };
        });
        self.shared.changed.notify_one();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let looking = u32::from(self.looking);
        self.shared.state().change(self.account, |it| {
            it.total = it.total.saturating_sub(1);
            it.looking = it.looking.saturating_sub(looking);
        });
        self.shared.changed.notify_one();
    }
}
