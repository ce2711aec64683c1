//! Who is told of what.

use std::time::Duration;

use chrono::TimeDelta;
use domain::chat::{ChatCommand, Disappearing};
use domain::devices::{Address, Platform, PreferencesChange};
use domain::{AccountId, ChatId, DeviceId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{data, fcm, titles};
use super::{PHONE, Pushing, TABLET};
use crate::node::{ALICE, BOB};

#[tokio::test]
async fn a_message_is_pushed_to_every_device_of_its_recipient() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let installation = Address::FcmInstallation { installation_id: "ios".to_owned() };
    world.register(BOB, TABLET, Platform::Ios, installation).await;
    world.register(ALICE, PHONE, Platform::Android, fcm("her-own")).await;
    let _policies = world.run_policies();
    let sent = world.say("a secret").await;

    let android = world.until_received("android", 1).await[0].message.clone();
    let chat_id = ChatId::between(ALICE, BOB);
    let mut expected = json!({
        "type": "message",
        "reference_type": "NEW_MESSAGE",
        "reference_id": ALICE,
        "reference_username": "alice",
        "title": "Alice sent you a new message",
        "chat_id": chat_id,
        "message_id": sent.id,
        "number": "1",
        "unread": "1",
        "position": sent.position.to_string(),
        "sent_at": android["data"]["sent_at"],
        "effect_id": android["data"]["effect_id"],
    });
    assert_eq!(android["data"], expected);
    assert_eq!(android["android"], json!({ "priority": "HIGH", "ttl": "2419200s" }));

    let ios = world.until_received("ios", 1).await[0].message.clone();
    assert_eq!(ios["fid"], "ios");
    assert_ne!(ios["data"]["effect_id"], android["data"]["effect_id"]);
    expected["effect_id"] = ios["data"]["effect_id"].clone();
    assert_eq!(ios["data"], expected);
    let aps = &ios["apns"]["payload"]["aps"];
    assert_eq!(aps["alert"], json!({ "title": "Alice sent you a new message" }));
    assert_eq!((&aps["sound"], &aps["thread-id"]), (&json!("default"), &json!(chat_id)));
    assert_eq!(ios["apns"]["headers"]["apns-collapse-id"], json!(chat_id));
    world.arrived("her-own", 0).await;
    assert!(!format!("{:?}", world.double.received()).contains("a secret"));
    assert_eq!(world.double.granted(), 1);
}

#[tokio::test]
async fn what_was_said_goes_along_when_its_recipient_allows_it() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.register(BOB, TABLET, Platform::Ios, fcm("ios")).await;
    world.allow_previews().await;
    let _policies = world.run_policies();
    world.say("Lunch?").await;
    let android = world.until_received("android", 1).await;
    let ios = world.until_received("ios", 1).await[0].message.clone();
    assert_eq!(android[0].message["data"]["body"], "Lunch?");
    assert_eq!(ios["apns"]["payload"]["aps"]["alert"]["body"], "Lunch?");
    assert_eq!(ios["data"].get("body"), None);

    // The longest there can be, of what takes the most room.
    world.pass(TimeDelta::seconds(4));
    world.say(&"\"".repeat(10_000)).await;
    let long = &world.until_received("android", 2).await[1];
    assert!(long.accepted);
    assert_eq!(long.message["data"]["body"].as_str().map(str::len), Some(1_024));
    assert!(world.until_received("ios", 2).await[1].accepted);
}

#[tokio::test]
async fn a_text_that_was_edited_before_it_was_pushed_is_left_to_the_app() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.allow_previews().await;
    let sent = world.say("wrong").await;
    world
        .act(ChatCommand::Edit {
            message_id: sent.id,
            by: ALICE,
            text: Some("right".to_owned()),
            tags: vec![],
            limits: domain::chat::Limits::default(),
            now: world.now(),
        })
        .await;
    let _policies = world.run_policies();
    let received = world.until_received("android", 1).await;
    assert_eq!(received[0].message["data"].get("body"), None);
}

#[tokio::test]
async fn messages_in_one_go_are_pushed_as_the_first_and_the_rest() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.until_received("android", 1).await;
    world.until("noted", async || world.effects("accepted").await == 1).await;
    for text in ["2", "3", "4"] {
        world.say(text).await;
    }
    world.until_idle().await;
    assert_eq!(world.double.received_by("android").len(), 1);
    world.pass(TimeDelta::seconds(4));
    let received = world.until_received("android", 2).await;
    let expected = ["Alice sent you a new message", "Alice sent you 4 new messages"];
    assert_eq!(titles(&received), expected);
    let last = &data(&received)[1];
    assert_eq!((&last["number"], &last["unread"]), (&json!("4"), &json!("4")));
    world.arrived("android", 2).await;

    // After a pause each is pushed again.
    world.pass(TimeDelta::seconds(60));
    world.say("5").await;
    let received = world.until_received("android", 3).await;
    assert_eq!(titles(&received)[2], "Alice sent you a new message");
}

