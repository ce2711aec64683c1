//! Pages: of much at once, while others write, behind a read model that lags, and of too much.

use domain::chat::ChatCommand;
use eventlog::Position;
use projections::ReadModel;
use projections::sync::{self, Change, Delta, Place};

use super::device::{Device, Kept, same};
use super::talk;
use crate::dice::Dice;
use crate::story::Story;
use crate::world::World;

#[tokio::test]
async fn many_changes_of_one_event_are_paged() {
    let mut talk = talk().await;
    let now = talk.world.now();
    let (world, chat) = (&mut talk.world, talk.chat);
    let after = Some(domain::chat::Disappearing::OneDay);
    world.on_chat(chat, ChatCommand::SetDisappearing { by: talk.bob, after, now }).await;
    for number in 0..30 {
        world.send(chat, talk.bob, &format!("for a day {number}")).await;
    }
    world.project().await;
    let head = world.head().await;
    let mut device = Device::start(&world.db, talk.alice, head, now).await;
    let later = now + chrono::TimeDelta::days(2);
    assert_eq!(world.on_chat(chat, ChatCommand::Expire { now: later }).await.len(), 1);
    world.project().await;
    let head = world.head().await;

    let told = device.catch_up(&world.db, 7, head, now).await;

    assert_eq!(told.iter().filter(|it| matches!(it, Change::Message(_))).count(), 30);
    assert_eq!(told.len(), 31, "and the chat, each once");
    same(&device.kept, &Kept::fresh(&world.db, talk.alice, now).await);
}

/// Pages are read while commands are recorded and applied; the last one leads to the same.
#[tokio::test]
async fn pages_are_exact_while_others_write() {
    let mut world = World::create().await;
    let mut dice = Dice(99);
    let mut story = Story::begin(&mut world).await;
    let running = world.start();
    let head = world.head().await;
    running.until(head).await;
    let (db, of, reads) = (world.app(), story.people[0], running.reads.clone());
    let mut device = Device::start(&db, of, head, world.now()).await;
    let at = world.now();
    let stop = tokio_util::sync::CancellationToken::new();
    let paging = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut pages = 0;
            while !stop.is_cancelled() {
                let reached = reads.wait(None, &sync::MODELS).await.expect("at once");
                device.page(&db, 3, reached, at).await;
                pages += 1;
            }
            (device, pages)
        }
    });
    for _ in 0..400 {
        story.step(&mut world, &mut dice).await;
        world.head().await;
    }
    let head = world.head().await;
    running.until(head).await;
    stop.cancel();
    let (mut device, pages) = paging.await.expect("it pages");
    running.stop().await;
    assert!(pages > 20, "{pages}");
    let at = world.now();
    device.catch_up(&world.db, 50, head, at).await;
    let fresh = Kept::fresh(&world.db, of, at).await;
    same(&device.kept, &fresh);
}

/// One read model that lags does not let a device go past what it has yet to write.
#[tokio::test]
async fn a_lagging_read_model_holds_the_place_back() {
    let mut talk = talk().await;
    let (world, chat) = (&mut talk.world, talk.chat);
    let before = world.head().await;
    let mut device = Device::start(&world.db, talk.alice, before, world.now()).await;
    world.send(chat, talk.bob, "one more").await;
    world.send(chat, talk.bob, "and another").await;
    let events = world.events(before.0, 10).await;
    world.apply(ReadModel::Messages, &events).await;

    let changes = device.page(&world.db, 10, before, world.now()).await;
    assert_eq!((changes.next, changes.reflects), (Place::after(before.0), before));

    // More than a page is beyond what others reflect.
    world.apply(ReadModel::Chats, &events).await;
    let changes = device.page(&world.db, 1, before, world.now()).await;
    assert_eq!((&changes.items[..], changes.more), (&[][..], false));
    world.project().await;
    let head = world.head().await;
    let told = device.catch_up(&world.db, 1, head, world.now()).await;
    assert_eq!(told.len(), 3);
    same(&device.kept, &Kept::fresh(&world.db, talk.alice, world.now()).await);
}

#[tokio::test]
async fn too_many_changes_are_a_fresh_start() {
    let mut talk = talk().await;
    let head = talk.world.head().await;
    let (world, chat, now) = (&talk.world, talk.chat, talk.world.now());
    // Eleven rows are there: the chat and its messages.
    let fill = |count: i64| {
        format!(
            "INSERT INTO messages (chat_id, number, message_id, sender_id, position, changed, sent_at)
             SELECT '{chat}', n, gen_random_uuid(), '{}', {head}, {head}, now()
             FROM generate_series(11, {count} - 1) n",
            talk.bob
        )
    };
    world.execute(&fill(20_000)).await;
    let since = |position| Some(Place::after(position));
    let many = sync::page(&world.db, talk.alice, since(0), 10, head, now).await.expect("an answer");
    assert!(matches!(many, Delta::Changes(_)), "{many:?}");
    world.execute(&fill(20_001).replace("(11,", "(20000,")).await;
    let too_many =
        sync::page(&world.db, talk.alice, since(0), 10, head, now).await.expect("an answer");
    assert_eq!(too_many, Delta::StartAfresh(head));
    let none =
        sync::page(&world.db, talk.alice, since(head.0), 10, head, now).await.expect("an answer");
    assert!(
        matches!(none, Delta::Changes(it) if it.items.is_empty() && it.reflects == Position(head.0))
    );
}
