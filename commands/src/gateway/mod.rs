//! Executes commands: load, decide, append, answer.
//!
//! The state of hot aggregates stays in memory, ahead of the log: a command is decided on the state
//! that the one before it left, before that one is durable, so that many commands on one chat share
//! a commit. Nothing is answered until the log has accepted it, and the log's gate checks every
//! state that a decision was made on: also when nothing is to be recorded. A state that turns out
//! wrong is thrown away and the command decided again.

mod cache;
mod execute;

use std::sync::Arc;

use domain::AccountId;
use eventlog::append::AppendError;
use eventlog::{Appender, Clock, Codec, Ids, MasterKey, Position, read};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::Semaphore;

pub use self::cache::Cached;
use self::cache::Caches;
use crate::claims::Claims;
use crate::idempotency::{self, IdempotencyKey};
use crate::in_flight::InFlight;

/// Snapshots written at the same time. More wait for nobody: they are left out.
const SNAPSHOTS_AT_ONCE: usize = 2;

/// The type of a command's failure that is nobody's rule.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Who asks, and under which key.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Who is signed in.
    pub actor: Option<AccountId>,
    /// Of the request that carries the command; stands in the events' metadata.
    pub request_id: String,
    pub key: Option<IdempotencyKey>,
}

impl Context {
    /// The context of one command among several of a request, by its place from 0. A key stands for
    /// one command, so each after the first has one made from it; a space cannot stand in a key that
    /// a caller has chosen.
    #[must_use]
    pub fn part(&self, place: usize) -> Self {
        let mut context = self.clone();
        if let Some(IdempotencyKey { key, .. }) = context.key.as_mut().filter(|_| place > 0) {
            *key = format!("{key} {place}");
        }
        context
    }
}

/// What a command led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed<E> {
    /// What it recorded; with a key that was used before, what was recorded then. Empty when it
    /// changed nothing.
    pub events: Vec<E>,
    /// Of the last of `events`, else of the stream's latest event: a read at this position shows
    /// what the command answers.
    pub position: Position,
    /// The key was used before.
    pub replayed: bool,
}

/// Why a command recorded nothing.
#[derive(Debug, Error)]
pub enum CommandError<E> {
    #[error(transparent)]
    Rule(E),
    #[error("the {scope} is taken")]
    ClaimHeld { scope: &'static str },
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("a request with this idempotency key is under way")]
    KeyInFlight,
    #[error("others kept changing the same thing: try again")]
    Conflict,
    #[error("too many commands are waiting")]
    Overloaded,
    #[error("the log is out of reach")]
    Unavailable,
    #[error("command failed")]
    Internal(#[source] Cause),
}

/// Executes commands. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    db: PgPool,
    codec: Arc<Codec>,
    appender: Appender,
    clock: Clock,
    ids: Ids,
    claims: Claims,
    caches: Caches,
    /// The keys whose first request is under way in this process.
    keys: InFlight<(AccountId, String)>,
    snapshots: Arc<Semaphore>,
}

impl Gateway {
    /// A gateway over the log behind `db` and `appender`.
    #[must_use]
    pub fn new(
        db: PgPool,
        codec: Arc<Codec>,
        appender: Appender,
        master: &MasterKey,
        clock: Clock,
        ids: Ids,
    ) -> Self {
        let claims = Claims::new(master);
        Self {
            inner: Arc::new(Inner {
                db,
                codec,
                appender,
                clock,
                ids,
                claims,
                caches: Caches::new(),
                keys: InFlight::default(),
                snapshots: Arc::new(Semaphore::new(SNAPSHOTS_AT_ONCE)),
            }),
        }
    }

    /// Executes `command` on the aggregate `id`; returns when what it led to is durable.
    ///
    /// # Errors
    ///
    /// See [`CommandError`]. Nothing was recorded then.
    pub async fn execute<A>(
        &self,
        id: &str,
        command: A::Command,
        context: &Context,
    ) -> Result<Executed<A::Event>, CommandError<A::Error>>
    where
        A: Cached,
    {
        let Some(key) = &context.key else {
            return self.attempt::<A>(id, command, context).await;
        };
        let held = self.inner.keys.hold((key.caller, key.key.clone()));
        let _held = held.ok_or(CommandError::KeyInFlight)?;
        if let Some(executed) = self.replay::<A>(key).await? {
            return Ok(executed);
        }
        self.attempt::<A>(id, command, context).await
    }

