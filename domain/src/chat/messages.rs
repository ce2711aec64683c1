//! What a chat remembers of its messages: who sent which number under which id, and what became of
//! it. No text: no rule reads it.
//!
//! Packed, because a chat may hold 100,000 messages: 16 bytes of id, 5 of index and 14 bits each,
//! about 2.4 MB; with 8 bytes each while they are to disappear, and 1 when some were edited.

use std::borrow::Cow;
use std::hash::BuildHasher;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use hashbrown::HashTable;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::packed::{Bits, Counts, Expiries, make_room};
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

/// What is true of a message for both members.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    SentBySecond,
    /// For everyone, or expired.
    Deleted,
    WithFile,
    Actionable,
    Answered,
    Forwarded,
}

/// What is true of a message for one member.
#[derive(Debug, Clone, Copy)]
pub(super) enum MemberMark {
    Hidden,
    Starred,
    Reacted,
    Reported,
}

/// Every message of a chat, by number and by id.
#[derive(Clone, Default)]
pub(super) struct Messages {
    ids: Vec<Uuid>,
    marks: Marks,
    /// Places in `ids`, found by the hash of the id.
    places: HashTable<u32>,
    hasher: IdHasher,
}

/// What became of the messages. The order of the sets is that of [`Mark`] and [`MemberMark`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Marks {
    shared: [Bits; 6],
    own: [[Bits; 2]; 4],
    revisions: Counts,
    expiries: Expiries,
}

impl Marks {
    fn weight(&self) -> usize {
        let bits = self.shared.iter().chain(self.own.as_flattened());
        bits.map(Bits::weight).sum::<usize>() + self.revisions.weight() + self.expiries.weight()
    }
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
        if self.is(Mark::SentBySecond, number) { Side::Second } else { Side::First }
    }

    pub(super) fn is(&self, mark: Mark, number: u64) -> bool {
        self.marks.shared[mark as usize].get(number)
    }

    pub(super) fn is_for(&self, mark: MemberMark, number: u64, side: Side) -> bool {
        self.marks.own[mark as usize][side.index()].get(number)
    }

    /// How often it was edited.
    pub(super) fn revision(&self, number: u64) -> u32 {
        u32::from(self.marks.revisions.get(number))
    }

    /// The first `limit` messages whose time is up and that are still there.
    pub(super) fn due(&self, now: DateTime<Utc>, limit: usize) -> Vec<u64> {
        self.marks.expiries.due(now, limit)
    }

    /// Whether it is deleted, or its time is up.
    pub(super) fn is_gone(&self, number: u64, now: DateTime<Utc>) -> bool {
        self.is(Mark::Deleted, number) || self.marks.expiries.is_due(number, now)
    }

    /// How many messages after `read_up_to` the member has not seen: sent by the other, and deleted
    /// neither for everyone nor for the member.
    pub(super) fn unread(&self, side: Side, read_up_to: u64) -> u64 {
        (read_up_to + 1..=self.last()).filter(|number| self.counts(*number, side)).count() as u64
    }

    /// Whether the message is one that `side` can have unread.
    pub(super) fn counts(&self, number: u64, side: Side) -> bool {
        self.sender(number) != side
            && !self.is(Mark::Deleted, number)
            && !self.is_for(MemberMark::Hidden, number, side)
    }

    /// Takes in the next message; returns its number.
    pub(super) fn push(&mut self, id: MessageId, sender: Side) -> u64 {
        if let Ok(place) = u32::try_from(self.ids.len()) {
            make_room(&mut self.ids);
            self.ids.push(id.0); // 2^32 messages do not fit in memory either
            self.index(id.0, place);
        }
        if sender == Side::Second {
            self.set(Mark::SentBySecond, self.last());
        }
        self.last()
    }

    pub(super) fn set(&mut self, mark: Mark, number: u64) {
        if self.has(number) {
            self.marks.shared[mark as usize].set(number);
        }
    }

    pub(super) fn set_for(&mut self, mark: MemberMark, number: u64, side: Side) {
        if self.has(number) {
            self.marks.own[mark as usize][side.index()].set(number);
        }
    }

    pub(super) fn unset_for(&mut self, mark: MemberMark, number: u64, side: Side) {
        self.marks.own[mark as usize][side.index()].unset(number);
    }

    /// Deletes them for everyone, and all that hangs on them. They ascend.
    pub(super) fn delete(&mut self, numbers: &[u64]) {
        self.marks.expiries.remove(numbers);
        for number in numbers {
            self.set(Mark::Deleted, *number);
            for side in [Side::First, Side::Second] {
                self.unset_for(MemberMark::Starred, *number, side);
                self.unset_for(MemberMark::Reacted, *number, side);
            }
        }
    }

    pub(super) fn revise(&mut self, number: u64) {
        if self.has(number) {
            self.marks.revisions.raise(number);
        }
    }

    pub(super) fn expire(&mut self, number: u64, at: DateTime<Utc>) {
        self.marks.expiries.push(number, at);
    }

    /// Asked before a bit is set, because a set is as long as its highest number.
    fn has(&self, number: u64) -> bool {
        (1..=self.last()).contains(&number)
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        self.ids.capacity() * size_of::<Uuid>()
            + self.places.allocation_size()
            + self.marks.weight()
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
        self.ids == other.ids && self.marks == other.marks
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
    marks: Cow<'a, Marks>,
}

impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<[u8; 16]> = self.ids.iter().map(|it| *it.as_bytes()).collect();
        Packed { ids: BASE64.encode(ids.as_flattened()).into(), marks: Cow::Borrowed(&self.marks) }
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
            marks: packed.marks.into_owned(),
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
