//! Leases: one holder at a time, and another one soon after it is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use eventlog::lease::while_held;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::log::Log;

/// Counts who works at a time.
fn hold(
    db: PgPool,
    holder: u128,
    working: Arc<AtomicU32>,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while_held(&db, "it", Uuid::from_u128(holder), &stop, |_, lost| {
            let working = Arc::clone(&working);
            async move {
                assert_eq!(working.fetch_add(1, Ordering::SeqCst), 0, "two holders at once");
                lost.cancelled().await;
                working.fetch_sub(1, Ordering::SeqCst);
            }
        })
        .await;
    })
}

async fn until(working: &AtomicU32, wanted: u32) {
    while working.load(Ordering::SeqCst) != wanted {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_lease_that_is_given_up_passes_on() {
    let log = Log::create().await;
    let working = Arc::new(AtomicU32::new(0));
    let (first_stop, stop) = (CancellationToken::new(), CancellationToken::new());
    let first = hold(log.db.clone(), 1, Arc::clone(&working), first_stop.clone());
    until(&working, 1).await;
    let second = hold(log.db.clone(), 2, Arc::clone(&working), stop.clone());
    first_stop.cancel();
    first.await.expect("the first ends");
    let released = Instant::now();
    until(&working, 1).await;
    assert!(released.elapsed() < Duration::from_secs(2));
    stop.cancel();
    second.await.expect("the second ends");
}

#[tokio::test]
async fn a_holder_that_vanished_is_replaced_within_five_seconds() {
    let log = Log::create().await;
    let dead = sqlx::query(
        "INSERT INTO leases VALUES ('it', $1, 41, clock_timestamp() + interval '3 seconds')",
    );
    dead.bind(Uuid::from_u128(9)).execute(&log.db).await.expect("a dead holder");
    let working = Arc::new(AtomicU32::new(0));
    let stop = CancellationToken::new();
    let vanished = Instant::now();
    let successor = hold(log.db.clone(), 1, Arc::clone(&working), stop.clone());
    until(&working, 1).await;
    let after = vanished.elapsed();
    assert!(after > Duration::from_millis(2_500) && after < Duration::from_secs(5), "{after:?}");
    let epoch: i64 =
        sqlx::query_scalar("SELECT epoch FROM leases").fetch_one(&log.db).await.expect("a row");
    assert_eq!(epoch, 42, "the epoch grows with the holder");
    stop.cancel();
    successor.await.expect("it ends");
}

#[tokio::test]
async fn a_holder_whose_lease_was_taken_is_told() {
    let log = Log::create().await;
    let working = Arc::new(AtomicU32::new(0));
    let stop = CancellationToken::new();
    let holder = hold(log.db.clone(), 1, Arc::clone(&working), stop.clone());
    until(&working, 1).await;
    sqlx::query("UPDATE leases SET holder = $1, epoch = epoch + 1, expires_at = 'infinity'")
        .bind(Uuid::from_u128(2))
        .execute(&log.db)
        .await
        .expect("taken");
    tokio::time::timeout(Duration::from_secs(3), until(&working, 0)).await.expect("it is told");
    stop.cancel();
    holder.await.expect("it ends");
}
