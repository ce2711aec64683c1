//! What push services refuse, and what is made of it.

use std::time::Duration;

use chrono::TimeDelta;
use domain::devices::Platform;
use testing::Behaviour;

use super::world::{data, fcm, titles};
use super::{PHONE, Pushing, TABLET};
use crate::node::BOB;

#[tokio::test]
async fn a_device_that_is_gone_is_removed() {
    for behaviour in
        [Behaviour::Gone, Behaviour::Mismatch, Behaviour::Invalid, Behaviour::InvalidField]
    {
        let world = Pushing::new().await;
        world.phone("android").await;
        world.register(BOB, TABLET, Platform::Ios, fcm("ios")).await;
        world.double.answer("android", [behaviour]);
        let _policies = world.run_policies();
        world.say("1").await;
        world.until("removed", async || world.devices(BOB).await == [TABLET]).await;
        world.until("recorded", async || world.removals().await == ["gone"]).await;
        world.arrived("ios", 1).await;
        world.pass(TimeDelta::seconds(4));
        world.say("2").await;
        world.until_received("ios", 2).await;
        world.arrived("android", 1).await;
    }
}

/// The token was replaced while the push was on its way.
#[tokio::test]
async fn a_device_with_another_address_by_now_stays() {
    let world = Pushing::new().await;
    world.phone("old").await;
    world.double.delay(std::time::Duration::from_millis(400));
    world.double.answer("old", [Behaviour::Gone]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("under way", async || world.effects("attempted").await == 1).await;
    world.phone("new").await;
    world.until("noted", async || world.effects("failed").await == 1).await;
    world.until_idle().await;
    assert_eq!(world.devices(BOB).await, [PHONE]);
}

#[tokio::test]
async fn a_quota_is_waited_for_as_long_as_google_says() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Quota(Some(120))]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("refused", async || world.effects("waiting").await == 1).await;
    world.pass(TimeDelta::seconds(110));
    world.arrived("android", 1).await;
    // Another message does not get past it.
    world.say("2").await;
    world.arrived("android", 1).await;
    world.pass(TimeDelta::seconds(11));
    let received = world.until_received("android", 2).await;
    assert_eq!(titles(&received)[1], "Alice sent you 2 new messages");
    world.arrived("android", 2).await;
    assert_eq!(world.devices(BOB).await, [PHONE]);
}

#[tokio::test]
async fn a_quota_without_a_time_is_waited_for_a_minute() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Quota(None)]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("refused", async || world.effects("waiting").await == 1).await;
    world.pass(TimeDelta::seconds(50));
    world.arrived("android", 1).await;
    world.pass(TimeDelta::seconds(11));
    world.until_received("android", 2).await;
}

#[tokio::test]
async fn a_service_that_is_away_is_left_alone_as_long_as_it_says() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Unavailable(Some(60))]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("refused", async || world.effects("waiting").await == 1).await;
    world.pass(TimeDelta::seconds(50));
    world.arrived("android", 1).await;
    world.pass(TimeDelta::seconds(11));
    assert!(world.until_received("android", 2).await[1].accepted);
}

#[tokio::test]
async fn what_a_service_asks_for_counts_from_its_answer() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.delay(Duration::from_secs(2));
    world.double.answer("android", [Behaviour::Unavailable(Some(60))]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("refused", async || world.effects("waiting").await == 1).await;
    let pause = "SELECT extract(epoch FROM due_at - attempted_at)::float8 FROM push_effects";
    let pause: f64 = sqlx::query_scalar(pause).fetch_one(&world.db()).await.expect("seconds");
    assert!(pause >= 62.0, "{pause}");
}

#[tokio::test]
async fn silence_is_tried_again_under_the_same_id() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Hang]);
    let _policies = world.run_policies();
    world.say("1").await;
    let received = world.until_received("android", 2).await;
    let told = data(&received);
    assert_eq!(told[0]["effect_id"], told[1]["effect_id"]);
    world.until("accepted", async || world.effects("accepted").await == 1).await;
    world.arrived("android", 2).await;
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let passing = [
        Behaviour::Unavailable(Some(3)),
        Behaviour::Unavailable(None),
        Behaviour::Internal,
        Behaviour::ThirdParty,
    ];
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", passing);
    let _policies = world.run_policies();
    world.say("1").await;
    for attempt in 1..=passing.len() {
        world.until_received("android", attempt).await;
        world.until("noted", async || world.effects("waiting").await == 1).await;
        world.pass(TimeDelta::seconds(20));
    }
    let received = world.until_received("android", passing.len() + 1).await;
    let ids: std::collections::BTreeSet<_> =
        received.iter().map(|it| it.message["data"]["effect_id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "each attempt is of one effect");
    world.until("accepted", async || world.effects("accepted").await == 1).await;
    assert_eq!(world.devices(BOB).await, [PHONE]);
}

#[tokio::test]
async fn after_eight_attempts_it_is_given_up_and_the_next_message_is_tried() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Internal; 8]);
    let _policies = world.run_policies();
    world.say("1").await;
    for attempt in 1..=8 {
        world.until_received("android", attempt).await;
        world.until("noted", async || world.effects("attempted").await == 0).await;
        world.pass(TimeDelta::minutes(3));
    }
    world.until("given up", async || world.effects("failed").await == 1).await;
    world.arrived("android", 8).await;
    world.say("2").await;
    assert!(world.until_received("android", 9).await[8].accepted);
}

#[tokio::test]
async fn one_device_in_trouble_holds_up_no_other() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.register(BOB, TABLET, Platform::Ios, fcm("ios")).await;
    world.double.answer("android", [Behaviour::Quota(Some(600))]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until_received("ios", 1).await;
    world.until("noted", async || world.effects("waiting").await == 1).await;
    world.pass(TimeDelta::seconds(601));
    world.until_received("android", 2).await;
    // What the other has got it does not get again.
    world.arrived("ios", 1).await;
}
