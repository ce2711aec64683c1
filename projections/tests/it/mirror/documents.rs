//! What stands in the documents, and when it changes.

use chrono::TimeDelta;
use domain::account::{AccountCommand, Audience};
use domain::chat::{ChatCommand, Disappearing};
use serde_json::json;
use testing::FirestoreDouble;

use super::{assert_sound, document, seen, settled, start};
use crate::world::World;

#[tokio::test]
async fn a_registered_person_has_a_name_and_nothing_to_be_told() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let alice = world.register("alice").await;
    settled(&mut world).await;
    assert_eq!(seen(&double, &format!("users/{alice}")), Some(json!({ "username": "alice" })));
    let nothing = json!({
        "notify_new_message": false,
        "notify_general_count": 0,
        "notify_contacts_upload": false,
        "unread_messages_count": 0,
        "unread_chats_count": 0,
    });
    assert_eq!(seen(&double, &format!("users-external-event/{alice}")), Some(nothing));
    let now = world.now();
    let username = Some("alice.b".to_owned());
    world
        .on_account(alice, AccountCommand::ChangeProfile { username, display_name: None, now })
        .await;
    settled(&mut world).await;
    assert_eq!(seen(&double, &format!("users/{alice}")), Some(json!({ "username": "alice.b" })));
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn a_chat_tells_who_has_something_to_read() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(bob, alice).await;
    let path = format!("chats/{chat}");
    let expected = |total: i64, last: Option<i64>, notify: [bool; 2]| {
        json!({
            "user1": alice.to_string(),
            "user2": bob.to_string(),
            "participants": [alice.to_string(), bob.to_string()],
            "total_messages_count": total,
            "last_message_timestamp": last.map(|it| json!({ "seconds": it, "nanos": 0 })),
            "notify_new_message_to_user1": notify[0],
            "notify_new_message_to_user2": notify[1],
        })
    };
    settled(&mut world).await;
    assert_eq!(seen(&double, &path), Some(expected(0, None, [false, false])));
    assert_eq!(seen(&double, &format!("pairs/{alice}_{bob}")), Some(json!({ "open": true })));

    let events = |whom: domain::AccountId| {
        document(&double, &format!("users-external-event/{whom}")).expect("it is there")
    };
    world.send(chat, alice, "one").await;
    let at = world.now().timestamp() - 1;
    settled(&mut world).await;
    assert_eq!(seen(&double, &path), Some(expected(1, Some(at), [false, true])));
    assert_eq!(events(bob)["notify_new_message"], true);
    assert_eq!(events(bob)["unread_messages_count"], 1);
    assert_eq!(events(bob)["unread_chats_count"], 1);
    assert_eq!(events(alice)["notify_new_message"], false);

    world.read(chat, bob, 1).await;
    settled(&mut world).await;
    assert_eq!(seen(&double, &path), Some(expected(1, Some(at), [false, false])));
    assert_eq!(events(bob)["notify_new_message"], false);
    assert_eq!(events(bob)["unread_chats_count"], 0);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn what_is_no_longer_unread_is_not_told_of() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let notified = async |world: &mut World| {
        settled(world).await;
        let chat = document(&double, &format!("chats/{chat}")).expect("a chat");
        let bob = document(&double, &format!("users-external-event/{bob}")).expect("events");
        assert_eq!(chat["notify_new_message_to_user2"], bob["notify_new_message"]);
        bob["notify_new_message"].as_bool().expect("a flag")
    };
    let sent = world.send(chat, alice, "taken back").await;
    assert!(notified(&mut world).await);
    world.delete_for_everyone(chat, alice, sent).await;
    assert!(!notified(&mut world).await);
    let sent = world.send(chat, alice, "deleted for oneself").await;
    assert!(notified(&mut world).await);
    world.delete_for_me(chat, bob, sent).await;
    assert!(!notified(&mut world).await);
    world.send(chat, alice, "cleared").await;
    assert!(notified(&mut world).await);
    let now = world.now();
    world.on_chat(chat, ChatCommand::Clear { by: bob, now }).await;
    assert!(!notified(&mut world).await);
    let after = Some(Disappearing::OneDay);
    world.on_chat(chat, ChatCommand::SetDisappearing { by: alice, after, now }).await;
    world.send(chat, alice, "gone tomorrow").await;
    assert!(notified(&mut world).await);
    let now = world.now() + TimeDelta::days(2);
    world.on_chat(chat, ChatCommand::Expire { now }).await;
    assert!(!notified(&mut world).await);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn what_is_archived_does_not_call_and_what_is_marked_does_not_ring() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let events = || document(&double, &format!("users-external-event/{bob}")).expect("events");
    let now = world.now();
    world.on_chat(chat, ChatCommand::MarkUnread { by: bob, now }).await;
    settled(&mut world).await;
    assert_eq!(events()["unread_chats_count"], 1);
    assert_eq!(events()["notify_new_message"], false, "nothing has arrived");
    world.send(chat, alice, "hello").await;
    world.on_chat(chat, ChatCommand::Archive { by: bob, now }).await;
    settled(&mut world).await;
    assert_eq!(events()["notify_new_message"], false);
    world.on_chat(chat, ChatCommand::Unarchive { by: bob, now }).await;
    settled(&mut world).await;
    assert_eq!(events()["notify_new_message"], true);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

/// Everything that people do, at random: afterwards each document is what it should be.
#[tokio::test]
async fn whatever_happens_the_documents_follow() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let mut dice = crate::dice::Dice(20_261_130);
    let mut story = crate::story::Story::begin(&mut world).await;
    for round in 0..5 {
        for _ in 0..60 {
            story.step(&mut world, &mut dice).await;
        }
        settled(&mut world).await;
        let checked = super::check(&world, double.host()).await;
        assert_eq!(checked.differences, vec![], "in round {round}");
    }
    mirror.stop().await;
}

#[tokio::test]
async fn who_shows_themselves_to_nobody_opens_no_pair() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    world.open(bob, alice).await;
    let pair = format!("pairs/{alice}_{bob}");
    for (to, open) in
        [(Audience::Nobody, false), (Audience::Chats, true), (Audience::Everyone, true)]
    {
        let now = world.now();
        world.on_account(bob, AccountCommand::ShowPresence { to, now }).await;
        settled(&mut world).await;
        assert_eq!(seen(&double, &pair), Some(json!({ "open": open })), "{to:?}");
    }
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}
