//! Devices stay connected to three processes that are killed, asked to end, held, and cut off from NATS
//! and from PostgreSQL, while NATS is killed as well. Each device is cut off at random, and goes on at
//! any process. It is told each thing once, in order, and ends with what anybody reads.

use std::time::Duration;

use survival::check::Expected;
use survival::collect;
use survival::live::Audience;
use survival::load::{Client, Dice, Load};
use survival::servers::Proxy;
use survival::world::{ALL_ROLES, World};
use tokio::time::{Instant, sleep};

use crate::{alone, duration, seed};

/// How long it goes on at least, unless `PARLANCE_SURVIVAL_SECONDS` says less or more.
const ENDURANCE: Duration = Duration::from_mins(5);

/// How soon some commands are acknowledged, whatever happens.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_device_ends_with_what_is_read_whatever_dies_meanwhile() {
    let _alone = alone().await;
    let is_set = std::env::var_os("PARLANCE_SURVIVAL_SECONDS").is_some();
    let duration = if is_set { duration() } else { ENDURANCE };
    let mut world = World::start(true, 2).await;
    let ways = world.add_parlance_apart(ALL_ROLES).await;
    let load = world.load(duration, seed()).await;
    let audience = Audience::gather(load.people(), &world.addresses(), seed());

    let mut dice = Dice::new(seed());
    let begun = Instant::now();
    let mut broken = 0;
    while begun.elapsed() < duration || broken < 6 {
        // Each in turn, so that a short run meets all of them.
        break_something(&mut world, &ways, broken % 6, dice.below(2)).await;
        broken += 1;
        load.acknowledges(50, PATIENCE).await;
    }
    eprintln!("{broken} things were broken in {:?}", begun.elapsed());

    end(&world, load, audience).await;
}

/// Breaks something for a while, and mends it.
async fn break_something(world: &mut World, ways: &[Proxy; 2], what: usize, which: usize) {
    const HELD: Duration = Duration::from_secs(4);
    match what {
        0 => {
            world.parlances[which].kill().await;
            sleep(Duration::from_millis(500)).await;
            world.parlances[which].resume().await;
        }
        1 => {
            world.nats().kill().await;
            sleep(HELD).await;
            world.nats().resume().await;
        }
        2 => {
            ways[1].cut();
            sleep(HELD).await;
            ways[1].mend();
        }
        3 => {
            let ended = world.parlances[which].terminate().await;
            assert!(ended.success(), "it ended with {ended}");
            world.parlances[which].resume().await;
        }
        4 => {
            ways[0].cut();
            sleep(HELD).await;
            ways[0].mend();
        }
        _ => {
            world.parlances[which].pause();
            sleep(HELD).await;
            world.parlances[which].wake();
        }
    }
}

async fn end(world: &World, load: Load, audience: Audience) {
    load.acknowledges(100, PATIENCE).await;
    let (people, history) = load.stop().await;
    world.idle().await;
    let mut db = world.postgres.owner().await;
    let head = collect::head(&mut db).await.expect("a head");
    let mut client = Client::new(world.addresses(), 0);
    let seen = audience.verdict(&mut client, head).await;
    eprintln!("{seen:?}");
    assert!(seen.resumed > 50 && seen.changes > 1_000, "hardly anything happened: {seen:?}");
    world.verdict(&people, &history, &Expected::default()).await;
}
