//! The events of a chat as its members may know them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::chat::{ChatEvent, Disappearing};
use domain::{AccountId, ChatId, Event, Personal};
use serde_json::Value;

use crate::world::World;

/// A chat, through the eyes of one member.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
pub(super) struct Eyes {
    pub(super) me: AccountId,
    /// The chat is there for them.
    pub(super) opened: bool,
    pub(super) disappearing: Option<Disappearing>,
    /// Of their own, what the other never gets to see.
    pub(super) missed: BTreeSet<i64>,
    pub(super) messages: BTreeMap<i64, Seen>,
    pub(super) unread: BTreeSet<i64>,
    pub(super) read_up_to: i64,
    pub(super) told_read: i64,
    pub(super) cleared_up_to: i64,
    pub(super) pins: Vec<i64>,
    /// Latest last.
    pub(super) stars: Vec<i64>,
    pub(super) marked_unread: bool,
    pub(super) archived: bool,
    pub(super) muted: bool,
    pub(super) blocked: bool,
    pub(super) draft: Option<String>,
}

/// A message that is theirs to see.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) sender: AccountId,
    pub(super) wordings: Vec<(Option<String>, Vec<String>)>,
    pub(super) reactions: Vec<(AccountId, String)>,
    pub(super) answer: Option<Value>,
    pub(super) reply_to: Option<i64>,
    pub(super) origin: Option<(ChatId, u64)>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) gone: bool,
}

impl Eyes {
    fn of(me: AccountId) -> Self {
        Self {
            me,
            opened: false,
            disappearing: None,
            missed: BTreeSet::new(),
            messages: BTreeMap::new(),
            unread: BTreeSet::new(),
            read_up_to: 0,
            told_read: 0,
            cleared_up_to: 0,
            pins: vec![],
            stars: vec![],
            marked_unread: false,
            archived: false,
            muted: false,
            blocked: false,
            draft: None,
        }
    }

    fn see(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::MessageSent { .. } => self.see_sent(event),
            ChatEvent::MessageEdited { number, by, text, tags, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    let text = text.as_ref().and_then(Personal::value).cloned();
                    let tags = tags.as_ref().and_then(Personal::value).cloned().unwrap_or_default();
                    self.change(*number, |it| it.wordings.push((text, tags)));
                }
            }
            ChatEvent::MessagesRead { reader, up_to, withheld, .. } => {
                self.see_read(*reader, *up_to, *withheld);
            }
            ChatEvent::MarkedUnread { by, .. } => self.mine(*by, |it| it.marked_unread = true),
            ChatEvent::MessageDeletedForMe { number, by, .. } => {
                let number = int(*number);
                self.mine(*by, |it| it.hide(number));
            }
            ChatEvent::MessageDeletedForEveryone { number, by, kept, .. } => {
                if self.may_see(*by, *kept) {
                    self.lose(*number);
                }
            }
            ChatEvent::MessagesExpired { numbers, .. } => {
                for number in numbers {
                    self.lose(*number);
                }
            }
            ChatEvent::Cleared { by, up_to, .. } => {
                let up_to = *up_to;
                self.mine(*by, |it| {
                    it.read(up_to);
                    it.cleared_up_to = int(up_to);
                });
            }
            ChatEvent::Reacted { number, by, emoji, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    let emoji = emoji.value().cloned().expect("nobody is erased");
                    let by = *by;
                    self.change(*number, |it| {
                        it.reactions.retain(|(who, _)| *who != by);
                        it.reactions.push((by, emoji));
                    });
                }
            }
            ChatEvent::ReactionRemoved { number, by, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    self.change(*number, |it| it.reactions.retain(|(who, _)| who != by));
                }
            }
            ChatEvent::MessagePinned { number, by, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    self.unpin(int(*number));
                    self.pins.push(int(*number));
                }
            }
            ChatEvent::MessageUnpinned { number, by, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    self.unpin(int(*number));
                }
            }
            ChatEvent::DisappearingSet { by, after, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    self.disappearing = *after;
                }
            }
            ChatEvent::Opened { opened_by, withheld, .. } => {
                self.opened = self.may_see(*opened_by, *withheld);
            }
            ChatEvent::Revealed { to, .. } => self.mine(*to, |it| it.opened = true),
            ChatEvent::MessageStarred { number, by, .. } => {
                let number = int(*number);
                self.mine(*by, |it| it.stars.push(number));
            }
            ChatEvent::MessageUnstarred { number, by, .. } => {
                let number = int(*number);
                self.mine(*by, |it| it.stars.retain(|it| *it != number));
            }
            ChatEvent::ActionAnswered { number, by, answer, withheld, .. } => {
                if self.may_see(*by, *withheld) {
                    let answer = answer.value().cloned();
                    self.change(*number, |it| it.answer = answer);
                }
            }
            ChatEvent::DraftSaved { by, text, .. } => {
                let draft = text.as_ref().and_then(Personal::value).cloned();
                self.mine(*by, |it| it.draft = draft);
            }
            ChatEvent::Muted { by, .. } => self.mine(*by, |it| it.muted = true),
            ChatEvent::Unmuted { by, .. } => self.mine(*by, |it| it.muted = false),
            ChatEvent::Archived { by, .. } => self.mine(*by, |it| it.archived = true),
            ChatEvent::Unarchived { by, .. } => self.mine(*by, |it| it.archived = false),
            ChatEvent::Blocked { by, .. } => self.mine(*by, |it| it.blocked = true),
            ChatEvent::Unblocked { by, .. } => self.mine(*by, |it| it.blocked = false),
            ChatEvent::MessagesDelivered { .. }
            | ChatEvent::MessageReported { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => {}
        }
    }

    fn see_read(&mut self, reader: AccountId, up_to: u64, withheld: bool) {
        if reader == self.me {
            self.read(up_to);
        } else if !withheld {
            self.told_read = self.told_read.max(int(up_to));
        }
    }

    fn see_sent(&mut self, event: &ChatEvent) {
        let ChatEvent::MessageSent {
            number,
            sender,
            content,
            reply_to,
            tags,
            forwarded,
            expires_at,
            withheld,
            ..
        } = event
        else {
            return;
        };
        if !self.may_see(*sender, *withheld) {
            return;
        }
        if *withheld {
            self.missed.insert(int(*number));
        }
        let text = content.text().and_then(Personal::value).cloned();
        let tags = tags.as_ref().and_then(Personal::value).cloned().unwrap_or_default();
        let seen = Seen {
            sender: *sender,
            wordings: vec![(text, tags)],
            reactions: vec![],
            answer: None,
            reply_to: reply_to.map(|it| int(it.number)),
            origin: forwarded.map(|it| (it.origin_chat, it.origin_number)),
            expires_at: *expires_at,
            gone: false,
        };
        self.messages.insert(int(*number), seen);
        if *sender != self.me {
            self.unread.insert(int(*number));
        }
    }

    fn may_see(&self, by: AccountId, withheld: bool) -> bool {
        !withheld || by == self.me
    }

    fn mine(&mut self, by: AccountId, change: impl FnOnce(&mut Self)) {
        if by == self.me {
            change(self);
        }
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.messages.get_mut(&int(number)) {
            change(seen);
        }
    }

    fn read(&mut self, up_to: u64) {
        self.read_up_to = int(up_to);
        self.marked_unread = false;
        self.unread.retain(|it| *it > int(up_to));
    }

    fn hide(&mut self, number: i64) {
        self.messages.remove(&number);
        self.unread.remove(&number);
    }

    fn unpin(&mut self, number: i64) {
        self.pins.retain(|it| *it != number);
    }

    fn lose(&mut self, number: u64) {
        self.change(number, |it| it.gone = true);
        self.unread.remove(&int(number));
        self.unpin(int(number));
        self.stars.retain(|it| *it != int(number));
    }

    /// Those that are not cleared.
    pub(super) fn visible(&self) -> impl DoubleEndedIterator<Item = (i64, &Seen)> {
        self.messages.range(self.cleared_up_to + 1..).map(|(number, seen)| (*number, seen))
    }

    /// Those that are unread and still shown.
    pub(super) fn unread(&self, at: DateTime<Utc>) -> i64 {
        let shown = self.unread.iter().filter(|it| self.is_there(**it, at));
        i64::try_from(shown.count()).expect("a small number")
    }

    pub(super) fn is_there(&self, number: i64, at: DateTime<Utc>) -> bool {
        number > self.cleared_up_to && self.messages.get(&number).is_some_and(|it| !it.is_gone(at))
    }
}

