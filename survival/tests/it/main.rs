//! Each test breaks something else while people chat, and then compares everything with everything.
//!
//! One at a time: how soon somebody takes over is measured, and two campaigns at once would measure
//! each other.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod live;
mod nats;
mod parlance;
mod poison;
mod postgres;

use std::time::Duration;

use survival::check::Expected;
use survival::load::Load;
use survival::world::World;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// `PARLANCE_SURVIVAL_SECONDS`: how long each test goes on breaking things.
fn duration() -> Duration {
    const DEFAULT: u64 = 8;
    let seconds = match std::env::var("PARLANCE_SURVIVAL_SECONDS") {
        Ok(text) => text.parse().expect("PARLANCE_SURVIVAL_SECONDS is a number"),
        Err(_) => DEFAULT,
    };
    Duration::from_secs(seconds)
}

/// `PARLANCE_SURVIVAL_SEED`: the same people do the same things again.
fn seed() -> u64 {
    match std::env::var("PARLANCE_SURVIVAL_SEED") {
        Ok(text) => text.parse().expect("PARLANCE_SURVIVAL_SEED is a number"),
        Err(_) => u64::from(std::process::id()),
    }
}

async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Counts the rounds of one test: some at least, and more while there is time.
struct Rounds {
    begun: Instant,
    min: usize,
    done: usize,
}

impl Rounds {
    fn at_least(min: usize) -> Self {
        Self { begun: Instant::now(), min, done: 0 }
    }

    /// The number of the next round, from 0.
    fn next(&mut self) -> Option<usize> {
        let goes_on = self.done < self.min || self.begun.elapsed() < duration();
        goes_on.then(|| {
            self.done += 1;
            self.done - 1
        })
    }
}

/// Ends the load and judges what it has left behind.
async fn judge(world: &World, load: Load, expected: &Expected) {
    let (people, history) = load.stop().await;
    world.verdict(&people, &history, expected).await;
}
