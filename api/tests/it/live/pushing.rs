//! Whoever has an app open is told by it; their phone keeps still.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection, PgConnection};
use testing::PushDouble;
use tokio::time::sleep;

use super::client::{Hears, Open};
use crate::support::World;

const PHONE: &str = "/v1/devices/0190f6f4-7c1e-7b1a-8f7e-0000000000d1";

/// Waits until the database says so.
async fn until(world: &World, question: &str) {
    let mut connection = PgConnection::connect(&world.database.url).await.unwrap();
    let give_up = Instant::now() + Duration::from_secs(10);
    while !sqlx::query_scalar::<_, bool>(question).fetch_one(&mut connection).await.unwrap() {
        assert!(Instant::now() < give_up, "not yet: {question}");
        sleep(Duration::from_millis(20)).await;
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_phone_is_told_once_nobody_looks_any_more() {
    let double = PushDouble::start().await;
    let credentials = double.credentials().display().to_string();
    let settings = [("FCM_CREDENTIALS", credentials.as_str()), ("FCM_ENDPOINT", &double.url())];
    let world = World::with(&settings).await;
    let (ada, ben, chat) = world.pair().await;
    world.done(&ben, world.put(PHONE, &json!({ "platform": "ios", "token": "bens" }))).await;
    let (mut his, _) = Open::at(world.addr).by(&ben).stream().await;
    until(&world, "SELECT count(*) = 1 FROM connections WHERE looking > 0").await;

    world.say(&ada, &chat, "over the stream").await;
    his.up_to("over the stream").await;
    until(&world, "SELECT count(*) = 1 FROM policy_work WHERE policy = 'push' AND due_at > now()")
        .await;
    assert_eq!(double.count(), 0);

    // He has left without a word that it has come to him.
    drop(his);
    until(&world, "SELECT count(*) = 0 FROM connections").await;
    world.pass(11);
    until(&world, "SELECT count(*) = 1 FROM push_effects WHERE state = 'accepted'").await;
    let told = double.received_by("bens");
    assert_eq!(told[0].message["data"]["title"], "The ada sent you a new message");
    assert_eq!(told.len(), 1);
}
