//! What it costs to tell many.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::socket::{Kind, Socket};
use crate::Outcome;
use crate::paced;
use crate::people::Lane;
use crate::processes::processor_time;
use crate::servers::Parlance;

/// What a process has delivered that does nothing else.
pub(crate) struct FannedOut {
    /// Messages told, each to one socket.
    pub(crate) told: u64,
    /// Processor time of the process.
    pub(crate) used: Duration,
}

impl FannedOut {
    /// Deliveries a second of processor time.
    pub(crate) fn rate_of_a_core(&self) -> f64 {
        self.told as f64 / self.used.as_secs_f64()
    }
}

/// Sends at a steady rate to `front`, while `node`, another process, tells each of `tokens` over a socket.
pub(crate) async fn fan_out(
    front: &Parlance,
    node: &Parlance,
    tokens: Vec<&str>,
    lanes: Vec<Lane>,
    length: Duration,
) -> Outcome<FannedOut> {
    let (stop, mut listening) = (CancellationToken::new(), JoinSet::new());
    for token in tokens {
        let socket = Socket::open(node.addr, token, None).await?;
        listening.spawn(count(socket, stop.clone()));
    }
    let before = processor_time(node.pid).ok_or("the process is gone")?;
    let paced = paced::steadily(front.addr, lanes, length).await?;
    tokio::time::sleep(Duration::from_secs(1)).await; // the last are told
    let used = processor_time(node.pid).ok_or("the process is gone")?.saturating_sub(before);
    stop.cancel();
    let mut told = 0;
    while let Some(one) = listening.join_next().await {
        told += one??;
    }
    if told < paced.sends.len() {
        return Err(format!("{told} were told of {} messages", paced.sends.len()).into());
    }
    Ok(FannedOut { told, used })
}

async fn count(mut socket: Socket, stop: CancellationToken) -> Outcome<u64> {
    let mut count = 0;
    while let Some(told) = stop.run_until_cancelled(socket.next()).await {
        let told = told?.ok_or("the server closed a socket")?;
        count += u64::from(told.kind == Kind::Message);
    }
    Ok(count)
}
