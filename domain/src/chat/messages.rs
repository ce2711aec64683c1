//! What a chat remembers of its messages: who sent which number under which id, and what became of
//! it. No text: no rule reads it.
//!
//! Packed, because a chat may hold 100,000 messages: 16 bytes of id, 5 of index and 4 bits each,
//! about 2.3 MB.

use std::borrow::Cow;
use std::hash::BuildHasher;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hashbrown::HashTable;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::MessageId;

/// Which of the two members: their place in the sorted pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    First,
    Second,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// Every message of a chat, by number and by id.
#[derive(Clone, Default)]
pub(super) struct Messages {
    ids: Vec<Uuid>,
    /// Set when the second member sent it.
    sent_by_second: Bits,
    deleted: Bits,
    hidden: [Bits; 2],
    /// Places in `ids`, found by the hash of the id.
    places: HashTable<u32>,
    hasher: IdHasher,
}

impl Messages {
    /// The number of the last message; 0 when there is none.
    pub(super) fn last(&self) -> u64 {
        self.ids.len() as u64
    }

    pub(super) fn number_of(&self, id: MessageId) -> Option<u64> {
        let place =
            self.places.find(self.hasher.hash_one(id.0), |it| self.id_at(*it) == Some(id.0))?;
        Some(u64::from(*place) + 1)
    }

    pub(super) fn sender(&self, number: u64) -> Side {
        if self.sent_by_second.get(number) { Side::Second } else { Side::First }
    }

    pub(super) fn is_deleted(&self, number: u64) -> bool {
        self.deleted.get(number)
    }

    pub(super) fn is_hidden(&self, number: u64, side: Side) -> bool {
        self.hidden[side.index()].get(number)
    }

    /// How many messages after `read_up_to` the member has not seen: sent by the other, and deleted
    /// neither for everyone nor for the member.
    pub(super) fn unread(&self, side: Side, read_up_to: u64) -> u64 {
        (read_up_to + 1..=self.last()).filter(|number| self.counts(*number, side)).count() as u64
    }

    /// Whether the message is one that `side` can have unread.
    pub(super) fn counts(&self, number: u64, side: Side) -> bool {
        self.sender(number) != side && !self.is_deleted(number) && !self.is_hidden(number, side)
    }

    pub(super) fn push(&mut self, id: MessageId, sender: Side) {
        let Ok(place) = u32::try_from(self.ids.len()) else {
            return; // 2^32 messages do not fit in memory either
        };
        self.ids.push(id.0);
        if sender == Side::Second {
            self.sent_by_second.set(self.ids.len() as u64);
        }
        self.index(id.0, place);
    }

    pub(super) fn delete(&mut self, number: u64) {
        if self.has(number) {
            self.deleted.set(number);
        }
    }

    pub(super) fn hide(&mut self, number: u64, side: Side) {
        if self.has(number) {
            self.hidden[side.index()].set(number);
        }
    }

    /// Asked before a bit is set, because a set is as long as its highest number.
    fn has(&self, number: u64) -> bool {
        (1..=self.last()).contains(&number)
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        let bits = self.sent_by_second.weight()
            + self.deleted.weight()
            + self.hidden.iter().map(Bits::weight).sum::<usize>();
        self.ids.capacity() * size_of::<Uuid>() + self.places.allocation_size() + bits
    }

    fn id_at(&self, place: u32) -> Option<Uuid> {
        self.ids.get(place as usize).copied()
    }

    fn index(&mut self, id: Uuid, place: u32) {
        let Self { ids, places, hasher, .. } = self;
        let hash_of =
            |it: &u32| hasher.hash_one(ids.get(*it as usize).copied().unwrap_or_default());
        places.insert_unique(hasher.hash_one(id), place, hash_of);
    }
}

/// Hashes ids with a key of this process: ids are chosen by clients, who must not be able to choose
/// ids that collide.
type IdHasher = std::hash::RandomState;

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
            && self.sent_by_second == other.sent_by_second
            && self.deleted == other.deleted
            && self.hidden == other.hidden
    }
}

impl Eq for Messages {}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("last", &self.last()).finish_non_exhaustive()
    }
}

/// The serialized form: bytes in base64. The index is made again.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    #[serde(borrow)]
    ids: Cow<'a, str>,
    sent_by_second: Bits,
    deleted: Bits,
    hidden: [Bits; 2],
}

impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<[u8; 16]> = self.ids.iter().map(|it| *it.as_bytes()).collect();
        Packed {
            ids: BASE64.encode(ids.as_flattened()).into(),
            sent_by_second: self.sent_by_second.clone(),
            deleted: self.deleted.clone(),
            hidden: self.hidden.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let packed = Packed::deserialize(deserializer)?;
        let bytes = BASE64.decode(packed.ids.as_bytes()).map_err(D::Error::custom)?;
        let (ids, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("ids are not a whole number of UUIDs"));
        }
        let ids: Vec<Uuid> = ids.iter().map(|it| Uuid::from_bytes(*it)).collect();
        let count = u32::try_from(ids.len()).map_err(D::Error::custom)?;
        let mut messages = Self {
            places: HashTable::with_capacity(ids.len()),
            ids,
            sent_by_second: packed.sent_by_second,
            deleted: packed.deleted,
            hidden: packed.hidden,
            hasher: IdHasher::default(),
        };
        for place in 0..count {
            if let Some(id) = messages.id_at(place) {
                messages.index(id, place);
            }
        }
        Ok(messages)
    }
}

/// A set of message numbers, one bit each; only as long as its highest member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Bits(Vec<u8>);

impl Bits {
    fn get(&self, number: u64) -> bool {
        let (byte, mask) = Self::place(number);
        self.0.get(byte).is_some_and(|it| it & mask != 0)
    }

    fn set(&mut self, number: u64) {
        let (byte, mask) = Self::place(number);
        if byte >= self.0.len() {
            self.0.resize(byte + 1, 0);
        }
        if let Some(it) = self.0.get_mut(byte) {
            *it |= mask;
        }
    }

    const fn weight(&self) -> usize {
        self.0.capacity()
    }

    const fn place(number: u64) -> (usize, u8) {
        ((number / 8) as usize, 1 << (number % 8))
    }
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}
