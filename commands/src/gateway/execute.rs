//! One command: load, decide, append, answer.

use std::sync::Arc;
use std::time::Duration;

use domain::{AccountId, Decider, Event};
use eventlog::append::{AppendError, KeyRow, Lineage, NewEvent, Ticket};
use eventlog::load::{LoadError, Loaded};
use eventlog::{Append, Position, load};
use serde::Serialize;
use tokio::time::sleep;

use super::cache::{Slot, State};
use super::{Cached, CommandError, Context, Executed, Gateway, internal, refused, unavailable};

/// How often a command is decided again because others were faster.
const ATTEMPTS_MAX: u32 = 12;

/// The longest wait before the second attempt; it doubles with each one, to at most 64 times this.
const JITTER: Duration = Duration::from_millis(2);

enum Decision<A: Decider> {
    /// With the state to save, and its version, when a snapshot is due.
    Record {
        events: Vec<A::Event>,
        snapshot: Option<(A, i64)>,
    },
    Nothing,
    Refuse(A::Error),
}

/// A decision that waits for the log's word.
struct Made<A: Decider> {
    decision: Decision<A>,
    ticket: Ticket,
}

impl Gateway {
    pub(super) async fn attempt<A>(
        &self,
        id: &str,
        command: A::Command,
        context: &Context,
    ) -> Result<Executed<A::Event>, CommandError<A::Error>>
    where
        A: Cached,
    {
        for attempt in 0..ATTEMPTS_MAX {
            let slot = A::cache(&self.inner.caches).slot(id);
            let made = self.decide(&slot, id, command.clone(), context).await?;
            match made.ticket.done().await {
                Ok(appended) => return self.conclude(id, made.decision, appended.position),
                Err(AppendError::Conflict) => {
                    metrics::counter!("parlance_command_conflicts_total").increment(1);
                    sleep(self.jitter(attempt)).await;
                }
                Err(error) => {
                    if error == AppendError::KeyTaken
                        && let Some(key) = &context.key
                        && let Some(executed) = self.replay::<A>(key).await?
                    {
                        return Ok(executed);
                    }
                    return Err(refused(error));
                }
            }
        }
        Err(CommandError::Conflict)
    }

    /// Looks at the state as it is in the log, at which position. What is in memory may be behind what
    /// another node wrote, so the log is asked whether it is the newest.
    pub(super) async fn attempt_look<A, R>(
        &self,
        id: &str,
        look: impl Fn(&A) -> R + Send,
    ) -> Result<(R, Position), CommandError<A::Error>>
    where
        A: Cached,
    {
        for attempt in 0..ATTEMPTS_MAX {
            let slot = A::cache(&self.inner.caches).slot(id);
            let (seen, question) = {
                let mut state = slot.lock().await;
                let lineage = state.lineage.clone();
                let loaded = self.loaded(&mut state, id).await?;
                (look(&loaded.state), question::<A>(id, loaded.version, lineage))
            };
            let ticket = self.inner.appender.enqueue(question).map_err(refused)?;
            match ticket.done().await {
                Ok(appended) => return Ok((seen, appended.position)),
                Err(AppendError::Conflict) => sleep(self.jitter(attempt)).await,
                Err(error) => return Err(refused(error)),
            }
        }
        Err(CommandError::Conflict)
    }

    /// Decides on the newest state there is and queues what was decided, in one step: the appends
    /// of a stream stand in the queue in the order of their decisions.
    async fn decide<A>(
        &self,
        slot: &Slot<A>,
        id: &str,
        command: A::Command,
        context: &Context,
    ) -> Result<Made<A>, CommandError<A::Error>>
    where
        A: Cached,
    {
        let mut state = slot.lock().await;
        let lineage = state.lineage.clone();
        let loaded = self.loaded(&mut state, id).await?;
        let decided = loaded.state.decide(command);
        let events = decided.as_deref().unwrap_or_default();
        let append = Append {
            aggregate_type: A::TYPE,
            aggregate_id: id.to_owned(),
            expected: loaded.version,
            lineage,
            claims: self.claim_rows(&loaded.state, events),
            events: self.encode(events).await?,
            metadata: metadata(context).map_err(internal)?,
            key: context.key.as_ref().filter(|_| decided.is_ok()).map(|key| KeyRow {
                caller: key.caller.0,
                key: key.key.clone(),
                fingerprint: key.fingerprint.to_vec(),
            }),
        };
        let ticket = self.inner.appender.enqueue(append).map_err(refused)?;
        let decision = match decided {
            Err(rule) => Decision::Refuse(rule),
            Ok(events) if events.is_empty() => Decision::Nothing,
            Ok(events) => {
                let snapshot = advance(loaded, &events);
                A::cache(&self.inner.caches).weigh(id, loaded.state.weight());
                Decision::Record { events, snapshot }
            }
        };
        Ok(Made { decision, ticket })
    }

