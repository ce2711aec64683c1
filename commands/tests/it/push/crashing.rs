//! Nothing is sent twice.

use std::time::Duration;

use chrono::TimeDelta;
use testing::Behaviour;

use super::Pushing;

#[tokio::test]
async fn a_process_that_dies_between_sending_and_noting_sends_nothing_twice() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer("android", [Behaviour::Hang]);
    let policies = world.run_policies();
    world.say("1").await;
    world.until_received("android", 1).await;
    policies.kill().await;
    assert_eq!(world.effects("attempted").await, 1);

    let _policies = world.run_policies();
    world.arrived("android", 1).await;
    world.pass(TimeDelta::seconds(31));
    world.arrived("android", 1).await;
    // The next message is another effect.
    world.say("2").await;
    world.until_received("android", 2).await;
    world.arrived("android", 2).await;
}

#[tokio::test]
async fn a_process_that_dies_before_it_sends_has_lost_nothing() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let policies = world.run_policies();
    world.until_idle().await;
    policies.kill().await;
    world.say("1").await;
    let _policies = world.run_policies();
    world.until_received("android", 1).await;
    world.arrived("android", 1).await;
}

#[tokio::test]
async fn events_that_come_again_send_nothing_again() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let policies = world.run_policies();
    world.say("1").await;
    world.until("noted", async || world.effects("accepted").await == 1).await;
    world.until_idle().await;
    policies.stop().await;
    world.run("UPDATE checkpoints SET position = 0 WHERE name = 'policy:push'").await;

    let _policies = world.run_policies();
    world.arrived("android", 1).await;
}

#[tokio::test]
async fn a_process_that_takes_over_sends_nothing_that_is_under_way() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.delay(Duration::from_secs(2));
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("under way", async || world.effects("attempted").await == 1).await;
    // The first is taken for dead, and is not.
    world
        .run("UPDATE leases SET expires_at = 'epoch', epoch = epoch + 1 WHERE name = 'policy:push'")
        .await;
    let _others = world.run_policies();
    world.until("noted", async || world.effects("accepted").await == 1).await;
    world.pass(TimeDelta::seconds(31));
    world.arrived("android", 1).await;
}

#[tokio::test]
async fn two_processes_send_each_message_once() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let (_one, _other) = (world.run_policies(), world.run_policies());
    for number in 1..=5 {
        world.say(&number.to_string()).await;
        world.until_received("android", number).await;
        world.pass(TimeDelta::seconds(4));
    }
    world.arrived("android", 5).await;
}

#[tokio::test]
async fn a_process_that_is_stopped_ends_what_it_has_begun() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.delay(Duration::from_secs(1));
    let policies = world.run_policies();
    world.say("1").await;
    world.until("under way", async || world.effects("attempted").await == 1).await;
    policies.stop().await;
    assert_eq!(world.effects("accepted").await, 1);
}

#[tokio::test]
async fn what_became_of_pushes_is_forgotten_when_they_are_too_old() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("noted", async || world.effects("accepted").await == 1).await;
    world.pass(TimeDelta::hours(26));
    world.say("2").await;
    world.until_received("android", 2).await;
    world.until("noted", async || world.effects("attempted").await == 0).await;
    assert_eq!(world.effects("accepted").await, 1);
}
