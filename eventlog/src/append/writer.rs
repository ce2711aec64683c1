//! The task that writes batches.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use super::batch::{self, Verdict};
use super::{Append, AppendError, Appended, BATCH_EVENTS_MAX, DEADLINE, QUEUE_MAX, Queued};
use crate::database::{self, Role};
use crate::hand_over::{Fresh, Tail};
use crate::recorded::{Position, StoredEvent};

/// Between two attempts to reach a database that is away.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// How long one attempt at a batch may take before the connection is given up.
const BATCH_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    waiting: mpsc::Receiver<Queued>,
    /// Taken from the queue, and not yet in a batch.
    pending: VecDeque<Queued>,
    head: watch::Sender<Position>,
    tail: Tail,
}

impl Writer {
    pub(super) fn new(
        options: PgConnectOptions,
        waiting: mpsc::Receiver<Queued>,
        head: watch::Sender<Position>,
        tail: Tail,
    ) -> Self {
        let options = database::serving(options);
        Self { options, connection: None, waiting, pending: VecDeque::new(), head, tail }
    }

    pub(super) async fn run(mut self) {
        while self.gather().await {
            let batch = self.take_batch();
            metrics::histogram!("parlance_append_batch_commands").record(batch.len() as f64);
            self.write(batch).await;
        }
    }

    /// Waits until something is pending. False when nothing ever will be.
    async fn gather(&mut self) -> bool {
        if self.pending.is_empty() {
            let mut taken = Vec::new();
            if self.waiting.recv_many(&mut taken, QUEUE_MAX).await == 0 {
                return false;
            }
            self.pending.extend(taken);
        }
        yield_now().await; // requests that can go on come first: what they want recorded goes along
        while self.pending.len() < QUEUE_MAX {
            match self.waiting.try_recv() {
                Ok(queued) => self.pending.push_back(queued),
                Err(_) => break,
            }
        }
        true
    }

