//! PostgreSQL is restarted under load: as in a crash, and in order.

use std::time::Duration;

use survival::check::Expected;
use survival::servers::Stop;
use survival::world::World;

use crate::{Rounds, alone, duration, judge, seed};

/// Long enough for the server to recover, and for everybody to notice.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_crashes_again_and_again() {
    restart_again_and_again(Stop::Immediate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_restarted_in_order() {
    restart_again_and_again(Stop::Fast).await;
}

async fn restart_again_and_again(how: Stop) {
    let _alone = alone().await;
    let mut world = World::start(true, 1).await;
    let load = world.load(duration(), seed()).await;

    let mut rounds = Rounds::at_least(3);
    while rounds.next().is_some() {
        load.acknowledges(150, SOON).await;
        world.postgres.stop(how).await;
        world.postgres.resume().await;
        world.parlances[0].assert_runs();
    }

    load.acknowledges(100, SOON).await;
    judge(&world, load, &Expected { exact_positions: false, ..Expected::default() }).await;
}
