//! Hot aggregates, bounded by bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Decider;
use domain::account::Account;
use domain::chat::Chat;
use domain::devices::Devices;
use domain::library::Library;
use eventlog::append::Lineage;
use eventlog::load::Loaded;
use tokio::sync::MutexGuard;

/// Memory for the chats: 60,000 of some dozen messages, or 100 of 100,000.
const CHATS_BYTES: usize = 256 << 20;

/// Memory for the accounts: about 50,000.
const ACCOUNTS_BYTES: usize = 32 << 20;

/// Memory for the libraries: 50,000 of some files, or 8 that are full.
const LIBRARIES_BYTES: usize = 32 << 20;

/// Memory for people's devices: about 40,000 of them with two each.
const DEVICES_BYTES: usize = 32 << 20;

/// What an entry costs besides its state: its key, its lock, its place in the map.
const ENTRY_BYTES: usize = 256;

/// The caches of all aggregate types.
pub struct Caches {
    accounts: Cache<Account>,
    chats: Cache<Chat>,
    libraries: Cache<Library>,
    devices: Cache<Devices>,
}

/// An aggregate type whose hot instances are kept in memory.
pub trait Cached: Decider {
    /// Where they are kept.
    fn cache(caches: &Caches) -> &Cache<Self>;
}

impl Cached for Account {
    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.accounts
    }
}

impl Cached for Chat {
    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.chats
    }
}

impl Cached for Library {
    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.libraries
    }
}

impl Cached for Devices {
    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.devices
    }
}

impl Caches {
    pub(super) fn new() -> Self {
        Self {
            accounts: Cache::new(ACCOUNTS_BYTES),
            chats: Cache::new(CHATS_BYTES),
            libraries: Cache::new(LIBRARIES_BYTES),
            devices: Cache::new(DEVICES_BYTES),
        }
    }
}

/// The aggregates of one type, in two generations: when the younger holds half of the budget it
/// becomes the elder, and what nobody has asked for since is forgotten. Forgetting one that is in
/// use is harmless: the log's gate checks every state.
pub struct Cache<A> {
    budget: usize,
    generations: Mutex<Generations<A>>,
}

struct Generations<A> {
    young: HashMap<String, Entry<A>>,
    young_bytes: usize,
    old: HashMap<String, Entry<A>>,
}

struct Entry<A> {
    slot: Arc<Slot<A>>,
    bytes: usize,
}

impl<A> Cache<A> {
    fn new(budget: usize) -> Self {
        let generations =
            Generations { young: HashMap::new(), young_bytes: 0, old: HashMap::new() };
        Self { budget, generations: Mutex::new(generations) }
    }

    /// The place of aggregate `id`, empty when it is not in memory.
    pub(super) fn slot(&self, id: &str) -> Arc<Slot<A>> {
        let mut all = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = all.young.get(id) {
            return Arc::clone(&entry.slot);
        }
        let entry = all
            .old
            .remove(id)
            .unwrap_or_else(|| Entry { slot: Arc::new(Slot::default()), bytes: ENTRY_BYTES });
        let slot = Arc::clone(&entry.slot);
        all.young_bytes += entry.bytes;
        all.young.insert(id.to_owned(), entry);
        self.age(&mut all);
        slot
    }

    /// Notes how much memory the state of `id` takes by now.
    pub(super) fn weigh(&self, id: &str, bytes: usize) {
        let mut all = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let Generations { young, young_bytes, .. } = &mut *all;
        if let Some(entry) = young.get_mut(id) {
            let bytes = bytes + ENTRY_BYTES;
            *young_bytes = *young_bytes + bytes - entry.bytes;
            entry.bytes = bytes;
        }
        self.age(&mut all);
    }

    fn age(&self, all: &mut Generations<A>) {
        if all.young_bytes > self.budget / 2 {
            all.old = std::mem::take(&mut all.young);
            all.young_bytes = 0;
        }
    }
}

/// The state of one aggregate, ahead of the log by what is on its way there.
pub(super) struct Slot<A>(tokio::sync::Mutex<State<A>>);

pub(super) struct State<A> {
    pub(super) loaded: Option<Loaded<A>>,
    /// Of everything that was decided on the state, as long as all of it is accepted.
    pub(super) lineage: Lineage,
}

impl<A> Default for Slot<A> {
    fn default() -> Self {
        Self(tokio::sync::Mutex::new(State { loaded: None, lineage: Lineage::default() }))
    }
}

impl<A> Slot<A> {
    /// The state, or none if the log did not accept what was decided on it.
    pub(super) async fn lock(&self) -> MutexGuard<'_, State<A>> {
        let mut state = self.0.lock().await;
        if state.lineage.is_void() {
            *state = State { loaded: None, lineage: Lineage::default() };
        }
        state
    }
}
