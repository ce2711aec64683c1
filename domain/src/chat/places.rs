//! An index of message ids that is made when it is first asked.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use hashbrown::HashTable;
use uuid::Uuid;

/// Where each id stands in a list of different ids that only grows, which is passed to every call.
///
/// Made by the first [`find`](Self::find): of 100,000 ids that takes more than a millisecond, a tenth
/// of loading their chat, and much of what is done in a chat names no message by its id.
#[derive(Clone, Default)]
pub(super) struct Places(OnceLock<Index>);

#[derive(Clone, Default)]
struct Index {
    places: HashTable<u32>,
    /// With a key of this process: ids are chosen by clients, who must not be able to choose ids
    /// that collide.
    hasher: RandomState,
}

impl Places {
    pub(super) fn find(&self, ids: &[Uuid], id: Uuid) -> Option<u32> {
        self.0.get_or_init(|| Index::of(ids)).find(ids, id)
    }

    /// Takes in the last of `ids`, which is new.
    pub(super) fn pushed(&mut self, ids: &[Uuid]) {
        if let Some(index) = self.0.get_mut()
            && let Some(place) = ids.len().checked_sub(1)
        {
            index.insert(ids, place);
        }
    }

    /// Bytes held in memory, or soon to be: whoever bounds them must not be surprised when it is
    /// asked.
    pub(super) fn weight(&self, ids: &[Uuid]) -> usize {
        // At most 7 of 8 buckets are full; each has a place and a byte of its hash.
        let to_come = || (ids.len() * 8 / 7 + 1).next_power_of_two() * (size_of::<u32>() + 1);
        self.0.get().map_or_else(to_come, |it| it.places.allocation_size())
    }
}

impl Index {
    fn of(ids: &[Uuid]) -> Self {
        let places = HashTable::with_capacity(ids.len());
        let mut index = Self { places, hasher: RandomState::default() };
        for place in 0..ids.len() {
            index.insert(ids, place);
        }
        index
    }

    fn find(&self, ids: &[Uuid], id: Uuid) -> Option<u32> {
        let is_it = |place: &u32| ids.get(*place as usize) == Some(&id);
        self.places.find(self.hasher.hash_one(id), is_it).copied()
    }

    fn insert(&mut self, ids: &[Uuid], place: usize) {
        let Self { places, hasher } = self;
        // 2^32 messages do not fit in memory either.
        if let Ok(place) = u32::try_from(place) {
            let hash_of = |place: &u32| hasher.hash_one(at(ids, *place));
            places.insert_unique(hash_of(&place), place, hash_of);
        }
    }
}

fn at(ids: &[Uuid], place: u32) -> Uuid {
    ids.get(place as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: u128) -> Vec<Uuid> {
        (1..=count).map(Uuid::from_u128).collect()
    }

    #[test]
    fn finds_what_was_there_before_it_was_asked_and_what_came_after() {
        let mut ids = ids(1_000);
        let mut places = Places::default();
        places.pushed(&ids);
        assert_eq!(places.find(&ids, ids[0]), Some(0));
        for more in 2_001..=3_000_u128 {
            ids.push(Uuid::from_u128(more));
            places.pushed(&ids);
        }
        for (place, id) in (0..).zip(&ids) {
            assert_eq!(places.find(&ids, *id), Some(place));
        }
        assert_eq!(places.find(&ids, Uuid::from_u128(1_500)), None);
        assert_eq!(places.find(&[], Uuid::nil()), None);
    }

    #[test]
    fn weighs_as_much_before_it_is_asked() {
        for count in [1, 100, 5_000, 100_000] {
            let (ids, places) = (ids(count), Places::default());
            let before = places.weight(&ids);
            places.find(&ids, Uuid::nil());
            let after = places.weight(&ids);
            assert!(before.abs_diff(after) <= 64, "{count}: {before} became {after}");
        }
    }
}
