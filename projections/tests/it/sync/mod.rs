//! A device that applies what sync tells it has what a fresh read shows.

mod device;
mod live;
mod pages;

use std::collections::BTreeMap;

use domain::chat::ChatCommand;
use domain::library::{LibraryCommand, Rejection};
use domain::{AccountId, ChatId, MessageId};
use eventlog::Position;
use projections::ReadModel;
use projections::runner::Outcome;
use projections::sync::{self, Change, Changes, Delta, Item, Place};

use self::device::{Device, Kept, same};
use crate::dice::Dice;
use crate::story::Story;
use crate::world::{LIMITS, World};

/// The read models at work, each at its own pace.
struct Projecting {
    reached: BTreeMap<ReadModel, usize>,
}

impl Projecting {
    async fn begin(world: &World) -> Self {
        world.create_checkpoints().await;
        Self { reached: ReadModel::ALL.into_iter().map(|it| (it, 0)).collect() }
    }

    /// What all of them have applied.
    fn reached(&self) -> Position {
        let reached = self.reached.values().min().expect("some model");
        Position(i64::try_from(*reached).expect("small"))
    }

    /// One of the read models applies some of what it has not applied yet.
    async fn some(&mut self, world: &mut World, dice: &mut Dice) {
        let model = *dice.pick(&ReadModel::ALL);
        let count = 1 + dice.below(12);
        self.apply(world, model, i64::try_from(count).expect("small")).await;
    }

    async fn all(&mut self, world: &mut World) {
        for model in ReadModel::ALL {
            self.apply(world, model, 100_000).await;
        }
    }

    async fn apply(&mut self, world: &mut World, model: ReadModel, count: i64) {
        let reached = self.reached.get_mut(&model).expect("every model");
        let after = i64::try_from(*reached).expect("small");
        let events = world.events(after, count).await;
        if events.is_empty() {
            return;
        }
        match world.apply(model, &events).await {
            Outcome::Applied { held: 0, .. } => *reached += events.len(),
            other @ (Outcome::Applied { .. } | Outcome::Elsewhere(_)) => {
                panic!("{model}: {other:?}")
            }
        }
    }
}

/// Everybody's devices page at random while the read models lag at random behind the log and behind
/// one another, and in the end have what a fresh read shows.
#[tokio::test]
async fn what_a_device_was_told_is_what_a_fresh_read_shows() {
    for seed in 0..8 {
        println!("seed {seed}");
        let mut world = World::create().await;
        let mut dice = Dice(seed);
        let mut story = Story::begin(&mut world).await;
        let mut projecting = Projecting::begin(&world).await;
        let mut devices = vec![];
        for _ in 0..400 {
            story.step(&mut world, &mut dice).await;
            if dice.below(2) == 0 {
                projecting.some(&mut world, &mut dice).await;
            }
            let at = world.now();
            if devices.len() < 6 && dice.below(20) == 0 {
                let of = *dice.pick(&story.people);
                devices.push(Device::start(&world.db, of, Position::START, at).await);
            }
            if dice.below(8) == 0 && !devices.is_empty() {
                let device = usize::try_from(dice.below(devices.len() as u64)).expect("small");
                let limit = *dice.pick(&[1, 2, 7, 50]);
                devices[device].page(&world.db, limit, Position::START, at).await;
            }
        }
        projecting.all(&mut world).await;
        let at = world.now();
        for device in &mut devices {
            device.catch_up(&world.db, 7, Position::START, at).await;
            let fresh = Kept::fresh(&world.db, device.of, at).await;
            assert!(!fresh.messages.is_empty());
            same(&device.kept, &fresh);
        }
        assert!(devices.len() >= 3, "{}", devices.len());
    }
}

struct Talk {
    world: World,
    alice: AccountId,
    bob: AccountId,
    chat: ChatId,
    sent: Vec<MessageId>,
}

/// Ten messages: Alice's are the odd ones.
async fn talk() -> Talk {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let bob = world.register("bob").await;
    let chat = world.open(bob, alice).await;
    let mut sent = vec![];
    for number in 1..=10 {
        let sender = if number % 2 == 1 { alice } else { bob };
        sent.push(world.send(chat, sender, &format!("message {number}")).await);
    }
    world.project().await;
    Talk { world, alice, bob, chat, sent }
}

#[tokio::test]
async fn the_first_time_it_says_where_to_go_on() {
    let mut talk = talk().await;
    let head = talk.world.head().await;
    let (db, now) = (talk.world.app(), talk.world.now());
    let first = sync::page(&db, talk.alice, None, 10, head, now).await.expect("an answer");
    assert_eq!(first, Delta::StartAfresh(head));
    let place = Some(Place::after(head.0));
    let next = sync::page(&db, talk.alice, place, 10, head, now).await.expect("an answer");
    let nothing =
        Changes { items: vec![], next: Place::after(head.0), more: false, reflects: head };
    assert_eq!(next, Delta::Changes(nothing));
}

#[tokio::test]
async fn whoever_is_no_member_is_told_nothing() {
    let mut talk = talk().await;
    let mallory = talk.world.register("mallory").await;
    talk.world.project().await;
    let head = talk.world.head().await;
    let (db, now) = (&talk.world.db, talk.world.now());
    match sync::page(db, mallory, Some(Place::after(0)), 100, head, now).await.expect("an answer") {
        Delta::Changes(Changes { items, more, .. }) => {
            let [Item { change: Change::Account(own), .. }] = &items[..] else {
                panic!("{items:?}")
            };
            assert_eq!((own.account_id, more), (mallory.0, false));
        }
        Delta::StartAfresh(position) => panic!("{position}"),
    }
}

