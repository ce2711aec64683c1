//! What each member sees after a random history, against a replay of the events as that member may
//! know them: whatever was withheld from them is left out, and everything else is taken as it comes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::chat::{ChatEvent, Content};
use domain::{AccountId, ChatId, Event, Personal};
use projections::messages::{self, MessageView};
use projections::{Filter, Range, accounts, blocks, chats};
use serde_json::Value;

use crate::dice::Dice;
use crate::story::Story;
use crate::world::World;

const STEPS: u64 = 500;

/// A chat, through the eyes of one member.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
struct Eyes {
    me: AccountId,
    messages: BTreeMap<i64, Seen>,
    unread: BTreeSet<i64>,
    read_up_to: i64,
    told_read: i64,
    cleared_up_to: i64,
    pins: Vec<i64>,
    /// Latest last.
    stars: Vec<i64>,
    marked_unread: bool,
    archived: bool,
    muted: bool,
    blocked: bool,
    draft: Option<String>,
}

/// A message that is theirs to see.
#[derive(Clone)]
struct Seen {
    sender: AccountId,
    wordings: Vec<(Option<String>, Vec<String>)>,
    reactions: Vec<(AccountId, String)>,
    answer: Option<Value>,
    reply_to: Option<i64>,
    origin: Option<(ChatId, u64)>,
    expires_at: Option<DateTime<Utc>>,
    gone: bool,
}