    /// Looks at the aggregate `id` as it is, or is about to be.
    ///
    /// # Errors
    ///
    /// When it cannot be loaded.
    pub async fn inspect<A, R>(
        &self,
        id: &str,
        look: impl FnOnce(&A) -> R + Send,
    ) -> Result<R, CommandError<A::Error>>
    where
        A: Cached,
    {
        let slot = A::cache(&self.inner.caches).slot(id);
        let mut state = slot.lock().await;
        Ok(look(&self.loaded(&mut state, id).await?.state))
    }

    /// Looks at the aggregate `id` as it is in the log. Returns the position at which it is so, too.
    ///
    /// # Errors
    ///
    /// When it cannot be loaded, or others keep changing it.
    pub async fn look<A, R>(
        &self,
        id: &str,
        look: impl Fn(&A) -> R + Send,
    ) -> Result<(R, Position), CommandError<A::Error>>
    where
        A: Cached,
    {
        self.attempt_look(id, look).await
    }

    /// The event at `position`, when it is one of an `A`.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn event_at<A>(
        &self,
        position: Position,
    ) -> Result<Option<A::Event>, CommandError<A::Error>>
    where
        A: Cached,
    {
        let before = Position(position.0 - 1);
        let stored = read::page(&self.inner.db, before, 1).await.map_err(unavailable)?;
        let mut recorded = self.inner.codec.decode(stored).await.map_err(internal)?;
        match recorded.pop().filter(|it| it.position == position) {
            Some(recorded) => Ok(A::Event::try_from(recorded.event.map_err(internal)?).ok()),
            None => Ok(None),
        }
    }

    /// What the key in `context` led to before; nothing without a key, or with a new one.
    pub(crate) async fn earlier<A>(
        &self,
        context: &Context,
    ) -> Result<Option<Executed<A::Event>>, CommandError<A::Error>>
    where
        A: Cached,
    {
        match &context.key {
            Some(key) => self.replay::<A>(key).await,
            None => Ok(None),
        }
    }

    pub(crate) fn db(&self) -> &PgPool {
        &self.inner.db
    }

    pub(crate) fn codec(&self) -> &Codec {
        &self.inner.codec
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.inner.claims
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// What `key` led to before, made again from the events recorded then.
    async fn replay<A>(
        &self,
        key: &IdempotencyKey,
    ) -> Result<Option<Executed<A::Event>>, CommandError<A::Error>>
    where
        A: Cached,
    {
        let db = &self.inner.db;
        let found = idempotency::find(db, key.caller, &key.key).await;
        let Some(found) = found.map_err(unavailable)? else {
            return Ok(None);
        };
        if found.fingerprint != key.fingerprint || found.aggregate_type != A::TYPE {
            return Err(CommandError::KeyReused);
        }
        // Without events of its own, the stream's latest event then tells the position.
        let count = found.last - found.first + 1;
        let (after, limit) = (found.first.min(found.last) - 1, count.max(1));
        let (of, id) = (&found.aggregate_type, &found.aggregate_id);
        let stored = read::stream_page(db, of, id, after, limit).await.map_err(unavailable)?;
        let recorded = self.inner.codec.decode(stored).await.map_err(internal)?;
        let position = recorded.last().map_or(Position::START, |it| it.position);
        let mut events = Vec::new();
        for recorded in recorded.into_iter().filter(|_| count > 0) {
            let event = recorded.event.map_err(internal)?;
            events.push(A::Event::try_from(event).map_err(|_| CommandError::KeyReused)?);
        }
        Ok(Some(Executed { events, position, replayed: true }))
    }
}

fn refused<E>(error: AppendError) -> CommandError<E> {
    match error {
        AppendError::Conflict => CommandError::Conflict,
        AppendError::ClaimHeld { scope } => CommandError::ClaimHeld { scope },
        AppendError::KeyTaken => CommandError::KeyInFlight,
        AppendError::QueueFull => CommandError::Overloaded,
        AppendError::Unavailable => CommandError::Unavailable,
        AppendError::Refused(_) => internal(error),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn unavailable<E>(error: sqlx::Error) -> CommandError<E> {
    tracing::warn!(%error, "the log is out of reach");
    CommandError::Unavailable
}

fn internal<E>(error: impl Into<Cause>) -> CommandError<E> {
    CommandError::Internal(error.into())
}
