//! The bus: what processes tell each other that is no event. Nothing is stored, and whoever does not
//! listen misses it: who relies on it asks the database now and then as well.
//!
//! A note reaches everybody who listens in this process at once, and those in others by core NATS,
//! when there is one: subject `parlance.live.<topic>`, JSON. It names people and chats by their ids, and
//! says nothing that anybody wrote.

use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Every subject that notes are published under.
const SUBJECTS: &str = "parlance.live.>";
const SUBJECT_PREFIX: &str = "parlance.live.";

/// Notes that a slow listener may be behind; older ones it misses.
const BEHIND_MAX: usize = 4_096;

/// Before the server is asked again for what others tell.
const RETRY: Duration = Duration::from_secs(1);

/// Something that processes tell each other.
pub trait Note: Serialize + DeserializeOwned {
    /// What it is told under: letters, digits and underscores.
    const TOPIC: &'static str;
}

/// Where notes are told. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    here: broadcast::Sender<(String, Bytes)>,
    client: Option<Client>,
}

/// Who hears the notes of one kind.
#[derive(Debug)]
pub struct Listener<N> {
    notes: broadcast::Receiver<(String, Bytes)>,
    kind: std::marker::PhantomData<N>,
}

impl Bus {
    /// A bus over `client`, which must not hear what it publishes itself, and the task that passes on
    /// what other processes tell until `stop`. Without a client it stays in this process.
    pub fn new(
        client: Option<Client>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let bus = Self { here: broadcast::Sender::new(BEHIND_MAX), client };
        let following = bus.clone().follow(stop);
        (bus, following)
    }

    /// Tells `note`. Never waits: while NATS is away, or cannot keep up, other processes miss it.
    pub fn tell<N: Note>(&self, note: &N) {
        let Ok(json) = serde_json::to_vec(note) else { return };
        let json = Bytes::from(json);
        // Nobody may be listening.
        drop(self.here.send((N::TOPIC.to_owned(), json.clone())));
        let connected = self.client.as_ref().filter(|it| it.connection_state() == State::Connected);
        if let Some(client) = connected {
            let told = client.publish(format!("{SUBJECT_PREFIX}{}", N::TOPIC), json);
            if !matches!(told.now_or_never(), Some(Ok(()))) {
                metrics::counter!("parlance_notes_lost_total").increment(1);
            }
        }
    }

    /// Hears from now on.
    #[must_use]
    pub fn listen<N: Note>(&self) -> Listener<N> {
        Listener { notes: self.here.subscribe(), kind: std::marker::PhantomData }
    }

    async fn follow(self, stop: CancellationToken) {
        let Some(client) = self.client else { return };
        while !stop.is_cancelled() {
            let ended = stop.run_until_cancelled(pass_on(&client, &self.here)).await;
            if let Some(Err(error)) = ended {
                tracing::debug!(%error, "the bus does not hear other processes");
            }
            stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
        }
    }
}

/// Passes on what others publish, until the connection is given up. The client subscribes again by itself
/// whenever it has lost the server.
async fn pass_on(
    client: &Client,
    here: &broadcast::Sender<(String, Bytes)>,
) -> Result<(), async_nats::SubscribeError> {
    let mut notes = client.subscribe(SUBJECTS).await?;
    while let Some(note) = notes.next().await {
        if let Some(topic) = note.subject.as_str().strip_prefix(SUBJECT_PREFIX) {
            drop(here.send((topic.to_owned(), note.payload)));
        }
    }
    Ok(())
}

impl<N: Note> Listener<N> {
    /// The next note. What was missed is skipped, and what cannot be read: another version may tell it.
    pub async fn next(&mut self) -> N {
        loop {
            match self.notes.recv().await {
                Ok((topic, json)) if topic == N::TOPIC => {
                    if let Ok(note) = serde_json::from_slice(&json) {
                        return note;
                    }
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    metrics::counter!("parlance_notes_lost_total").increment(missed);
                }
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