impl Seen {
    pub(super) fn is_gone(&self, at: DateTime<Utc>) -> bool {
        self.gone || self.expires_at.is_some_and(|it| it <= at)
    }
}

fn int(number: u64) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// The world through everybody's eyes.
pub(super) struct Everybody {
    pub(super) chats: BTreeMap<ChatId, (Vec<Eyes>, [AccountId; 2])>,
    pub(super) gone: BTreeSet<(ChatId, u64)>,
    /// By whom, and for them alone.
    pub(super) taken_back: BTreeSet<((ChatId, u64), AccountId)>,
    pub(super) expiring: BTreeMap<(ChatId, u64), DateTime<Utc>>,
}

impl Everybody {
    pub(super) async fn watching(world: &mut World) -> Self {
        let head = world.head().await.0;
        let mut all = Self {
            chats: BTreeMap::new(),
            gone: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            expiring: BTreeMap::new(),
        };
        for recorded in world.events(0, head).await {
            let Ok(Event::Chat(event)) = &recorded.event else { continue };
            let chat = ChatId(recorded.aggregate_id.parse().expect("a chat"));
            if let ChatEvent::Opened { members, .. } | ChatEvent::Blocked { members, .. } = event {
                let eyes = || (members.map(Eyes::of).into(), *members);
                all.chats.entry(chat).or_insert_with(eyes);
            } else if let ChatEvent::MessageDeletedForEveryone { number, by, kept, .. } = event {
                if *kept {
                    all.taken_back.insert(((chat, *number), *by));
                } else {
                    all.gone.insert((chat, *number));
                }
            } else if let ChatEvent::MessagesExpired { numbers, .. } = event {
                all.gone.extend(numbers.iter().map(|it| (chat, *it)));
            } else if let ChatEvent::MessageSent { number, expires_at: Some(at), .. } = event {
                all.expiring.insert((chat, *number), *at);
            }
            let (eyes, _) = all.chats.get_mut(&chat).expect("it was opened first");
            for eyes in eyes {
                eyes.see(event);
            }
        }
        all
    }

    pub(super) fn is_gone(
        &self,
        origin: (ChatId, u64),
        viewer: AccountId,
        at: DateTime<Utc>,
    ) -> bool {
        self.gone.contains(&origin)
            || self.taken_back.contains(&(origin, viewer))
            || self.expiring.get(&origin).is_some_and(|it| *it <= at)
    }
}
