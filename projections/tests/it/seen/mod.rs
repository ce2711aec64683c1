//! What each member sees after a random history, against a replay of the events as that member may
//! know them: whatever was withheld from them is left out, and everything else is taken as it comes.

mod eyes;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, ChatId};
use eventlog::Position;
use projections::messages::{self, MessageView};
use projections::{Filter, Range, accounts, blocks, chats};

use self::eyes::{Everybody, Eyes, Seen};
use crate::dice::Dice;
use crate::story::Story;
use crate::world::World;

const STEPS: u64 = 500;

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
    assert_eq!(withheld, seen.origin.map(|it| all.is_gone(it, eyes.me, at)));
}

async fn check_chat(world: &World, chat: ChatId, eyes: &Eyes, shown: bool, at: DateTime<Utc>) {
    let view = chats::by_id(&world.db, eyes.me, chat, at).await.expect("a row").expect("theirs");
    assert_eq!(view.unread_count, eyes.unread(at));
    let days = eyes.disappearing.map(|it| i32::try_from(it.days()).expect("small"));
    assert_eq!(view.disappearing_days, days);
    let missed = view.participant_missed.iter().flat_map(|(from, to)| *from..=*to);
    let expected = eyes.missed.range(..=view.participant_delivered_up_to).copied();
    assert_eq!(missed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
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
    let totals = chats::totals(&world.db, account, at).await.expect("totals");
    let unread = eyes.iter().filter(|it| !it.archived);
    let messages: i64 = unread.clone().map(|it| it.unread(at)).sum();
    let unread = unread.filter(|it| it.marked_unread || it.unread(at) > 0).count();
    assert_eq!(totals.unread_messages, messages);
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
}

async fn check_blocks(world: &World, account: AccountId, eyes: &[&Eyes]) {
    let blocked = blocks::list(&world.db, account, None, 100).await.expect("a list");
    assert_eq!(blocked.len(), eyes.iter().filter(|it| it.blocked).count());
}

/// Of a chat that is not there for them.
async fn check_nothing(world: &World, chat: ChatId, me: AccountId, at: DateTime<Utc>) {
    assert_eq!(chats::by_id(&world.db, me, chat, at).await.expect("no row"), None);
    let page = messages::page(&world.db, me, chat, Range::Latest, 10, at).await;
    assert_eq!(page.expect("no rows"), None);
    let then = Position(i64::MAX);
    let page = messages::page_as_of(&world.db, me, chat, Range::Latest, 10, then, at).await;
    assert_eq!(page.expect("no rows"), None);
    assert_eq!(messages::pins(&world.db, me, chat, at).await.expect("no rows"), None);
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
                    if !eyes.opened {
                        check_nothing(&world, *chat, eyes.me, at).await;
                        continue;
                    }
                    check_messages(&world, &all, *chat, eyes, at).await;
                    check_chat(&world, *chat, eyes, shown, at).await;
                    check_lists(&world, *chat, eyes, at).await;
                }
            }
            for account in &story.people {
                let eyes: Vec<_> = all.chats.values().flat_map(|it| &it.0).collect();
                let eyes: Vec<_> = eyes.into_iter().filter(|it| it.me == *account).collect();
                check_blocks(&world, *account, &eyes).await;
                let eyes: Vec<_> = eyes.into_iter().filter(|it| it.opened).collect();
                check_totals(&world, *account, &eyes, at).await;
            }
        }
    }
}
