//! A device that was away comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::socket::{Kind, Socket};
use crate::Outcome;

const PATIENCE: Duration = Duration::from_mins(1);

/// What it was told.
pub(crate) struct Resumed {
    pub(crate) frames: u64,
    /// Of JSON.
    pub(crate) bytes: usize,
    /// From before it connected.
    pub(crate) elapsed: Duration,
}

/// Opens a socket that goes on from `since`, and listens until it has caught up.
pub(crate) async fn resume(addr: SocketAddr, token: &str, since: &str) -> Outcome<Resumed> {
    let start = Instant::now();
    let mut socket = Socket::open(addr, token, Some(since)).await?;
    socket.expect(Kind::Welcome).await?;
    let (mut frames, mut bytes) = (0, 0);
    loop {
        let told =
            timeout(PATIENCE, socket.next()).await.map_err(|_| "the device is told nothing")?;
        let told = told?.ok_or("the server closed the socket")?;
        bytes += told.bytes;
        match told.kind {
            Kind::CaughtUp => return Ok(Resumed { frames, bytes, elapsed: start.elapsed() }),
            Kind::Message | Kind::Other => frames += 1,
            Kind::StartAfresh => return Err("the device was told to start afresh".into()),
            kind @ (Kind::Welcome | Kind::End) => return Err(format!("{kind:?} was told").into()),
        }
    }
}