    pub(super) async fn loaded<'a, A>(
        &self,
        state: &'a mut State<A>,
        id: &str,
    ) -> Result<&'a mut Loaded<A>, CommandError<A::Error>>
    where
        A: Cached,
    {
        if state.loaded.is_none() {
            state.loaded = Some(self.load(id).await?);
        }
        state.loaded.as_mut().ok_or(CommandError::Conflict)
    }

    async fn load<A>(&self, id: &str) -> Result<Loaded<A>, CommandError<A::Error>>
    where
        A: Cached,
    {
        metrics::counter!("parlance_aggregate_loads_total").increment(1);
        let loaded = load::load::<A>(&self.inner.db, &self.inner.codec, id).await;
        let loaded = loaded.map_err(|error| match error {
            LoadError::Database(error) => unavailable(error),
            LoadError::Codec(_) | LoadError::Decode { .. } | LoadError::Gap { .. } => {
                internal(error)
            }
        })?;
        A::cache(&self.inner.caches).weigh(id, loaded.state.weight());
        Ok(loaded)
    }

    /// What to answer, now that the log has accepted the decision.
    fn conclude<A: Cached>(
        &self,
        id: &str,
        decision: Decision<A>,
        position: Position,
    ) -> Result<Executed<A::Event>, CommandError<A::Error>> {
        match decision {
            Decision::Refuse(rule) => Err(CommandError::Rule(rule)),
            // The log's head then: whatever the decision rests on stands before it.
            Decision::Nothing => Ok(Executed { events: vec![], position, replayed: false }),
            Decision::Record { events, snapshot } => {
                if let Some((state, version)) = snapshot {
                    self.save(id.to_owned(), state, version, position);
                }
                Ok(Executed { events, position, replayed: false })
            }
        }
    }

    async fn encode<E: cqrs_es::DomainEvent + Into<Event>, R>(
        &self,
        events: &[E],
    ) -> Result<Vec<NewEvent>, CommandError<R>> {
        if events.is_empty() {
            return Ok(vec![]);
        }
        let encoded = self.inner.codec.encode(events).await.map_err(internal)?;
        let new = |(encoded, event): (_, &E)| {
            let event_id = self.inner.ids.next();
            NewEvent { event_id, encoded, event: Some(event.clone().into()) }
        };
        Ok(encoded.into_iter().zip(events).map(new).collect())
    }

    fn claim_rows<A: Decider>(
        &self,
        state: &A,
        events: &[A::Event],
    ) -> Vec<eventlog::append::ClaimRow> {
        let changes = events.iter().flat_map(|it| state.claims(it));
        changes.map(|it| self.inner.claims.row(&it)).collect()
    }

    /// Writes a snapshot in the background, unless enough of them are being written.
    fn save<A: Cached>(&self, id: String, state: A, version: i64, position: Position) {
        let Ok(permit) = Arc::clone(&self.inner.snapshots).try_acquire_owned() else {
            return;
        };
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let (db, codec) = (&inner.db, &inner.codec);
            let saved = eventlog::snapshot::save(db, codec, &id, &state, version, position).await;
            if let Err(error) = saved {
                tracing::warn!(%error, aggregate_type = A::TYPE, "snapshot was not written");
            }
            drop(permit);
        });
    }

    /// Full jitter (M. Brooker, *Exponential Backoff And Jitter*, 2015), drawn from a fresh id.
    fn jitter(&self, attempt: u32) -> Duration {
        JITTER.saturating_mul(1 << attempt.min(6)).mul_f64(self.inner.ids.draw())
    }
}

/// Brings the state to where the log will be once it has accepted `events`. A copy to save when a
/// snapshot is due.
fn advance<A: Decider>(loaded: &mut Loaded<A>, events: &[A::Event]) -> Option<(A, i64)> {
    for event in events {
        loaded.state.apply(event.clone());
        loaded.version += 1;
    }
    if !eventlog::snapshot::is_due(loaded.version, loaded.snapshot) {
        return None;
    }
    loaded.snapshot = loaded.version;
    Some((loaded.state.clone(), loaded.version))
}

/// Whether the stream is still at this version.
fn question<A: Decider>(id: &str, expected: i64, lineage: Lineage) -> Append {
    Append {
        aggregate_type: A::TYPE,
        aggregate_id: id.to_owned(),
        expected,
        lineage,
        events: vec![],
        metadata: String::new(),
        claims: vec![],
        key: None,
    }
}

/// What stands beside each event, in JSON.
#[derive(Serialize)]
struct Metadata<'a> {
    actor: Option<AccountId>,
    request_id: &'a str,
}

fn metadata(context: &Context) -> serde_json::Result<String> {
    serde_json::to_string(&Metadata { actor: context.actor, request_id: &context.request_id })
}
