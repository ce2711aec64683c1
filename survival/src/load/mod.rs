//! A crowd of people who chat while servers die under them.

mod client;
mod device;
mod dice;
mod people;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

pub use client::{Ask, Client, NoAnswer, Reply};
pub use dice::Dice;
pub use people::{Chat, People, Person};

use crate::history::History;
use device::Device;

/// Devices of each of the two who share the hot chat. Everybody else has one.
const DEVICES_IN_HOT_CHAT: usize = 4;

/// Commands that one device has time for, so that a long campaign stays within memory.
const COMMANDS_OF_A_DEVICE: u32 = 3_000;

/// Between two commands of a device: together they keep two processors busy, but for the servers.
const PAUSE_MIN: Duration = Duration::from_millis(8);

/// How long a command whose fate is unknown is tried again. Longer than any server is away.
const PERSISTENCE: Duration = Duration::from_secs(45);

/// What all devices share.
struct Shared {
    people: Arc<People>,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    pause: Duration,
}

/// Load that is under way.
pub struct Load {
    shared: Arc<Shared>,
    devices: JoinSet<History>,
    history: History,
}

impl Load {
    /// Lets everybody chat with `servers`, for about `duration`. `seed` decides who does what.
    pub fn start(
        people: People,
        history: History,
        servers: &[SocketAddr],
        duration: Duration,
        seed: u64,
    ) -> Self {
        let people = Arc::new(people);
        let shared = Arc::new(Shared {
            people: Arc::clone(&people),
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            pause: PAUSE_MIN.max(duration / COMMANDS_OF_A_DEVICE),
        });
        let mut devices = JoinSet::new();
        let mut dice = Dice::new(seed);
        for person in 0..people.all().len() {
            let count = if person < 2 { DEVICES_IN_HOT_CHAT } else { 1 };
            for number in 0..count {
                let client = Client::new(servers.to_vec(), person + number);
                let dice = Dice::new(dice.roll());
                let device = Device::new(Arc::clone(&shared), person, client, dice);
                devices.spawn(device.run());
            }
        }
        Self { shared, devices, history }
    }

    pub fn people(&self) -> &Arc<People> {
        &self.shared.people
    }

    /// How many commands were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until `count` more commands were acknowledged.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    pub async fn acknowledges(&self, count: u64, limit: Duration) {
        let goal = self.acknowledged() + count;
        let reached = async {
            while self.acknowledged() < goal {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let reached = tokio::time::timeout(limit, reached).await;
        assert!(reached.is_ok(), "{count} commands were not acknowledged within {limit:?}");
    }

    /// Lets every device finish what it began, and returns what happened.
    pub async fn stop(mut self) -> (Arc<People>, History) {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(of_device) = self.devices.join_next().await {
            let of_device = of_device.expect("a device runs to its end");
            self.history.commands.extend(of_device.commands);
            self.history.reads.extend(of_device.reads);
        }
        (Arc::clone(&self.shared.people), self.history)
    }
}