    /// The first of what is pending: at most `BATCH_EVENTS_MAX` events, and of each stream only an
    /// unbroken run; nothing gives up a value that the batch takes. The rest stays, in order.
    fn take_batch(&mut self) -> Vec<Queued> {
        let mut batch = Vec::new();
        let mut left = VecDeque::new();
        let mut events = 0;
        let mut reached: HashMap<(&'static str, String), Option<i64>> = HashMap::new();
        let mut claimed = Claimed::default();
        while let Some(queued) = self.pending.pop_front() {
            let append = &queued.append;
            let added = append.events.len();
            let stream = (append.aggregate_type, append.aggregate_id.clone());
            let fits = events == 0 || events + added <= BATCH_EVENTS_MAX;
            let follows = match reached.get(&stream) {
                None => true,
                Some(version) => *version == Some(append.expected),
            };
            if fits && follows && claimed.has_room(append) {
                events += added;
                claimed.add(append);
                let version = append.expected + i64::try_from(added).unwrap_or_default();
                reached.insert(stream, Some(version));
                batch.push(queued);
            } else {
                reached.insert(stream, None); // what follows on this stream waits behind it
                claimed.wait(append);
                left.push_back(queued);
            }
            if events >= BATCH_EVENTS_MAX {
                break;
            }
        }
        left.append(&mut self.pending);
        self.pending = left;
        batch
    }

    /// Writes `batch`, without those who are refused, until all of it is answered.
    async fn write(&mut self, mut batch: Vec<Queued>) {
        let mut tried = false;
        loop {
            give_up_late(&mut batch);
            give_up_void(&mut batch);
            if batch.is_empty() {
                return;
            }
            let appends: Vec<&Append> = batch.iter().map(|it| &it.append).collect();
            let verdict = match self.connect().await {
                Ok(connection) => timeout(BATCH_TIMEOUT, batch::write(connection, &appends))
                    .await
                    .unwrap_or_else(|_| Verdict::Unknown(sqlx::Error::PoolTimedOut)),
                Err(error) => Verdict::Unknown(error),
            };
            match verdict {
                Verdict::Appended(answers) => return self.answer(batch, answers),
                Verdict::Refused(_)
                    if tried && let Some(answers) = self.written(&appends).await =>
                {
                    return self.answer(batch, answers);
                }
                Verdict::Refused(refused) if needs_splitting(&refused, batch.len()) => {
                    for one in batch {
                        Box::pin(self.write(vec![one])).await;
                    }
                    return;
                }
                Verdict::Refused(refused) => dismiss(&mut batch, refused),
                Verdict::Unknown(error) => {
                    tracing::warn!(%error, commands = batch.len(), "append will be tried again");
                    tried = true;
                    self.disconnect().await;
                    sleep(RECONNECT_PAUSE).await;
                }
            }
        }
    }

    async fn connect(&mut self) -> sqlx::Result<&mut PgConnection> {
        if self.connection.is_none() {
            let mut connection = self.options.connect().await?;
            database::take_role(&mut connection, Role::App).await?;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Close without waiting for a server that may not answer.
            drop(connection.close_hard().await);
        }
    }

    /// Where `appends` stand when an attempt that seemed to fail did write them: then the second
    /// attempt was refused by the first. A batch is written whole or not at all, so its first
    /// event tells.
    async fn written(&mut self, appends: &[&Append]) -> Option<Vec<Appended>> {
        let event_id = appends.iter().find_map(|it| it.events.first())?.event_id;
        let append = appends.iter().find(|it| !it.events.is_empty())?;
        let connection = self.connect().await.ok()?;
        let row = sqlx::query!(
            "SELECT position, recorded_at
             FROM events
             WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence = $3 AND event_id = $4",
            append.aggregate_type,
            append.aggregate_id,
            append.expected + 1,
            event_id
        )
        .fetch_optional(connection)
        .await
        .ok()??;
        Some(batch::answers(appends, row.position, row.recorded_at))
    }

    fn answer(&self, mut batch: Vec<Queued>, answers: Vec<Appended>) {
        if self.tail.is_open() {
            let appends = batch.iter_mut().map(|it| &mut it.append);
            self.tail.push(appends.zip(&answers).flat_map(|(append, at)| fresh(append, at)));
        }
        if let Some(last) = answers.last() {
            self.head.send_if_modified(|head| {
                let moved = last.position > *head;
                *head = last.position.max(*head);
                moved
            });
        }
        for (queued, answer) in batch.into_iter().zip(answers) {
            tell(queued, Ok(answer));
        }
    }
}

/// The events of `append`, as they stand in the log now.
fn fresh(append: &mut Append, at: &Appended) -> impl Iterator<Item = Fresh> {
    let events = std::mem::take(&mut append.events);
    let first = at.position.next().0 - i64::try_from(events.len()).unwrap_or_default();
    let append = &*append;
    events.into_iter().zip(first..).zip(append.expected + 1..).map(
        move |((new, position), sequence)| {
            let stored = StoredEvent {
                position,
                aggregate_type: append.aggregate_type.to_owned(),
                aggregate_id: append.aggregate_id.clone(),
                sequence,
                event_type: new.encoded.event_type,
                event_version: new.encoded.event_version,
                payload: new.encoded.payload,
                metadata: append.metadata.clone(),
                event_id: new.event_id,
                recorded_at: at.recorded_at,
            };
            Fresh { stored, event: new.event }
        },
    )
}

/// What happens in a batch to the values that are claimed. `append_events` gives up all of a batch
/// before it takes any, which is their order unless a value is taken first and given up then.
#[derive(Default)]
struct Claimed {
    taken: HashSet<(&'static str, Vec<u8>)>,
    /// By what is left for a later batch: whatever is about these comes after that.
    awaited: HashSet<(&'static str, Vec<u8>)>,
}

impl Claimed {
    fn has_room(&self, append: &Append) -> bool {
        append.claims.iter().all(|it| {
            let claim = (it.scope, it.value.clone());
            !self.awaited.contains(&claim) && (it.take || !self.taken.contains(&claim))
        })
    }

    fn add(&mut self, append: &Append) {
        let taken = append.claims.iter().filter(|it| it.take);
        self.taken.extend(taken.map(|it| (it.scope, it.value.clone())));
    }

    fn wait(&mut self, append: &Append) {
        self.awaited.extend(append.claims.iter().map(|it| (it.scope, it.value.clone())));
    }
}

/// Whether the database refused the whole batch without naming anybody: then each goes alone.
fn needs_splitting(refused: &[(usize, AppendError)], batch: usize) -> bool {
    let unnamed = |(_, error): &(usize, AppendError)| matches!(error, AppendError::Refused(_));
    batch > 1 && (refused.is_empty() || refused.iter().all(unnamed))
}

/// Answers those who were refused and takes them out of the batch.
fn dismiss(batch: &mut Vec<Queued>, mut refused: Vec<(usize, AppendError)>) {
    refused.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
    if refused.is_empty() {
        refused.extend((0..batch.len()).rev().map(|it| (it, AppendError::Unavailable)));
    }
    for (index, error) in refused {
        if index < batch.len() {
            tell(batch.remove(index), Err(error));
        }
    }
}

/// Tells those who waited too long that nothing is known. All or none of a batch that may have
/// been written: a part of it would be refused by its own first attempt.
fn give_up_late(batch: &mut Vec<Queued>) {
    let late = |it: &Queued| it.since + DEADLINE < Instant::now();
    if batch.iter().any(late) {
        for queued in batch.drain(..) {
            tell(queued, Err(AppendError::Unavailable));
        }
    }
}

/// Refuses what was decided on something that was refused since.
fn give_up_void(batch: &mut Vec<Queued>) {
    for queued in batch.extract_if(.., |it| it.append.lineage.is_void()) {
        tell(queued, Err(AppendError::Conflict));
    }
}

/// Answers one append. A refusal voids its lineage before anybody hears of it.
fn tell(queued: Queued, answer: Result<Appended, AppendError>) {
    if answer.is_err() {
        queued.append.lineage.void();
    }
    if queued.answer.send(answer).is_err() {
        tracing::debug!("the caller of an append has gone");
    }
}
