//! `release_files` and `sweep_files`: what nobody needs goes, and nothing else.

use chrono::TimeDelta;
use commands::{Context, WHOLE_MAX};
use domain::chat::ChatCommand;
use domain::library::{Library, LibraryCommand, Removal, Stage};

use super::world::World;
use crate::files::storage::sha256;
use crate::files::{Storage, send};
use crate::node::{ALICE, message};

const DAY: TimeDelta = TimeDelta::seconds(24 * 60 * 60 + 2);

#[tokio::test]
async fn an_upload_that_never_arrives_is_forgotten_after_a_day() {
    for storage in [Storage::Embedded, Storage::SeaweedFs] {
        let world = World::on(storage).await;
        let _policies = world.run_policies();
        let (small, ticket) = world.ticket(b"never completed", "text/plain").await;
        assert_eq!(send(&ticket, &world.scratch(b"never completed")).await.status, 200);
        let object = world.file(small).await.expect("it is requested").object().to_owned();
        let now = world.now();
        let large = world.request_as(WHOLE_MAX + 1, sha256(b"x"), "video/mp4", now).await;
        let large = large.expect("it is allowed").file_id;
        world.until_idle().await;
        assert!(world.file(small).await.is_some() && world.file(large).await.is_some());

        world.pass(DAY);

        world
            .until("forgotten", async || {
                world.file(small).await.is_none() && world.file(large).await.is_none()
            })
            .await;
        world.until("deleted", async || !world.is_stored(&object).await).await;
        world.until_idle().await;
        let parked = "SELECT count(*) FROM parked_events";
        let parked: i64 = sqlx::query_scalar(parked).fetch_one(&world.db()).await.expect("count");
        assert_eq!(parked, 0, "the upload in parts was aborted without complaint");
    }
}

#[tokio::test]
async fn a_file_stays_as_long_as_a_message_carries_it() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    world.node.open().await;
    let sent = world.upload(b"sent", "text/plain").await;
    let unsent = world.upload(b"unsent", "text/plain").await;
    let sent_file = world.until_stage(sent, Stage::Published).await;
    let unsent_file = world.until_stage(unsent, Stage::Published).await;
    let quarantined = domain::library::quarantine_key(sent, world.now());
    world.send_file(sent, message(1)).await;
    world.until_idle().await;

    world.pass(DAY);

    world.until("removed", async || world.file(unsent).await.is_none()).await;
    world.until("deleted", async || !world.is_stored(unsent_file.object()).await).await;
    world.until("out of quarantine", async || !world.is_stored(&quarantined).await).await;
    world.until_idle().await;
    assert_eq!(world.attachments(sent).await, 1);
    assert!(world.is_stored(sent_file.object()).await);

    let (by, now) = (ALICE, world.now());
    let delete = ChatCommand::DeleteForEveryone { message_id: message(1), by, now };
    world.node.chat(delete).await.expect("deleted");
    world.until("removed", async || world.file(sent).await.is_none()).await;
    world.until("deleted", async || !world.is_stored(sent_file.object()).await).await;
}

/// Whoever was about to publish a file when it was removed may store something after it was deleted.
#[tokio::test]
async fn what_is_stored_after_the_removal_is_deleted_as_well() {
    let world = World::on(Storage::Embedded).await;
    let late = world.upload(b"late", "text/plain").await;
    let quarantined = world.file(late).await.expect("it is there").object().to_owned();
    let published = domain::library::object_key(late, sha256(b"late"));
    let (why, now) = (Removal::ByOwner, world.now());
    let remove = LibraryCommand::RemoveFile { file_id: late, why, now };
    let (gateway, context) = (&world.node.gateway, Context::default());
    gateway.execute::<Library>(&world.owner.to_string(), remove, &context).await.expect("removed");
    let _policies = world.run_policies();
    world.until("deleted", async || !world.is_stored(&quarantined).await).await;
    world.until_idle().await;

    world.store(&published, b"late");
    assert!(world.is_stored(&published).await);
    world.pass(TimeDelta::minutes(22));

    world.until("deleted", async || !world.is_stored(&published).await).await;
}

#[tokio::test]
async fn an_attachment_whose_message_never_came_is_released() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    world.node.open().await;
    let file_id = world.upload(b"hello", "text/plain").await;
    world.until_stage(file_id, Stage::Published).await;
    world.attach(file_id, message(1)).await; // and then the process died
    world.send_file(file_id, message(2)).await;
    world.until_idle().await;
    assert_eq!(world.attachments(file_id).await, 2);

    world.pass(TimeDelta::minutes(61));

    world.until("released", async || world.attachments(file_id).await == 1).await;
    let file = world.file(file_id).await.expect("it is there");
    assert_eq!(file.attachments().map(|it| it.1).collect::<Vec<_>>(), [message(2)]);
}
