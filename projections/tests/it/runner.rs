//! Projectors at work, as `serve` runs them.

use std::time::Duration;

use eventlog::Position;
use projections::{ReadModel, chats};
use tokio::time::{sleep, timeout};

use crate::world::{PROJECTORS, World};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn read_models_follow_the_log() {
    let mut world = World::create().await;
    let running = world.start();
    let alice = world.register("alice").await;
    let bob = world.register("bob").await;
    let chat = world.open(alice, bob).await;
    for number in 0..50 {
        world.send(chat, alice, &format!("message {number}")).await;
        if number % 10 == 0 {
            running.until(world.head().await).await;
        }
    }
    world.read(chat, bob, 20).await;
    running.until(world.head().await).await;
    let seen =
        chats::by_id(&world.db, bob, chat, world.now()).await.expect("a row").expect("a chat");
    assert_eq!((seen.total_messages, seen.unread_count, seen.read_up_to), (50, 30, 20));
    running.stop().await;
    world.check().await;
}

#[tokio::test]
async fn two_runners_do_everything_once_and_one_takes_over_from_the_other() {
    let mut world = World::create().await;
    let first = world.start();
    let second = world.start();
    let alice = world.register("alice").await;
    let bob = world.register("bob").await;
    let chat = world.open(alice, bob).await;
    for number in 0..200 {
        world.send(chat, alice, &format!("message {number}")).await;
    }
    let head = world.head().await;
    first.until(head).await;
    second.until(head).await;
    first.stop().await;
    for number in 0..200 {
        world.send(chat, bob, &format!("answer {number}")).await;
    }
    second.until(world.head().await).await;
    second.stop().await;
    world.check().await;
}

#[tokio::test]
async fn a_projector_stops_before_an_event_of_a_newer_version_and_skips_nothing() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let bob = world.register("bob").await;
    let head = world.head().await;
    world.plant_version("account", &alice.to_string(), "registered", "2", "{}").await;
    world.open(alice, bob).await;
    world.head().await;
    let running = world.start();
    running.until(head).await;
    world.until_saved(head).await;
    let beyond = running.reads.wait(Some(Position(head.0 + 1)), &ReadModel::ALL).await;
    assert!(beyond.is_err(), "{beyond:?}");
    running.stop().await;
    let status = projections::status::status(&world.db).await.expect("a status");
    assert_eq!(status.head, head.0 + 2);
    for model in ReadModel::ALL {
        let one =
            status.subscribers.iter().find(|it| it.name == model.name()).expect("it is there");
        assert_eq!((one.position, one.lag_events, one.parked), (head.0, 2, 0));
        assert!(one.stopped.as_deref().is_some_and(|it| it.contains("version 2")), "{one:?}");
        assert!(one.lag_seconds > 0.0);
    }
}

#[tokio::test]
async fn a_status_tells_who_holds_what_and_that_all_is_applied() {
    let mut world = World::create().await;
    world.register("alice").await;
    let head = world.head().await;
    let running = world.start();
    running.until(head).await;
    world.until_saved(head).await;
    let status = projections::status::status(&world.app()).await.expect("a status");
    for model in ReadModel::ALL {
        let one =
            status.subscribers.iter().find(|it| it.name == model.name()).expect("it is there");
        assert_eq!((one.position, one.lag_events, one.lag_seconds), (head.0, 0, 0.0));
        assert_eq!(one.stopped, None);
        let lease = format!("projector:{model}");
        assert!(status.leases.iter().any(|it| it.name == lease && it.is_held && it.epoch == 1));
    }
    running.stop().await;
    let status = projections::status::status(&world.db).await.expect("a status");
    assert!(status.leases.iter().all(|it| !it.is_held));
}

#[tokio::test]
async fn projectors_go_on_when_their_connections_are_cut() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let running = world.start();
    running.until(world.head().await).await;
    for round in 0..10 {
        for number in 0..100 {
            world.send(chat, alice, &format!("message {number} of round {round}")).await;
        }
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = '{PROJECTORS}'"
        );
        let connected = async {
            while world.execute(&cut).await == 0 {
                sleep(Duration::from_millis(5)).await; // they wait before they come back
            }
        };
        timeout(PATIENCE, connected).await.unwrap_or_else(|_| panic!("none came back in {round}"));
        running.until(world.head().await).await;
    }
    running.stop().await;
    assert_eq!(world.rows(ReadModel::Messages).await.len(), 1_000);
    world.check().await;
}
