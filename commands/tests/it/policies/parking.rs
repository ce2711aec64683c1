//! Work that is given up, and asked for anew.

use std::time::Instant;

use chrono::TimeDelta;
use domain::library::Stage;

use super::world::World;
use crate::files::{Storage, send};

/// Gives up all work about a file, as after the last attempt.
async fn park(world: &World) {
    let park = "WITH parked AS (
                    UPDATE policy_work SET parked = true, due_at = NULL
                    WHERE policy = 'sweep_files' RETURNING *
                )
                INSERT INTO parked_events
                    (projector, position, aggregate_type, aggregate_id, attempts, error)
                SELECT DISTINCT 'policy:sweep_files', position, aggregate_type, aggregate_id, 16,
                       'a test'
                FROM parked";
    sqlx::query(park).execute(&world.db()).await.expect("parked");
}

async fn parked(world: &World) -> i64 {
    let parked = "SELECT count(*) FROM parked_events";
    sqlx::query_scalar(parked).fetch_one(&world.db()).await.expect("a count")
}

#[tokio::test]
async fn work_that_is_asked_for_anew_is_not_parked_any_more() {
    let world = World::on(Storage::Embedded).await;
    let policies = world.run_policies();
    // One event asks for two things: to look after an upload that is never used, and to clear
    // quarantine.
    let (file_id, ticket) = world.ticket(b"hello", "text/plain").await;
    world.until_idle().await;
    park(&world).await;
    assert_eq!(parked(&world).await, 1);
    policies.stop().await;

    assert_eq!(send(&ticket, &world.scratch(b"hello")).await.status, 200);
    world.complete(file_id).await.expect("it has arrived");
    let policies = world.run_policies();
    world.until_stage(file_id, Stage::Published).await;
    world.until_idle().await;

    let left = "SELECT count(*) FROM policy_work WHERE policy = 'sweep_files' AND parked";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&world.db()).await.expect("a count");
    assert_eq!((left, parked(&world).await), (0, 0), "the file is published: both are asked for");
    policies.stop().await;
}

#[tokio::test]
async fn an_event_stays_parked_with_what_else_it_asked_for() {
    let world = World::on(Storage::Embedded).await;
    let policies = world.run_policies();
    let (file_id, ticket) = world.ticket(b"hello", "text/plain").await;
    world.until_idle().await;
    park(&world).await;
    // Published it will not be: the policy that publishes has nothing to look at.
    policies.stop().await;
    let ahead = "UPDATE checkpoints SET position = $1 WHERE name = 'policy:process_files'";
    let head = world.head().await;
    sqlx::query(ahead).bind(head + 1).execute(&world.db()).await.expect("ahead");

    assert_eq!(send(&ticket, &world.scratch(b"hello")).await.status, 200);
    world.complete(file_id).await.expect("it has arrived");
    let _policies = world.run_policies();
    let asked = "SELECT count(*) FROM policy_work WHERE policy = 'sweep_files' AND NOT parked";
    world
        .until("asked for", async || {
            let asked: i64 =
                sqlx::query_scalar(asked).fetch_one(&world.db()).await.expect("a count");
            asked == 1
        })
        .await;

    assert_eq!(parked(&world).await, 1, "quarantine is not cleared yet, and was given up");
}

/// A performer that cannot note what came of an effect does not do it again and again at once.
#[tokio::test]
async fn an_effect_that_cannot_be_noted_is_repeated_with_a_pause() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    world.until_idle().await;
    let refuse = "CREATE SEQUENCE tries;
                  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                  BEGIN
                      PERFORM nextval('tries'); -- sequences do not go back
                      RAISE EXCEPTION 'not now';
                  END $$;
                  CREATE TRIGGER refuse BEFORE DELETE ON policy_work
                  FOR EACH ROW WHEN (old.policy = 'process_files') EXECUTE FUNCTION refuse();
                  GRANT SELECT, USAGE ON SEQUENCE tries TO parlance_app;";
    sqlx::raw_sql(refuse).execute(&world.database.owner()).await.expect("it refuses");

    world.upload(b"hello", "text/plain").await;
    let count = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tries";
    let tried = async |times: i64| {
        world
            .until("tried", async || {
                let tries: i64 =
                    sqlx::query_scalar(count).fetch_one(&world.db()).await.expect("a number");
                tries >= times
            })
            .await;
        Instant::now()
    };
    let (first, third) = (tried(1).await, tried(3).await);

    let apart = TimeDelta::from_std(third - first).expect("short");
    assert!(apart >= TimeDelta::milliseconds(1_800), "{apart}");
}
