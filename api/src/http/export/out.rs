//! Where an export goes: to a client that takes it as fast as it likes, but not slower than a limit.

use std::error::Error;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use futures_util::stream::poll_fn;
use thiserror::Error;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::timeout;

/// How long a client may take for one piece.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why an export ends before its end.
#[derive(Debug, Error)]
pub(super) enum Broken {
    #[error("it took too long")]
    TooSlow,
    /// The client is gone, or takes nothing.
    #[error("it is no longer taken")]
    NotTaken,
    #[error("what it is made from failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes what is written, piece by piece.
pub(super) trait Write {
    fn write(&mut self, piece: Vec<u8>) -> impl Future<Output = Result<(), Broken>> + Send;
}

/// To the client. It holds one piece while the client takes another.
pub(super) struct Out(Sender<Result<Bytes, Broken>>);

/// What is written, and the body of the answer.
pub(super) fn channel() -> (Out, impl Stream<Item = Result<Bytes, Broken>>) {
    let (sender, mut receiver) = mpsc::channel(1);
    (Out(sender), poll_fn(move |context| receiver.poll_recv(context)))
}

impl Out {
    /// Hands on a piece; an empty one would be nothing.
    pub(super) async fn send(&self, piece: Bytes) -> Result<(), Broken> {
        if piece.is_empty() {
            return Ok(());
        }
        match timeout(PATIENCE, self.0.send(Ok(piece))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken::NotTaken),
        }
    }

    /// Lets the answer break off, so that nobody takes it for whole.
    pub(super) async fn fail(&self, broken: Broken) {
        // Whoever is gone does not need to be told.
        drop(timeout(PATIENCE, self.0.send(Err(broken))).await);
    }
}

impl Write for Out {
    async fn write(&mut self, piece: Vec<u8>) -> Result<(), Broken> {
        self.send(piece.into()).await
    }
}
