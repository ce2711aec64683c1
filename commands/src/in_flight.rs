//! What this process is doing once, and must not begin a second time meanwhile.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The keys of what is under way in this process. Across processes the log decides.
pub(crate) struct InFlight<K>(Arc<Mutex<HashSet<K>>>);

/// Holds a key while its work is under way.
pub(crate) struct Held<K: Eq + Hash> {
    keys: Arc<Mutex<HashSet<K>>>,
    key: K,
}

impl<K> Default for InFlight<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> InFlight<K> {
    /// Nothing when the key is held already.
    pub(crate) fn hold(&self, key: K) -> Option<Held<K>> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        fresh.then(|| Held { keys: Arc::clone(&self.0), key })
    }
}

impl<K: Eq + Hash> Drop for Held<K> {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
