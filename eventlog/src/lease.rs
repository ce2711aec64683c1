//! Who may run what only one process may run at a time.
//!
//! A lease is a row with an end. Its holder pushes the end ahead; whoever finds it passed takes
//! over, with a higher epoch. A holder that was stopped and woken may believe for a moment that it
//! still holds: so nothing relies on the lease for correctness, only for peace. Checkpoints move by
//! compare-and-swap and publishes carry the expected sequence; those are the fences.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a lease lasts. Somebody else takes over within this and one attempt: under 5 s.
const TERM: Duration = Duration::from_secs(3);

/// How often it is renewed, or asked for.
const PAUSE: Duration = Duration::from_secs(1);

/// A right that ends by itself.
#[derive(Debug, Clone)]
pub struct Lease {
    name: String,
    /// Grows with each new holder.
    pub epoch: i64,
}

/// Runs `work` whenever this process holds the lease `name`, until `stop`. `work` gets a token that
/// is cancelled when the lease is lost, and must then return soon; it is started again when the
/// lease is won again. When `work` returns by itself the lease is given up and asked for anew.
pub async fn while_held<F, W>(
    db: &PgPool,
    name: &str,
    holder: Uuid,
    stop: &CancellationToken,
    work: F,
) where
    F: Fn(Lease, CancellationToken) -> W,
    W: Future<Output = ()>,
{
    let mut attempts = interval(PAUSE);
    attempts.set_missed_tick_behavior(MissedTickBehavior::Delay); // those while it was held
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = attempts.tick() => {}
        }
        let lease = match acquire(db, name, holder).await {
            Ok(Some(lease)) => lease,
            Ok(None) => continue,
            Err(error) => {
                tracing::debug!(%error, name, "lease could not be asked for");
                continue;
            }
        };
        tracing::info!(name, epoch = lease.epoch, "lease taken");
        let lost = stop.child_token();
        tokio::select! {
            () = work(lease.clone(), lost.clone()) => {}
            () = keep(db, &lease, holder, &lost) => {}
        }
        lost.cancel();
        release(db, &lease, holder).await;
        tracing::info!(name, epoch = lease.epoch, "lease given up");
    }
}

/// Renews `lease` until it is lost or `stop` is called; then waits for ever, so that the work it
/// runs beside can come to its own end.
async fn keep(db: &PgPool, lease: &Lease, holder: Uuid, lost: &CancellationToken) {
    let mut valid_until = Instant::now() + TERM;
    loop {
        tokio::select! {
            () = lost.cancelled() => break,
            () = tokio::time::sleep(PAUSE) => {}
        }
        let asked = Instant::now();
        match timeout(PAUSE, renew(db, lease, holder)).await {
            Ok(Ok(true)) => valid_until = asked + TERM,
            Ok(Err(_)) | Err(_) if Instant::now() < valid_until => {}
            Ok(Ok(false) | Err(_)) | Err(_) => break,
        }
    }
    lost.cancel();
    std::future::pending::<()>().await;
}

/// Takes the lease when it is free, or has passed, or is ours already.
async fn acquire(db: &PgPool, name: &str, holder: Uuid) -> sqlx::Result<Option<Lease>> {
    let epoch = sqlx::query_scalar!(
        "INSERT INTO leases AS l (name, holder, epoch, expires_at)
         VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (name) DO UPDATE
         SET holder = excluded.holder, epoch = l.epoch + 1, expires_at = excluded.expires_at
         WHERE l.expires_at < clock_timestamp() OR l.holder = excluded.holder
         RETURNING epoch",
        name,
        holder,
        TERM.as_secs_f64()
    )
    .fetch_optional(db)
    .await?;
    Ok(epoch.map(|epoch| Lease { name: name.to_owned(), epoch }))
}

async fn renew(db: &PgPool, lease: &Lease, holder: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => $4)
         WHERE name = $1 AND holder = $2 AND epoch = $3",
        lease.name,
        holder,
        lease.epoch,
        TERM.as_secs_f64()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the lease now, so that the next holder need not wait. Best effort: it ends by itself.
async fn release(db: &PgPool, lease: &Lease, holder: Uuid) {
    let released = sqlx::query!(
        "UPDATE leases SET expires_at = clock_timestamp()
         WHERE name = $1 AND holder = $2 AND epoch = $3",
        lease.name,
        holder,
        lease.epoch
    )
    .execute(db);
    if !matches!(timeout(PAUSE, released).await, Ok(Ok(_))) {
        tracing::debug!(name = lease.name, "lease could not be given up; it ends by itself");
    }
}