impl Eyes {
    fn of(me: AccountId) -> Self {
        Self {
            me,
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
                if *reader == self.me {
                    self.read(*up_to);
                } else if !withheld {
                    self.told_read = self.told_read.max(int(*up_to));
                }
            }
            ChatEvent::MarkedUnread { by, .. } => self.mine(*by, |it| it.marked_unread = true),
            ChatEvent::MessageDeletedForMe { number, by, .. } => {
                let number = int(*number);
                self.mine(*by, |it| it.hide(number));
            }
            ChatEvent::MessageDeletedForEveryone { number, .. } => self.lose(*number),
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
            ChatEvent::ReactionRemoved { number, by, .. } => {
                self.change(*number, |it| it.reactions.retain(|(who, _)| who != by));
            }
            ChatEvent::MessagePinned { number, .. } => self.pins.push(int(*number)),
            ChatEvent::MessageUnpinned { number, .. } => self.unpin(int(*number)),
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
            ChatEvent::Opened { .. }
            | ChatEvent::MessagesDelivered { .. }
            | ChatEvent::MessageReported { .. }
            | ChatEvent::DisappearingSet { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => {}
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
        assert!(matches!(content, Content::Text { .. } | Content::Actionable { .. }));
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
    fn visible(&self) -> impl DoubleEndedIterator<Item = (i64, &Seen)> {
        self.messages.range(self.cleared_up_to + 1..).map(|(number, seen)| (*number, seen))
    }

    fn is_there(&self, number: i64, at: DateTime<Utc>) -> bool {
        number > self.cleared_up_to && self.messages.get(&number).is_some_and(|it| !it.is_gone(at))
    }
}

impl Seen {
    fn is_gone(&self, at: DateTime<Utc>) -> bool {
        self.gone || self.expires_at.is_some_and(|it| it <= at)
    }
}

fn int(number: u64) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// The world through everybody's eyes.
struct Everybody {
    chats: BTreeMap<ChatId, (Vec<Eyes>, [AccountId; 2])>,
    gone: BTreeSet<(ChatId, u64)>,
    expiring: BTreeMap<(ChatId, u64), DateTime<Utc>>,
}

impl Everybody {
    async fn watching(world: &mut World) -> Self {
        let head = world.head().await.0;
        let mut all =
            Self { chats: BTreeMap::new(), gone: BTreeSet::new(), expiring: BTreeMap::new() };
        for recorded in world.events(0, head).await {
            let Ok(Event::Chat(event)) = &recorded.event else { continue };
            let chat = ChatId(recorded.aggregate_id.parse().expect("a chat"));
            if let ChatEvent::Opened { members, .. } = event {
                all.chats.insert(chat, (members.map(Eyes::of).into(), *members));
            } else if let ChatEvent::MessageDeletedForEveryone { number, .. } = event {
                all.gone.insert((chat, *number));
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

    fn is_gone(&self, origin: (ChatId, u64), at: DateTime<Utc>) -> bool {
        self.gone.contains(&origin) || self.expiring.get(&origin).is_some_and(|it| *it <= at)
    }
}

async fn check_messages(
    world: &World,
    all: &Everybody,
    chat: ChatId,
    eyes: &Eyes,
    at: DateTime<Utc>,
) {
    let page = messages::page(&world.db, eyes.me, chat, Range::Latest, 1_000, at).await;
    let page = page.expect("a page").expect("their chat");
    let numbers: Vec<_> = page.items.iter().map(|it| it.number).collect();
    assert_eq!(numbers, eyes.visible().map(|(number, _)| number).collect::<Vec<_>>());
    for (view, (_, seen)) in page.items.iter().zip(eyes.visible()) {
        check_message(all, eyes, view, seen, at);
        let id = domain::MessageId(view.message_id);
        let one = messages::by_id(&world.db, eyes.me, chat, id, at).await.expect("a row");
        assert_eq!(one.as_ref(), Some(view));
        let history = messages::history(&world.db, eyes.me, chat, id, at).await;
        let history = history.expect("rows").expect("theirs");
        let wordings: Vec<_> = history.into_iter().map(|it| (it.text, it.tags)).collect();
        assert_eq!(wordings, if seen.is_gone(at) { vec![] } else { seen.wordings.clone() });
    }
}

fn check_message(all: &Everybody, eyes: &Eyes, view: &MessageView, seen: &Seen, at: DateTime<Utc>) {
    assert_eq!((view.sender_id, view.deleted), (seen.sender.0, seen.is_gone(at)));
    if view.deleted {
        assert_eq!((&view.text, &view.reply, view.reactions.len()), (&None, &None, 0));
        assert!(view.forwarded.is_none() && view.answer.is_none() && view.tags.is_empty());
        return;
    }
    let (text, tags) = seen.wordings.last().expect("what was sent");
    assert_eq!((&view.text, &view.tags), (text, tags), "{}", view.number);
    assert_eq!(view.edited_at.is_some(), seen.wordings.len() > 1);
    let reactions = view.reactions.iter().map(|it| (AccountId(it.account_id), it.emoji.clone()));
    assert_eq!(reactions.collect::<Vec<_>>(), seen.reactions, "{}", view.number);
    assert_eq!(view.answer.as_ref().and_then(|it| it.answer.clone()), seen.answer);
    assert_eq!(view.pinned, eyes.pins.contains(&view.number));
    assert_eq!(view.starred, eyes.stars.contains(&view.number));
    assert_eq!(view.reply.as_ref().map(|it| it.number), seen.reply_to);
    if let Some(reply) = &view.reply {
        assert_eq!(reply.deleted, !eyes.is_there(reply.number, at));
        let wording = eyes.messages.get(&reply.number).and_then(|it| it.wordings.last());
        let quoted = wording.filter(|_| !reply.deleted).and_then(|it| it.0.clone());
        assert_eq!(reply.text, quoted, "a quote of {}", reply.number);
    }
    let withheld = view.forwarded.as_ref().map(|it| it.withheld);
    assert_eq!(withheld, seen.origin.map(|it| all.is_gone(it, at)));
}

async fn check_chat(world: &World, chat: ChatId, eyes: &Eyes, shown: bool, at: DateTime<Utc>) {
    let view = chats::by_id(&world.db, eyes.me, chat, at).await.expect("a row").expect("theirs");
    assert_eq!(view.unread_count, i64::try_from(eyes.unread.len()).expect("small"));
    assert_eq!((view.read_up_to, view.cleared_up_to), (eyes.read_up_to, eyes.cleared_up_to));
    assert_eq!(view.participant_read_up_to, shown.then_some(eyes.told_read));
    assert!(view.participant_delivered_up_to >= eyes.told_read);
    let flags = (view.marked_unread, view.archived, view.muted, view.blocked);
    assert_eq!(flags, (eyes.marked_unread, eyes.archived, eyes.muted, eyes.blocked));
    assert_eq!(view.draft.and_then(|it| it.text), eyes.draft);
    let last = eyes.visible().next_back().map(|(number, _)| number);
    assert_eq!(view.last_message.map(|it| it.number), last);
}

async fn check_lists(world: &World, chat: ChatId, eyes: &Eyes, at: DateTime<Utc>) {
    let pins = messages::pins(&world.db, eyes.me, chat, at).await.expect("rows").expect("theirs");
    let pins: Vec<_> = pins.into_iter().map(|it| it.message.number).collect();
    let expected = eyes.pins.iter().rev().filter(|it| eyes.is_there(**it, at));
    assert_eq!(pins, expected.copied().collect::<Vec<_>>());
    let stars = messages::starred(&world.db, eyes.me, None, 10_000, at).await.expect("rows");
    let stars = stars.into_iter().map(|it| it.message).filter(|it| it.chat_id == chat.0);
    let expected = eyes.stars.iter().rev().filter(|it| eyes.is_there(**it, at));
    assert_eq!(
        stars.map(|it| it.number).collect::<Vec<_>>(),
        expected.copied().collect::<Vec<_>>()
    );
}

async fn check_totals(world: &World, account: AccountId, eyes: &[&Eyes], at: DateTime<Utc>) {
    let totals = chats::totals(&world.db, account).await.expect("totals");
    let unread = eyes.iter().filter(|it| !it.archived);
    let messages: usize = unread.clone().map(|it| it.unread.len()).sum();
    let unread = unread.filter(|it| it.marked_unread || !it.unread.is_empty()).count();
    assert_eq!(totals.unread_messages, i64::try_from(messages).expect("small"));
    assert_eq!(totals.unread_chats, i64::try_from(unread).expect("small"));
    let expected = [
        (Filter::All, eyes.len()),
        (Filter::Active, eyes.iter().filter(|it| !it.archived).count()),
        (Filter::Archived, eyes.iter().filter(|it| it.archived).count()),
        (Filter::Muted, eyes.iter().filter(|it| it.muted && !it.archived).count()),
        (Filter::Unread, unread),
    ];
    for (filter, expected) in expected {
        let list = chats::list(&world.db, account, filter, None, 100, at).await.expect("a list");
        assert_eq!(list.len(), expected, "{filter:?}");
    }
    let blocked = blocks::list(&world.db, account, None, 100).await.expect("a list");
    assert_eq!(blocked.len(), eyes.iter().filter(|it| it.blocked).count());
}

#[tokio::test]
async fn each_member_sees_what_was_not_withheld_from_them_and_nothing_else() {
    for seed in 100..105 {
        println!("seed {seed}");
        let mut world = World::create().await;
        let mut dice = Dice(seed);
        let mut story = Story::begin(&mut world).await;
        for _ in 0..STEPS {
            story.step(&mut world, &mut dice).await;
        }
        world.project().await;
        let all = Everybody::watching(&mut world).await;
        // Once before the messages of one day are due, and once after.
        for at in [world.now(), world.now() + TimeDelta::days(3)] {
            for (chat, (eyes, members)) in &all.chats {
                let mut shown = true;
                for member in members {
                    let member = accounts::by_id(&world.db, *member).await.expect("a row");
                    shown &= member.is_some_and(|it| it.read_receipts);
                }
                for eyes in eyes {
                    check_messages(&world, &all, *chat, eyes, at).await;
                    check_chat(&world, *chat, eyes, shown, at).await;
                    check_lists(&world, *chat, eyes, at).await;
                }
            }
            for account in &story.people {
                let eyes: Vec<_> = all.chats.values().flat_map(|it| &it.0).collect();
                let eyes: Vec<_> = eyes.into_iter().filter(|it| it.me == *account).collect();
                check_totals(&world, *account, &eyes, at).await;
            }
        }
    }
}
