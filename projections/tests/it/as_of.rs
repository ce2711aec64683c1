//! A chat as it was: what a member read then, less what is gone since.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::chat::ChatCommand;
use domain::{AccountId, ChatId};
use eventlog::Position;
use projections::messages::{self, Range, page_as_of};
use projections::{Filter, MessagePage, MessageView, chats};
use uuid::Uuid;

use crate::dice::Dice;
use crate::story::Story;
use crate::world::{LIMITS, World};

const ALL: i64 = 10_000;

/// What somebody read, and when.
struct Reading {
    by: AccountId,
    chat: ChatId,
    at: Position,
    messages: Vec<MessageView>,
}

/// What is gone for everyone, and what is left of it.
type Gone = HashMap<i64, MessageView>;

async fn then(world: &World, reading: &Reading, range: Range, limit: i64) -> MessagePage {
    let (by, chat, now) = (reading.by, reading.chat, world.now());
    let page = page_as_of(&world.db, by, chat, range, limit, reading.at, now).await;
    page.expect("a page").expect("their chat")
}

async fn gone(world: &World, reading: &Reading, now: DateTime<Utc>) -> Gone {
    let numbers: Vec<i64> = (1..=500).collect();
    let chat_ids: Vec<Uuid> = vec![reading.chat.0; numbers.len()];
    let mut db = world.db.acquire().await.expect("a connection");
    let all = messages::by_keys(&mut db, reading.by, &chat_ids, &numbers, now).await;
    let all = all.expect("messages").into_iter();
    all.filter(|it| it.deleted).map(|it| (it.number, it)).collect()
}

/// What was read, less what is gone since.
fn expected(read: &MessageView, shown: &MessageView, gone: &Gone) -> MessageView {
    if let Some(tombstone) = gone.get(&read.number) {
        return tombstone.clone();
    }
    let mut expected = read.clone();
    if let Some(reply) = expected.reply.as_mut().filter(|it| gone.contains_key(&it.number)) {
        (reply.text, reply.deleted) = (None, true);
    }
    // Whose it was is told as long as the origin is there, which may be in another chat.
    if let (Some(then), Some(now)) = (expected.forwarded.as_mut(), shown.forwarded.as_ref()) {
        assert!(now.withheld || !then.withheld, "{shown:?}");
        then.withheld = now.withheld;
    }
    // When a star was taken away is not kept.
    assert!(read.starred || !shown.starred, "{shown:?}");
    expected.starred = shown.starred;
    // What a file is, and whether it can be fetched, is told as it is now.
    if let (Some(then), Some(now)) = (expected.file.as_mut(), shown.file.as_ref()) {
        then.details.clone_from(&now.details);
    }
    expected
}

#[tokio::test]
async fn a_chat_is_shown_as_it_was_read_then() {
    for seed in 20..23 {
        println!("seed {seed}");
        let mut world = World::create().await;
        let mut dice = Dice(seed);
        let mut story = Story::begin(&mut world).await;
        let mut readings = vec![];
        for step in 0..320 {
            story.step(&mut world, &mut dice).await;
            if step % 40 == 39 {
                world.project().await;
                readings.extend(read_everything(&mut world, &story).await);
            }
        }
        world.project().await;
        let mut changed = 0;
        for reading in &readings {
            let gone = gone(&world, reading, world.now()).await;
            let page = then(&world, reading, Range::After(0), ALL).await;
            let numbers = |it: &[MessageView]| it.iter().map(|it| it.number).collect::<Vec<_>>();
            assert_eq!(numbers(&page.items), numbers(&reading.messages), "at {}", reading.at);
            for (read, shown) in reading.messages.iter().zip(&page.items) {
                assert_eq!(shown, &expected(read, shown, &gone), "at {}", reading.at);
            }
            check_pages(&world, reading, &page.items, &mut dice).await;
            let now = messages::page(
                &world.db,
                reading.by,
                reading.chat,
                Range::After(0),
                ALL,
                world.now(),
            );
            changed += usize::from(now.await.expect("a page").expect("a chat") != page);
        }
        assert!(changed > readings.len() / 2, "{changed} of {}", readings.len());
    }
}

async fn read_everything(world: &mut World, story: &Story) -> Vec<Reading> {
    let at = world.head().await;
    let (db, now) = (&world.db, world.now());
    let mut readings = vec![];
    for by in story.people.iter().copied() {
        for chat in chats::list(db, by, Filter::All, None, 100, now).await.expect("a list") {
            let chat = ChatId(chat.chat_id);
            let page = messages::page(db, by, chat, Range::After(0), ALL, now).await;
            let messages = page.expect("a page").expect("their chat").items;
            readings.push(Reading { by, chat, at, messages });
        }
    }
    readings
}