/// What only one member sees of the chat tells the other nothing, not even that something happened.
#[tokio::test]
async fn what_a_member_does_for_themselves_is_theirs_alone() {
    let mut talk = talk().await;
    let (world, chat) = (&mut talk.world, talk.chat);
    let head = world.head().await;
    let mut hers = Device::start(&world.db, talk.alice, head, world.now()).await;
    let mut his = Device::start(&world.db, talk.bob, head, world.now()).await;
    let (by, now, message_id) = (talk.alice, world.now(), talk.sent[3]);
    let until = None;
    let commands = [
        ChatCommand::Star { message_id, by, now },
        ChatCommand::Unstar { message_id, by, now },
        ChatCommand::DeleteForMe { message_id, by, now },
        ChatCommand::SaveDraft {
            by,
            text: Some("unsaid".to_owned()),
            reply_to: None,
            limits: LIMITS,
            now,
        },
        ChatCommand::MarkUnread { by, now },
        ChatCommand::Mute { by, until, now },
        ChatCommand::Archive { by, now },
        ChatCommand::Clear { by, now },
        ChatCommand::Block { by, whom: talk.bob, now },
    ];
    for command in commands {
        assert!(!world.on_chat(chat, command.clone()).await.is_empty(), "{command:?}");
        world.project().await;
        let head = world.head().await;
        let told = hers.catch_up(&world.db, 10, head, world.now()).await;
        assert!(!told.is_empty(), "{command:?}");
        let told = his.catch_up(&world.db, 10, head, world.now()).await;
        assert!(told.is_empty(), "{command:?}: {told:?}");
    }
    same(&hers.kept, &Kept::fresh(&world.db, talk.alice, world.now()).await);
}

/// Whom she has blocked is told nothing of that, and she nothing of what he does.
#[tokio::test]
async fn what_was_withheld_is_never_told() {
    let mut talk = talk().await;
    let (world, chat) = (&mut talk.world, talk.chat);
    let now = world.now();
    world.on_chat(chat, ChatCommand::Block { by: talk.alice, whom: talk.bob, now }).await;
    world.project().await;
    let head = world.head().await;
    let mut hers = Device::start(&world.db, talk.alice, head, world.now()).await;
    let mut his = Device::start(&world.db, talk.bob, head, world.now()).await;
    let (by, now) = (talk.bob, world.now());
    let unseen = world.send(chat, talk.bob, "can you hear me?").await;
    let commands = [
        ChatCommand::Edit {
            message_id: talk.sent[1],
            by,
            text: Some("changed".to_owned()),
            tags: vec![],
            limits: LIMITS,
            now,
        },
        ChatCommand::React { message_id: talk.sent[0], by, emoji: "👍".to_owned(), now },
        ChatCommand::MarkRead { reader: by, up_to: 9, now },
        ChatCommand::React { message_id: unseen, by, emoji: "👍".to_owned(), now },
    ];
    for command in commands {
        assert!(!world.on_chat(chat, command.clone()).await.is_empty(), "{command:?}");
        world.project().await;
        let head = world.head().await;
        let told = his.catch_up(&world.db, 10, head, world.now()).await;
        assert!(!told.is_empty(), "{command:?}");
        let told = hers.catch_up(&world.db, 10, head, world.now()).await;
        assert!(told.is_empty(), "{command:?}: {told:?}");
    }
    same(&his.kept, &Kept::fresh(&world.db, talk.bob, world.now()).await);
    same(&hers.kept, &Kept::fresh(&world.db, talk.alice, world.now()).await);
}

/// One event may change a thousand messages: pages go through the middle of it.
/// A message shows whether its file can be fetched, and is told again when that changes: to those who
/// see it, and to nobody else.
#[tokio::test]
async fn a_file_that_is_published_changes_the_messages_that_carry_it() {
    let Talk { mut world, alice, bob, chat, .. } = talk().await;
    let now = world.now();
    let [published, rejected] = [world.upload(alice).await, world.upload(alice).await];
    for file_id in [published, rejected] {
        world.send_file(chat, alice, (alice, file_id)).await;
    }
    world.on_chat(chat, ChatCommand::Block { by: bob, whom: alice, now }).await;
    let withheld = world.upload(alice).await;
    world.send_file(chat, alice, (alice, withheld)).await;
    world.project().await;
    let at = world.now();
    let mut devices = vec![];
    for of in [alice, bob] {
        devices.push(Device::start(&world.db, of, Position::START, at).await);
    }

    let publish = LibraryCommand::PublishFile { file_id: published, size: 1, image: None, now };
    world.on_library(alice, publish).await;
    let reason = Rejection::Infected;
    let reject = LibraryCommand::RejectFile { file_id: rejected, reason, now };
    world.on_library(alice, reject).await;
    world.project().await;
    for device in &mut devices {
        let told = device.catch_up(&world.db, 50, Position::START, at).await;
        assert_eq!(told_numbers(&told), [11, 12], "{told:?}");
        same(&device.kept, &Kept::fresh(&world.db, device.of, at).await);
    }

    let publish = LibraryCommand::PublishFile { file_id: withheld, size: 1, image: None, now };
    world.on_library(alice, publish).await;
    world.project().await;
    let told = devices[0].catch_up(&world.db, 50, Position::START, at).await;
    assert_eq!(told_numbers(&told), [13], "who sent it");
    assert_eq!(devices[1].catch_up(&world.db, 50, Position::START, at).await, []);
    world.check().await;
}

fn told_numbers(told: &[Change]) -> Vec<i64> {
    let number = |it: &Change| match it {
        Change::Message(message) => Some(message.number),
        Change::Account(_) | Change::Chat(_) | Change::MessageGone { .. } => None,
    };
    told.iter().filter_map(number).collect()
}
