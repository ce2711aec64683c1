//! Parlance itself is killed, or stopped and woken.

use std::collections::BTreeMap;
use std::time::Duration;

use survival::check::{Expected, followers};
use survival::collect;
use survival::load::{Client, Load, People};
use survival::world::World;
use tokio::time::{Instant, sleep};

use crate::{Rounds, alone, duration, judge, seed};

/// Within this, whoever stood by works on.
const TAKE_OVER_MAX: Duration = Duration::from_secs(5);

/// How soon some commands are acknowledged, whatever happens.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_killed_again_and_again() {
    let _alone = alone().await;
    let mut world = World::start(true, 1).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(5);
    while let Some(round) = rounds.next() {
        // Something must happen in each of its lives, and each must end elsewhere.
        load.acknowledges(50 + 30 * (round as u64 % 5), PATIENCE).await;
        world.parlances[0].kill().await;
        world.parlances[0].resume().await;
    }

    load.acknowledges(100, PATIENCE).await;
    judge(&world, load, &Expected::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_killed_again_and_again_without_nats() {
    let _alone = alone().await;
    let mut world = World::start(false, 1).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(3);
    while rounds.next().is_some() {
        load.acknowledges(100, PATIENCE).await;
        world.parlances[0].kill().await;
        world.parlances[0].resume().await;
    }

    load.acknowledges(100, PATIENCE).await;
    judge(&world, load, &Expected { relay: false, ..Expected::default() }).await;
}

/// Nothing is broken but that each of the two believes it knows the state of every chat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_take_commands_for_the_same_chats() {
    let _alone = alone().await;
    let world = World::start(true, 2).await;
    let load = world.load(duration(), seed()).await;

    load.acknowledges(1_000, PATIENCE * 2).await;

    judge(&world, load, &Expected::default()).await;
}

/// An orderly stop under load: whoever stood by takes over at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_is_asked_to_end() {
    let _alone = alone().await;
    let mut world = World::start(true, 2).await;
    let load = world.load(duration(), seed()).await;
    let mut rounds = Rounds::at_least(1);
    while let Some(round) = rounds.next() {
        load.acknowledges(200, PATIENCE).await;
        let working = round % 2;
        let ended = world.parlances[working].terminate().await;
        let took = take_over(&world).await;
        eprintln!("taken over in {took:?}");
        assert!(ended.success(), "it ended with {ended}");
        assert!(took <= TAKE_OVER_MAX, "it took {took:?} to take over");
        world.parlances[working].resume().await;
    }

    load.acknowledges(100, PATIENCE).await;
    judge(&world, load, &Expected::default()).await;
}

/// Both take commands, also for the same chats. The one that relays and projects is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_is_killed_and_the_other_takes_over() {
    let _alone = alone().await;
    let mut world = World::start(true, 2).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(2);
    while let Some(round) = rounds.next() {
        load.acknowledges(200, PATIENCE).await;
        let holders = holders(&world).await;
        // Who works is whoever started first; after a round it is the other one.
        let working = round % 2;
        world.parlances[working].kill().await;
        let took = take_over(&world).await;
        eprintln!("taken over in {took:?}");
        assert_ne!(holders, self::holders(&world).await, "nobody took over");
        assert!(took <= TAKE_OVER_MAX, "it took {took:?} to take over");
        world.parlances[working].resume().await;
    }

    load.acknowledges(100, PATIENCE).await;
    judge(&world, load, &Expected::default()).await;
}

/// A process is held past its leases while the other works on, and wakes believing that they are
/// still its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_paused_past_its_leases_and_woken() {
    /// A lease ends after 3 s.
    const PAUSE: Duration = Duration::from_secs(5);
    let _alone = alone().await;
    let mut world = World::start(true, 2).await;
    let load = world.load(duration() + PAUSE * 2, seed()).await;

    let mut rounds = Rounds::at_least(2);
    while let Some(round) = rounds.next() {
        load.acknowledges(200, PATIENCE).await;
        let holders = holders(&world).await;
        let working = round % 2;
        world.parlances[working].pause();
        sleep(PAUSE).await;
        load.acknowledges(50, PATIENCE).await;
        // A transaction that it held may take until PostgreSQL ends its session.
        let took = take_over(&world).await;
        eprintln!("all work again {:?} after the pause began", PAUSE + took);
        assert_ne!(holders, self::holders(&world).await, "nobody took over");
        world.parlances[working].wake();
        load.acknowledges(200, PATIENCE).await;
        world.parlances[working].assert_runs();
    }

    judge(&world, load, &Expected::default()).await;
}

/// The processes that only work in the background are killed while others take commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workers_are_killed_while_others_take_commands() {
    let _alone = alone().await;
    let mut world = World::start(true, 0).await;
    world.add_parlance("api").await;
    let load_on = world.addresses();
    world.add_parlance("relay,projectors,policies").await;
    let (people, history) = People::gather(&mut Client::new(load_on.clone(), 0)).await;
    let load = Load::start(people, history, &load_on, duration(), seed());

    let mut rounds = Rounds::at_least(3);
    while rounds.next().is_some() {
        load.acknowledges(100, PATIENCE).await;
        world.parlances[1].kill().await;
        load.acknowledges(50, PATIENCE).await;
        world.parlances[1].resume().await;
    }

    load.acknowledges(100, PATIENCE).await;
    judge(&world, load, &Expected::default()).await;
}

/// How long it takes from now until the relay and everybody else have gone past where the log is
/// now.
async fn take_over(world: &World) -> Duration {
    let begun = Instant::now();
    let mut db = world.postgres.owner().await;
    let head = collect::head(&mut db).await.expect("a head");
    loop {
        let reached = collect::checkpoints(&mut db).await.expect("checkpoints");
        let mut work = followers().chain(["relay"]);
        if work.all(|it| reached.get(it).is_some_and(|it| *it > head)) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody works: {head}, {reached:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Who holds which lease.
async fn holders(world: &World) -> BTreeMap<String, String> {
    let mut db = world.postgres.owner().await;
    collect::holders(&mut db).await.expect("leases")
}