#[tokio::test]
async fn both_sides_of_a_chat_are_told_apart() {
    let world = Pushing::new().await;
    world.phone("bobs").await;
    let tablet = DeviceId(Uuid::from_u128(9));
    world.register(ALICE, tablet, Platform::Android, fcm("alices")).await;
    let _policies = world.run_policies();
    world.say("hello").await;
    world.say_as(BOB, "hi").await;
    assert_eq!(titles(&world.until_received("bobs", 1).await), ["Alice sent you a new message"]);
    assert_eq!(titles(&world.until_received("alices", 1).await), ["Bob sent you a new message"]);
}

#[tokio::test]
async fn a_message_that_disappears_is_kept_no_longer() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let (by, after, now) = (ALICE, Some(Disappearing::OneDay), world.now());
    world.act(ChatCommand::SetDisappearing { by, after, now }).await;
    let _policies = world.run_policies();
    world.say("soon gone").await;
    let message = world.until_received("android", 1).await[0].message.clone();
    let ttl = message["android"]["ttl"].as_str().and_then(|it| it.strip_suffix('s'));
    let ttl: i64 = ttl.and_then(|it| it.parse().ok()).expect("seconds");
    assert!((86_300..=86_400).contains(&ttl), "{ttl}");
    assert!(message["data"]["expires_at"].is_string());
}

#[tokio::test]
async fn reactions_are_for_those_who_want_to_hear_of_them() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    let own = world.say_as(BOB, "good news").await;
    let react = |emoji: &str| ChatCommand::React {
        message_id: own.id,
        by: ALICE,
        emoji: emoji.to_owned(),
        now: world.now(),
    };
    world.act(react("👍")).await;
    world.arrived("android", 0).await;

    let change = PreferencesChange { reactions: Some(true), ..PreferencesChange::default() };
    world.prefer(BOB, change).await;
    world.act(react("❤️")).await;
    let received = world.until_received("android", 1).await;
    let told = &data(&received)[0];
    assert_eq!(told["title"], "Alice reacted to your message");
    assert_eq!((&told["type"], &told["number"]), (&json!("reaction"), &json!("1")));
    assert_eq!(told["reference_id"], json!(ALICE));

    world.allow_previews().await;
    world.act(react("🎉")).await;
    assert_eq!(
        titles(&world.until_received("android", 2).await)[1],
        "Alice reacted 🎉 to your message"
    );
    // Not to what is not one's own.
    let theirs = world.say("of Alice").await;
    world
        .act(ChatCommand::React {
            message_id: theirs.id,
            by: ALICE,
            emoji: "👍".to_owned(),
            now: world.now(),
        })
        .await;
    world.until_received("android", 3).await;
    let received = world.arrived("android", 3).await;
    assert_eq!(received[2].message["data"]["type"], Value::from("message"));
}

#[tokio::test]
async fn what_is_a_day_old_is_not_pushed_any_more() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.say("yesterday").await;
    world.pass(TimeDelta::hours(25));
    world.session(BOB).await;
    let _policies = world.run_policies();
    world.arrived("android", 0).await;
    world.say("today").await;
    assert_eq!(
        titles(&world.until_received("android", 1).await),
        ["Alice sent you 2 new messages"]
    );
}

/// More than there are connections to the database: whoever holds one must not wait for whoever wants
/// one.
#[tokio::test]
async fn a_backlog_is_pushed_without_a_stop() {
    const SENDERS: u128 = 150;
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.delay(Duration::from_millis(50));
    for number in 0..SENDERS {
        let sender = AccountId(Uuid::from_u128(0xF000 + number));
        world.register_account(sender, &format!("sender{number}")).await;
        world.say_to(sender, BOB, "hello").await;
    }
    let _policies = world.run_policies();
    let count = SENDERS as usize;
    let received = world.until_received("android", count).await;
    let longest = received.windows(2).map(|it| it[1].at - it[0].at).max();
    assert!(longest < Some(Duration::from_millis(2_500)), "{longest:?}");
    world.arrived("android", count).await;
}
