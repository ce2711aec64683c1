//! What was shown and is settled elsewhere is taken away.

use chrono::TimeDelta;
use domain::ChatId;
use domain::chat::ChatCommand;
use domain::devices::Platform;
use serde_json::json;
use testing::Behaviour;

use super::world::{data, fcm};
use super::{Pushing, TABLET};
use crate::node::{ALICE, BOB};

#[tokio::test]
async fn what_is_read_on_one_device_leaves_the_others() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.register(BOB, TABLET, Platform::Ios, fcm("ios")).await;
    world.browser("browser").await;
    let _policies = world.run_policies();
    let sent = world.say("1").await;
    world.until("all are told", async || world.effects("accepted").await == 3).await;
    world.until_idle().await;
    let read = ChatCommand::MarkRead { reader: BOB, up_to: sent.number, now: world.now() };
    world.act(read.clone()).await;
    world.pass(TimeDelta::seconds(3));

    let android = world.until_received("android", 2).await[1].message.clone();
    let told = &android["data"];
    let expected = json!({
        "type": "read",
        "chat_id": ChatId::between(ALICE, BOB),
        "number": "1",
        "position": told["position"],
        "effect_id": told["effect_id"],
    });
    assert_eq!(told, &expected);
    assert_eq!(android["android"]["priority"], "NORMAL");
    assert_eq!(android["android"]["collapse_key"], "read");
    let ios = world.until_received("ios", 2).await[1].message.clone();
    assert_eq!(ios["apns"]["payload"], json!({ "aps": { "content-available": 1 } }));
    // A browser would have to show something.
    world.arrived("browser", 1).await;

    // Nothing is shown any more, so there is nothing to take away.
    let next = world.say_as(BOB, "2").await;
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: next.number, now: world.now() }).await;
    world.pass(TimeDelta::seconds(3));
    world.arrived("android", 2).await;
}

#[tokio::test]
async fn what_is_read_in_part_stays() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let first = world.say("1").await;
    world.say("2").await;
    let _policies = world.run_policies();
    world.until_received("android", 1).await;
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: first.number, now: world.now() }).await;
    world.pass(TimeDelta::seconds(3));
    world.arrived("android", 1).await;
}

#[tokio::test]
async fn a_message_that_is_deleted_is_taken_back() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    let sent = world.say("1").await;
    world.until("told", async || world.effects("accepted").await == 1).await;
    let (message_id, by, now) = (sent.id, ALICE, world.now());
    world.act(ChatCommand::DeleteForEveryone { message_id, by, now }).await;
    let received = world.until_received("android", 2).await;
    let told = &data(&received)[1];
    assert_eq!((&told["type"], &told["message_id"]), (&json!("deleted"), &json!(sent.id)));
}

/// The push service has it, and nobody knows yet.
#[tokio::test]
async fn what_is_on_its_way_when_it_is_deleted_is_taken_back() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Hang]);
    let _policies = world.run_policies();
    let sent = world.say("1").await;
    world.until_received("android", 1).await;
    let (message_id, by, now) = (sent.id, ALICE, world.now());
    world.act(ChatCommand::DeleteForEveryone { message_id, by, now }).await;
    let received = world.until_received("android", 2).await;
    assert_eq!(data(&received)[1]["type"], "deleted");
}

#[tokio::test]
async fn what_is_on_its_way_when_it_is_read_elsewhere_is_taken_away() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Hang]);
    let policies = world.run_policies();
    let sent = world.say("1").await;
    world.until_received("android", 1).await;
    // Nor does it matter that the process dies over it.
    policies.kill().await;
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: sent.number, now: world.now() }).await;
    world.pass(TimeDelta::seconds(3));
    let _policies = world.run_policies();
    let received = world.until_received("android", 2).await;
    assert_eq!(data(&received)[1]["type"], "read");
}

#[tokio::test]
async fn what_is_read_leaves_a_device_as_well_that_has_to_wait() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.register(BOB, TABLET, Platform::Ios, fcm("ios")).await;
    let _policies = world.run_policies();
    let sent = world.say("1").await;
    world.until("all are told", async || world.effects("accepted").await == 2).await;
    world.until_idle().await;
    world.double.answer("ios", [Behaviour::Quota(Some(60))]);
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: sent.number, now: world.now() }).await;
    world.pass(TimeDelta::seconds(3));
    world.until("one waits", async || world.effects("waiting").await == 1).await;
    world.until_received("android", 2).await;
    world.pass(TimeDelta::seconds(61));
    let last = world.until_received("ios", 3).await[2].clone();
    assert_eq!((last.accepted, &last.message["data"]["type"]), (true, &json!("read")));
    world.arrived("android", 2).await;
    let shown = "SELECT count(*) FROM push_shown";
    let shown: i64 = sqlx::query_scalar(shown).fetch_one(&world.db()).await.expect("a count");
    assert_eq!(shown, 0);
}