/// Pages are parts of the whole.
async fn check_pages(world: &World, reading: &Reading, whole: &[MessageView], dice: &mut Dice) {
    for _ in 0..2 {
        let number = i64::try_from(dice.below(40)).expect("small");
        let limit = *dice.pick(&[1, 2, 3, 8]);
        let below = whole.partition_point(|it| it.number < number);
        let above = whole.partition_point(|it| it.number <= number);
        let size = usize::try_from(limit).expect("small");
        let (half, rest) = (size / 2, size - size / 2);
        let cases = [
            (Range::Latest, whole.len().saturating_sub(size), whole.len()),
            (Range::Before(number), below.saturating_sub(size), below),
            (Range::After(number), above, (above + size).min(whole.len())),
            (Range::Around(number), below.saturating_sub(half), (below + rest).min(whole.len())),
        ];
        for (range, from, to) in cases {
            let page = then(world, reading, range, limit).await;
            assert_eq!(page.items, whole[from..to], "{range:?} {limit}");
            assert_eq!(
                (page.more_before, page.more_after),
                (from > 0, to < whole.len()),
                "{range:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_one_removed_for_oneself_was_there_before() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let opened = world.head().await;
    let first = world.send(chat, bob, "first").await;
    let second = world.send(chat, bob, "second").await;
    let sent = world.head().await;
    let (by, now) = (alice, world.now());
    world.on_chat(chat, ChatCommand::Star { message_id: second, by, now }).await;
    let starred = world.head().await;
    world.on_chat(chat, ChatCommand::DeleteForMe { message_id: first, by, now }).await;
    let hidden = world.head().await;
    world.on_chat(chat, ChatCommand::Clear { by, now }).await;
    world.project().await;
    let cleared = world.head().await;
    let page = async |by, at| {
        let page = page_as_of(&world.db, by, chat, Range::Latest, 10, at, now).await;
        page.expect("a page").expect("their chat").items
    };
    let shown = async |by, at| {
        page(by, at).await.iter().map(|it| (it.number, it.starred)).collect::<Vec<_>>()
    };
    assert_eq!(shown(alice, opened).await, []);
    assert_eq!(shown(alice, sent).await, [(1, false), (2, false)]);
    assert_eq!(shown(alice, starred).await, [(1, false), (2, true)]);
    assert_eq!(shown(alice, hidden).await, [(2, true)]);
    assert_eq!(shown(alice, cleared).await, []);
    assert_eq!(shown(bob, cleared).await, [(1, false), (2, false)]);
}

#[tokio::test]
async fn what_was_deleted_for_everyone_since_is_gone_then_too() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let first = world.send(chat, bob, "a secret").await;
    let now = world.now();
    let edit = ChatCommand::Edit {
        message_id: first,
        by: bob,
        text: Some("nothing".to_owned()),
        tags: vec![],
        limits: LIMITS,
        now,
    };
    world.on_chat(chat, edit).await;
    let edited = world.head().await;
    world.project().await;
    let first_words = Position(edited.0 - 1);
    let text = async |world: &World, at| {
        let page = page_as_of(&world.db, alice, chat, Range::Latest, 10, at, now).await;
        let page = page.expect("a page").expect("their chat");
        let message = page.items.into_iter().next().expect("a message");
        (message.text, message.revision, message.edited_at.is_some(), message.deleted)
    };
    assert_eq!(text(&world, first_words).await, (Some("a secret".to_owned()), 0, false, false));
    assert_eq!(text(&world, edited).await, (Some("nothing".to_owned()), 1, true, false));

    world.delete_for_everyone(chat, bob, first).await;
    world.project().await;
    for at in [first_words, edited] {
        assert_eq!(text(&world, at).await, (None, 0, false, true));
    }
}

#[tokio::test]
async fn a_stranger_never_saw_anything() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let mallory = world.register("mallory").await;
    let chat = world.open(alice, bob).await;
    world.send(chat, alice, "between us").await;
    world.project().await;
    let (head, now) = (world.head().await, world.now());
    let page = page_as_of(&world.db, mallory, chat, Range::Latest, 10, head, now).await;
    assert_eq!(page.expect("an answer"), None);
    let nowhere = ChatId(mallory.0);
    let page = page_as_of(&world.db, alice, nowhere, Range::Latest, 10, head, now).await;
    assert_eq!(page.expect("an answer"), None);
}
