//! `expire_messages`: gone at the time promised, files included.

use chrono::TimeDelta;
use domain::chat::{ChatCommand, Disappearing};
use domain::library::Stage;

use super::world::World;
use crate::files::Storage;
use crate::node::{ALICE, message};

#[tokio::test]
async fn messages_disappear_when_their_time_has_come() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    world.node.open().await;
    let (by, after) = (ALICE, Some(Disappearing::OneDay));
    let set = ChatCommand::SetDisappearing { by, after, now: world.now() };
    world.node.chat(set).await.expect("set");
    let file_id = world.upload(b"hello", "text/plain").await;
    let object = world.until_stage(file_id, Stage::Published).await.object().to_owned();
    world.send_file(file_id, message(1)).await;
    world.pass(TimeDelta::hours(1));
    world.node.send(ALICE, message(2), "an hour later", None).await.expect("sent");
    world.until_idle().await;

    world.pass(TimeDelta::hours(23) - TimeDelta::seconds(30));
    world.until_idle().await;
    assert_eq!(world.count("messages_expired").await, 0, "not a moment too early");

    world.pass(TimeDelta::seconds(31));
    world.until("expired", async || world.count("messages_expired").await == 1).await;
    world.until("removed", async || world.file(file_id).await.is_none()).await;
    world.until("deleted", async || !world.is_stored(&object).await).await;

    world.pass(TimeDelta::hours(1));
    world.until("expired", async || world.count("messages_expired").await == 2).await;
    world.until_idle().await;
    let left = "SELECT count(*) FROM policy_work WHERE policy = 'expire_messages'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&world.db()).await.expect("a count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_message_sent_within_a_second_disappears_with_the_next_one() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    world.node.open().await;
    let part = i64::from(world.now().timestamp_subsec_millis());
    world.pass(TimeDelta::milliseconds(1_300 - part));
    let (by, after) = (ALICE, Some(Disappearing::OneDay));
    let set = ChatCommand::SetDisappearing { by, after, now: world.now() };
    world.node.chat(set).await.expect("set");
    world.node.send(ALICE, message(1), "soon gone", None).await.expect("sent");
    world.until_idle().await;

    world.pass(TimeDelta::days(1));
    world.until_idle().await;
    world.pass(TimeDelta::seconds(1));
    world.until("expired", async || world.count("messages_expired").await == 1).await;
}
