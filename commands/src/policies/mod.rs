//! Policies: what happens because something happened.
//!
//! A policy has two halves. `Policy::react` is pure: it reads an event and says what is to be
//! done, and when. That is written down in `policy_work` in the transaction that moves the policy's
//! checkpoint. `Policy::perform` does it once it is due: it asks the aggregate how things are now,
//! and then issues commands and touches the world outside. It is called at least once, and a second
//! call does nothing more; so a crash anywhere costs nothing but the time to do it again.
//!
//! What fails is tried again with growing pauses, and at last parked, where `parlance parked` shows
//! it; everything else flows on. Policies follow the live log alone: no replay and no rebuild runs
//! them.

mod backoff;
mod expire_messages;
mod follow;
pub mod parked;
mod perform;
mod process_files;
mod push;
mod release_files;
mod sweep_files;
mod work;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Event;
use eventlog::lease::while_held;
use eventlog::{Clock, Feed, Ids, Position};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::files::{Files, FilesError};
use crate::gateway::{CommandError, Context, Gateway};
use crate::push::Push;

use self::expire_messages::ExpireMessages;
use self::follow::Follower;
use self::perform::Performer;
use self::process_files::ProcessFiles;
use self::push::PushNews;
use self::release_files::ReleaseFiles;
use self::sweep_files::SweepFiles;
use self::work::Change;

/// The checkpoints, leases and parked events of policies are named so, and then as the policy.
const PREFIX: &str = "policy:";

/// A rule of the form "when this has happened, that is to be done".
pub(crate) trait Policy: Send + Sync {
    /// Stands in the tables. Another name starts from the first event.
    const NAME: &'static str;

    /// What is needed to do the work; stored as JSON.
    type Task: Serialize + DeserializeOwned + Send + Sync;

    /// Effects at once: one that takes long holds up few.
    const AT_ONCE: usize = 4;

    /// Effects of one call of `perform_all`.
    const TOGETHER: usize = 1;

    /// What was asked for longer ago need not be done any more: a policy that was off, or is new, does
    /// not begin with it.
    const FORGETS_AFTER: Option<TimeDelta> = None;

    /// What `event` asks for. Reads nothing else: no clock, no state.
    fn react(event: &Event) -> Vec<Change<Self::Task>>;

    /// Does what is due. Called again, it does nothing more.
    fn perform(
        &self,
        task: Self::Task,
        effect: &Effect,
    ) -> impl Future<Output = Result<(), EffectError>> + Send;

    /// As `perform`, for up to `TOGETHER` of what is due: in their order, what came of each.
    fn perform_all(
        &self,
        due: Vec<(Self::Task, Effect)>,
    ) -> impl Future<Output = Vec<Result<(), EffectError>>> + Send {
        async move {
            let mut performed = Vec::with_capacity(due.len());
            for (task, effect) in due {
                performed.push(self.perform(task, &effect).await);
            }
            performed
        }
    }
}

/// One call of `Policy::perform`.
#[derive(Clone)]
pub(crate) struct Effect {
    /// The same for each attempt: the policy, the event that asked, and what it is about.
    id: String,
    /// When the attempt began.
    pub(crate) now: DateTime<Utc>,
    /// When it was to begin, as the event said or an attempt before.
    pub(crate) due: DateTime<Utc>,
    /// Of the event that asked.
    pub(crate) position: Position,
}

impl Effect {
    /// For commands: their events name the effect that they are part of.
    pub(crate) fn context(&self) -> Context {
        Context { actor: None, request_id: self.id.clone(), key: None }
    }
}

/// Why work was not done.
#[derive(Debug, Error)]
pub(crate) enum EffectError {
    /// Trying again will help, sooner or later.
    #[error("{0}")]
    Transient(String),
    /// It cannot be done, however often it is tried.
    #[error("{0}")]
    Poison(String),
    /// It is not time yet. That is no failure.
    #[error("not before {0}")]
    Later(DateTime<Utc>),
}

impl<E: std::error::Error> From<CommandError<E>> for EffectError {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Rule(rule) => Self::Poison(rule.to_string()),
            CommandError::ClaimHeld { .. } | CommandError::KeyReused => {
                Self::Poison(error.to_string())
            }
            CommandError::Internal(cause) => Self::Transient(cause.to_string()),
            CommandError::KeyInFlight
            | CommandError::Conflict
            | CommandError::Overloaded
            | CommandError::Unavailable => Self::Transient(error.to_string()),
        }
    }
}

impl From<sqlx::Error> for EffectError {
    fn from(error: sqlx::Error) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<FilesError> for EffectError {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Library(error) => error.into(),
            FilesError::Internal(cause) => Self::Transient(cause.to_string()),
            FilesError::NotArrived
            | FilesError::NotInParts
            | FilesError::NotRequested
            | FilesError::InvalidPart { .. }
            | FilesError::Verifying
            | FilesError::Unavailable => Self::Transient(error.to_string()),
        }
    }
}

/// What policies are made from.
#[derive(Clone)]
pub struct Policies {
    pub db: PgPool,
    pub feed: Feed,
    pub gateway: Gateway,
    pub files: Files,
    pub push: Push,
    pub clock: Clock,
    pub ids: Ids,
    /// This process, among those that ask for leases.
    pub holder: Uuid,
}

impl Policies {
    /// Runs every policy until `stop`, each whenever this process holds its lease.
    pub async fn run(self, stop: CancellationToken) {
        let (gateway, files) = (self.gateway.clone(), self.files.clone());
        let process = ProcessFiles { gateway: gateway.clone(), files: files.clone() };
        let release = ReleaseFiles { gateway: gateway.clone(), files: files.clone() };
        let sweep = SweepFiles { gateway: gateway.clone(), files };
        let expire = ExpireMessages { gateway: gateway.clone() };
        let push = PushNews {
            gateway,
            push: self.push.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        };
        let push_news = async {
            // While it is off it must not look as if it had pushed what it did not.
            if self.push.is_on() {
                self.run_one(&push, &stop).await;
            }
        };
        tokio::join!(
            push_news,
            self.run_one(&process, &stop),
            self.run_one(&release, &stop),
            self.run_one(&sweep, &stop),
            self.run_one(&expire, &stop),
        );
    }

    /// Follows the log and does what is due, side by side.
    async fn run_one<P: Policy>(&self, policy: &P, stop: &CancellationToken) {
        let name = full_name(P::NAME);
        while_held(&self.db, &name, self.holder, stop, |_, lost| async move {
            let asked = Notify::new();
            let mut follower = Follower::<P>::new(self, &asked);
            let mut performer = Performer::new(self, policy, &asked);
            tokio::join!(follower.run(&lost), performer.run(&lost));
        })
        .await;
    }
}

fn full_name(policy: &str) -> String {
    format!("{PREFIX}{policy}")
}
