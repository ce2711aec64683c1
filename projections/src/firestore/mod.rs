//! The mirror: documents in Firestore that apps on phones listen to, made from the read models.
//!
//! - `follow`: marks the documents that an event concerns, in the transaction that moves the mirror's
//!   checkpoint; `presence` marks those of people who have come or gone
//! - `write`: writes what is marked, through `queue` (what is due, and what is known of Firestore),
//!   `content` (what a document should hold) and `remote` (Firestore itself), some calls at once
//!   (`lanes`)
//! - [`check()`]: compares all documents with what they should be; [`repair()`]: has those written that
//!   differ
//! - [`parked`]: documents that were given up
//! - [`RULES`]: who may read what
//!
//! One process at a time writes, under a lease. What keeps a document from going back is not the lease
//! but the condition of each write: see `queue`.

mod check;
mod content;
mod document;
mod emulator;
mod follow;
mod lanes;
mod marks;
mod pace;
pub mod parked;
mod presence;
mod queue;
mod remote;
mod repair;
mod scan;
mod settings;
mod standing;
mod write;

use eventlog::Feed;
use eventlog::database::{self, PgConnectOptions, Role};
use eventlog::lease::while_held;
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::follow::Follower;
use self::remote::{Remote, RemoteError};
use self::write::Writer;
use crate::Reads;

pub use self::check::{Checked, Drift, check};
pub use self::marks::NAME;
pub(crate) use self::marks::mark_again;
pub use self::repair::{Repaired, repair};
pub use self::settings::{Access, MirrorSettings};
pub use self::standing::MirrorStatus;
pub(crate) use self::standing::standing;

/// Security rules that let apps read what the API would show them, and write nothing.
pub const RULES: &str = include_str!("firestore.rules");

/// The lease under which documents are marked and written.
const LEASE: &str = "projector:firestore";

/// Connections to the database: its own, so that nobody who sends waits behind a backlog of documents.
/// Most of the time a call is with Firestore and needs none.
const CONNECTIONS: u32 = 4;

/// How far a command has come, in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    /// As many as there were when it began.
    pub total: u64,
}

/// Why documents were not compared, or not repaired.
#[derive(Debug, Error)]
pub enum MirrorError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("Firestore does not answer as it should: {0}")]
    Firestore(String),
    #[error("Firestore was never filled: `parlance serve` does that, once it knows where it is")]
    NeverOn,
    #[error("{left} documents were not written, and none was for a minute: see the mirror's log")]
    Stuck { left: u64 },
}

impl From<RemoteError> for MirrorError {
    fn from(error: RemoteError) -> Self {
        Self::Firestore(error.to_string())
    }
}

/// Keeps Firestore in step until `stop`, whenever this process holds the lease. `reads` tells what the
/// projectors have applied; `options` have the live read models in their search path
/// ([`live_options`](crate::live_options)).
pub async fn run(
    options: PgConnectOptions,
    feed: Feed,
    reads: Reads,
    settings: MirrorSettings,
    holder: Uuid,
    stop: CancellationToken,
) {
    let remote = Remote::new(settings);
    let db = database::pool(database::serving(options), Role::App, CONNECTIONS);
    let (db, feed, reads, remote) = (&db, &feed, &reads, &remote);
    while_held(db, LEASE, holder, &stop, |lease, lost| async move {
        let marked = Notify::new();
        let mut follower = Follower::new(db, feed, reads, &marked);
        let writer = Writer { db, remote, marked: &marked, epoch: lease.epoch };
        tokio::join!(follower.run(&lost), presence::follow(db, &marked, &lost), writer.run(&lost));
    })
    .await;
}

/// Where there never was a mirror, what is in Firestore is not of Parlance.
async fn check_on(db: &PgPool) -> Result<(), MirrorError> {
    let is_on = marks::is_on(&mut *db.acquire().await?).await?;
    if is_on { Ok(()) } else { Err(MirrorError::NeverOn) }
}

/// About how many documents there should be.
async fn count_expected(db: &PgPool) -> sqlx::Result<u64> {
    let documents = sqlx::query_scalar!(
        r#"SELECT 2 * (SELECT count(*) FROM chats WHERE account_id < participant_id)
                  + 2 * (SELECT count(*) FROM accounts)
                  + (SELECT count(*) FROM presence) AS "documents!""#
    )
    .fetch_one(db)
    .await?;
    Ok(documents.unsigned_abs())
}
