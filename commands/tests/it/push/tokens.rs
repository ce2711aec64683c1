//! Access tokens of FCM, and a server that grants none.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use testing::Behaviour;

use super::Pushing;
use super::world::titles;

#[tokio::test]
async fn an_access_token_that_has_ended_is_replaced() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.until_received("android", 1).await;
    assert_eq!(world.double.granted(), 1);
    world.double.revoke();
    world.pass(TimeDelta::seconds(4));
    world.say("2").await;
    world.until_received("android", 2).await;
    assert_eq!(world.double.granted(), 1);
    // And before it ends by itself.
    world.pass(TimeDelta::minutes(56));
    world.say("3").await;
    world.until_received("android", 3).await;
    assert_eq!(world.double.granted(), 2);
}

#[tokio::test]
async fn a_token_server_that_hangs_holds_up_no_browser_and_loses_nothing() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.browser("browser").await;
    world.double.answer_tokens([Behaviour::Hang]);
    let policies = world.run_policies();
    let since = Instant::now();
    world.say("1").await;
    world.until("noted", async || world.effects("accepted").await == 1).await;
    assert!(since.elapsed() < Duration::from_secs(5));
    assert_eq!((world.double.asked(), world.double.received_by("browser").len()), (1, 1));
    // A process that dies now has attempted nothing else.
    policies.kill().await;
    let _policies = world.run_policies();
    world.until_received("android", 1).await;
    world.arrived("browser", 1).await;
}

#[tokio::test]
async fn a_token_server_that_hangs_is_left_alone_afterwards() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.double.answer_tokens([Behaviour::Hang]);
    let _policies = world.run_policies();
    world.say("1").await;
    until_put_off(&world, 3).await;
    assert_eq!(world.double.asked(), 1);
    world.pass(TimeDelta::seconds(6));
    world.until_received("android", 1).await;
}

/// It is in trouble for longer than a push is attempted.
#[tokio::test]
async fn without_an_access_token_nothing_is_attempted_and_nothing_given_up() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let trouble = [Behaviour::Unavailable(None), Behaviour::Invalid, Behaviour::Internal];
    world.double.answer_tokens(trouble.into_iter().cycle().take(10));
    let _policies = world.run_policies();
    world.say("1").await;
    for asked in 1..=10 {
        world.until("asked", async || world.double.asked() == asked).await;
        until_put_off(&world, 0).await;
        world.pass(TimeDelta::seconds(6));
    }
    let received = world.until_received("android", 1).await;
    assert_eq!(titles(&received), ["Alice sent you a new message"]);
}

/// Waits until what is to be pushed is so long ahead.
async fn until_put_off(world: &Pushing, seconds: i64) {
    world
        .until("put off", async || {
            let ahead = "SELECT count(*) FROM policy_work WHERE policy = 'push' AND due_at > $1";
            let then = world.now() + TimeDelta::seconds(seconds);
            let ahead = sqlx::query_scalar::<_, i64>(ahead).bind(then).fetch_one(&world.db()).await;
            ahead.expect("a count") == 1
        })
        .await;
}
