//! Very many devices, which do nothing but listen.

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_util::sync::CancellationToken;

use super::socket::{Kind, Socket};
use crate::Outcome;
use crate::sends::{histogram, micros};

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long a device waits before it tries again.
const RETRY: Duration = Duration::from_millis(200);

/// Whose device it is, and where it left off.
pub(crate) struct Device {
    token: String,
    since: Option<String>,
}

impl Device {
    pub(crate) fn new(token: &str) -> Self {
        Self { token: token.to_owned(), since: None }
    }
}

/// Devices that are connected.
#[derive(Default)]
pub(crate) struct Crowd {
    listening: JoinSet<Outcome<Device>>,
    stop: CancellationToken,
}

/// How they came.
pub(crate) struct Came {
    /// From the first attempt of all until the last was where it should be.
    pub(crate) elapsed: Duration,
    /// Of each, in microseconds.
    pub(crate) each: Histogram<u64>,
    /// Attempts that were refused.
    pub(crate) refused: u64,
}

struct Arrival {
    took: Duration,
    refused: u64,
}

impl Crowd {
    /// Adds `devices`, all at the same time. Each is there once it is welcome, and has caught up if it was
    /// away.
    pub(crate) async fn join(&mut self, addr: SocketAddr, devices: Vec<Device>) -> Outcome<Came> {
        let (arrive, mut arriving) = mpsc::unbounded_channel();
        let (start, count) = (Instant::now(), devices.len());
        for device in devices {
            self.listening.spawn(listen(addr, device, arrive.clone(), self.stop.clone()));
        }
        drop(arrive);
        let (mut each, mut refused) = (histogram()?, 0);
        let all = async {
            for _ in 0..count {
                let Some(Arrival { took, refused: one }) = arriving.recv().await else { break };
                each.record(micros(took))?;
                refused += one;
            }
            Outcome::Ok(())
        };
        timeout(PATIENCE, all).await.map_err(|_| "the crowd does not arrive")??;
        let arrived = each.len();
        if arrived < count as u64 {
            return Err(format!("{arrived} of {count} devices arrived").into());
        }
        Ok(Came { elapsed: start.elapsed(), each, refused })
    }

    /// All of them, once the server has told them to go.
    pub(crate) async fn told_to_go(mut self) -> Outcome<Vec<Device>> {
        let mut devices = Vec::new();
        while let Some(device) = self.listening.join_next().await {
            devices.push(device??);
        }
        Ok(devices)
    }

    /// They leave.
    pub(crate) async fn leave(self) -> Outcome<()> {
        self.stop.cancel();
        self.told_to_go().await.map(drop)
    }
}

/// Connects, again and again if it must, and listens until the server or `stop` ends that.
async fn listen(
    addr: SocketAddr,
    mut device: Device,
    arrive: mpsc::UnboundedSender<Arrival>,
    stop: CancellationToken,
) -> Outcome<Device> {
    let (start, mut refused) = (Instant::now(), 0);
    let mut socket = loop {
        match Socket::open(addr, &device.token, device.since.as_deref()).await {
            Ok(socket) => break socket,
            Err(error) if is_refusal(&error) && start.elapsed() < PATIENCE => {
                refused += 1;
                sleep(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    let there = if device.since.is_some() { Kind::CaughtUp } else { Kind::Welcome };
    let mut arrive = Some(arrive);
    while let Some(told) = stop.run_until_cancelled(socket.next()).await {
        let Some(told) = told? else { break };
        if told.kind == there
            && let Some(arrive) = arrive.take()
        {
            arrive.send(Arrival { took: start.elapsed(), refused })?;
        }
        device.since = told.id.or(device.since);
    }
    Ok(device)
}

/// Whether a device would try again.
fn is_refusal(error: &Error) -> bool {
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    matches!(error, Error::Io(_)) || matches!(error, Error::Http(it) if busy.contains(&it.status()))
}
