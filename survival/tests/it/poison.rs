//! An event that cannot be read: its chat's read models stop there, and nothing else does.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use survival::check::{Expected, Planted, READ_MODELS, followers};
use survival::world::World;
use uuid::Uuid;

use crate::{alone, duration, seed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_only_the_chat_that_it_is_in() {
    let _alone = alone().await;
    let world = World::start(true, 1).await;
    let load = world.load(duration(), seed()).await;
    load.acknowledges(100, Duration::from_secs(30)).await;

    let chat = load.people().quiet_chat();
    let (id, reader) = (chat.id, load.people().all()[chat.members[1]].id);
    let poison =
        plant(&world, id, "message_sent", r#"{"type":"message_sent","garbage":true}"#).await;
    let read = format!(
        r#"{{"type":"messages_read","chat_id":"{id}","reader":"{reader}","up_to":1,"unread":0,"read_at":"2027-01-15T08:00:00Z"}}"#
    );
    let behind = plant(&world, id, "messages_read", &read).await;
    load.acknowledges(200, Duration::from_secs(30)).await;
    let (people, history) = load.stop().await;

    let expected = |skipped| Expected {
        planted: vec![
            Planted::Poison { position: poison, skipped },
            Planted::Readable { position: behind },
        ],
        ..Expected::default()
    };
    world.verdict(&people, &history, &expected(false)).await;
    // An event that cannot be read may be about anything: each of them stops at it.
    let states = listed(&world, id);
    for (state, so_many) in [("attempts]", followers().count()), ("[waits]", READ_MODELS.len())] {
        let count = states.iter().filter(|it| it.contains(state)).count();
        assert_eq!(count, so_many, "so many have one that {state}: {states:?}");
    }

    for follower in followers() {
        world.cli_ok(&["parked", "skip", follower, "chat", &id.to_string()]);
    }
    world.verdict(&people, &history, &expected(true)).await;
    let states = listed(&world, id);
    assert_eq!(states.len(), followers().count(), "what was skipped, and no more: {states:?}");
    assert!(states.iter().all(|it| it.contains("[skipped")), "not skipped: {states:?}");
}

/// What `parlance parked list` says of the chat.
fn listed(world: &World, chat: Uuid) -> Vec<String> {
    let listed = world.cli_ok(&["parked", "list"]);
    let chat = chat.to_string();
    listed.lines().filter(|it| it.contains(&chat)).map(str::to_owned).collect()
}

/// Writes an event into the log as nobody but the owner of the tables can, and leaves the log's own
/// invariants whole. Returns its position.
async fn plant(world: &World, chat: Uuid, event_type: &str, payload: &str) -> i64 {
    let mut db: PgConnection = world.postgres.owner().await;
    let mut tx = db.begin().await.expect("a transaction");
    let sequence: i64 = sqlx::query_scalar(
        "UPDATE streams
         SET version = version + 1
         WHERE aggregate_type = 'chat' AND aggregate_id = $1
         RETURNING version",
    )
    .bind(chat.to_string())
    .fetch_one(&mut *tx)
    .await
    .expect("the chat is there");
    let position: i64 = sqlx::query_scalar(
        "UPDATE log_head
         SET position = position + 1, recorded_at = greatest(recorded_at, clock_timestamp())
         RETURNING position",
    )
    .fetch_one(&mut *tx)
    .await
    .expect("there is a head");
    sqlx::query(
        "INSERT INTO events (
             position, aggregate_type, aggregate_id, sequence,
             event_type, event_version, payload, metadata, event_id, recorded_at
         )
         SELECT $1, 'chat', $2, $3, $4, '1', $5::json, '{}', gen_random_uuid(), recorded_at
         FROM log_head",
    )
    .bind(position)
    .bind(chat.to_string())
    .bind(sequence)
    .bind(event_type)
    .bind(payload)
    .execute(&mut *tx)
    .await
    .expect("the event is written");
    tx.commit().await.expect("it is committed");
    position
}
