//! NATS is killed, or loses its store. Nobody but the log file may notice.

use std::time::Duration;

use survival::check::Expected;
use survival::world::World;

use crate::{Rounds, alone, duration, judge, seed};

/// How soon so many commands are acknowledged, NATS or no NATS.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_killed_again_and_again() {
    let _alone = alone().await;
    let mut world = World::start(true, 1).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(3);
    while rounds.next().is_some() {
        load.acknowledges(150, SOON).await;
        world.nats().kill().await;
        load.acknowledges(150, SOON).await; // without it
        world.nats().resume().await;
        world.stream_catches_up().await;
    }

    load.acknowledges(100, SOON).await;
    judge(&world, load, &Expected::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_store_is_deleted_while_it_is_stopped() {
    let _alone = alone().await;
    let mut world = World::start(true, 1).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(2);
    while rounds.next().is_some() {
        load.acknowledges(200, SOON).await;
        world.nats().kill().await;
        world.nats().delete_store();
        load.acknowledges(100, SOON).await;
        world.nats().resume().await;
        world.stream_catches_up().await;
    }

    load.acknowledges(100, SOON).await;
    judge(&world, load, &Expected::default()).await;
}

/// A server whose disk was emptied under it: it goes on for a while with what it remembers, and
/// forgets everything when it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_store_is_deleted_while_it_runs() {
    let _alone = alone().await;
    let mut world = World::start(true, 1).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(1);
    while rounds.next().is_some() {
        load.acknowledges(200, SOON).await;
        world.nats().delete_store();
        load.acknowledges(300, SOON).await;
        world.nats().kill().await;
        load.acknowledges(100, SOON).await;
        world.nats().resume().await;
        world.stream_catches_up().await;
    }

    load.acknowledges(100, SOON).await;
    judge(&world, load, &Expected::default()).await;
}
