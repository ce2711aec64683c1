//! What fails is tried again, then parked, and holds nobody up.

use chrono::TimeDelta;
use commands::policies::parked::{ParkedWork, ParkedWorkError, retry, skip};
use commands::{S3Settings, StorageSettings};
use domain::library::Stage;

use super::world::World;
use crate::files::Storage;

/// Makes the object of a file disappear, so that it cannot be processed; returns a way to put it
/// back.
fn lose(world: &World, object: &str) -> std::path::PathBuf {
    let path = world.folder.path().join("files/objects/parlance").join(object);
    assert!(path.is_file(), "{}", path.display());
    let aside = path.with_extension("aside");
    std::fs::rename(&path, &aside).expect("it is moved aside");
    aside
}

async fn attempts(world: &World) -> i64 {
    let attempts = "SELECT coalesce(max(attempts), 0)::bigint FROM policy_work";
    sqlx::query_scalar(attempts).fetch_one(&world.db()).await.expect("a number")
}

async fn parked(world: &World) -> Vec<(String, i32)> {
    let parked = "SELECT projector, attempts FROM parked_events WHERE skipped_at IS NULL";
    sqlx::query_as(parked).fetch_all(&world.db()).await.expect("rows")
}

/// Lets time pass until the work that fails is given up.
async fn until_parked(world: &World) {
    for failures in 1..=16 {
        world
            .until("failed again", async || {
                attempts(world).await >= failures || !parked(world).await.is_empty()
            })
            .await;
        world.pass(TimeDelta::minutes(11));
    }
    world.until("parked", async || !parked(world).await.is_empty()).await;
}

#[tokio::test]
async fn what_fails_is_parked_at_last_and_done_once_it_can_be() {
    let world = World::on(Storage::Embedded).await;
    let lost = world.upload(b"lost", "text/plain").await;
    let object = world.file(lost).await.expect("it is there").object().to_owned();
    let aside = lose(&world, &object);
    let _policies = world.run_policies();
    world.until("failed", async || attempts(&world).await >= 1).await;

    let other = world.upload(b"other", "text/plain").await;
    world.until_stage(other, Stage::Published).await;
    until_parked(&world).await;
    assert_eq!(parked(&world).await, [("policy:process_files".to_owned(), 16)]);

    let library = world.owner.to_string();
    let stream = ParkedWork {
        policy: "policy:process_files",
        aggregate_type: "library",
        aggregate_id: &library,
    };
    std::fs::rename(&aside, aside.with_extension("")).expect("it is put back");
    assert_eq!(retry(&world.db(), stream, world.now()).await.expect("it is parked"), 1);
    world.until_stage(lost, Stage::Published).await;
    assert!(parked(&world).await.is_empty());
    let again = retry(&world.db(), stream, world.now()).await;
    assert!(matches!(again, Err(ParkedWorkError::NotParked)));
    let unknown = ParkedWork { policy: "process_files", ..stream };
    let unknown = retry(&world.db(), unknown, world.now()).await;
    assert!(matches!(unknown, Err(ParkedWorkError::UnknownPolicy)));
}

#[tokio::test]
async fn what_is_skipped_is_not_done() {
    let world = World::on(Storage::Embedded).await;
    let lost = world.upload(b"lost", "text/plain").await;
    let object = world.file(lost).await.expect("it is there").object().to_owned();
    let aside = lose(&world, &object);
    let _policies = world.run_policies();
    until_parked(&world).await;

    let library = world.owner.to_string();
    let stream = ParkedWork {
        policy: "policy:process_files",
        aggregate_type: "library",
        aggregate_id: &library,
    };
    assert_eq!(skip(&world.db(), stream).await.expect("it is parked"), 1);
    std::fs::rename(&aside, aside.with_extension("")).expect("it is put back");
    assert!(matches!(skip(&world.db(), stream).await, Err(ParkedWorkError::NotParked)));
    world.until_idle().await;
    let stage = world.file(lost).await.map(|it| it.stage);
    assert!(stage.is_none_or(|it| it == Stage::Completed), "{stage:?}");
}

/// A storage that is away holds up files, and nothing else; when it is back, they go on.
#[tokio::test]
async fn a_storage_that_is_away_parks_nothing() {
    let world = World::with(Storage::Embedded, |settings| {
        settings.storage = StorageSettings::S3(S3Settings {
            endpoint: Some("http://127.0.0.1:9".to_owned()), // discard: nobody listens
            public_endpoint: None,
            region: "us-east-1".to_owned(),
            bucket: "files".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned().into(),
        });
    })
    .await;
    let _policies = world.run_policies();
    let (file_id, _) = world.ticket(b"never sent", "text/plain").await;
    world.until_idle().await;
    world.pass(TimeDelta::hours(25));
    // The library forgets it at once. Its object waits for the storage.
    world.until("forgotten", async || world.file(file_id).await.is_none()).await;
    world.until("failed", async || attempts(&world).await >= 1).await;
    assert!(parked(&world).await.is_empty());
}
