//! The virus scanner: a real one, that knows one virus.

use commands::ScannerAddress;
use domain::library::{Rejection, Stage};
use testing::Clamd;

use super::Storage;
use super::storage::noise;
use crate::policies::World;

/// A world that scans; nothing, where no scanner could be installed.
async fn scanning() -> Option<(World, Clamd)> {
    let Some(clamd) = Clamd::start().await else {
        eprintln!("NOT RUN: there is no clamd (PARLANCE_TEST_CLAMD is empty)");
        return None;
    };
    let address = ScannerAddress::Tcp(clamd.address());
    let world = World::with(Storage::Embedded, |settings| settings.scanner = Some(address)).await;
    Some((world, clamd))
}

#[tokio::test]
async fn what_is_infected_is_rejected() {
    let Some((world, _clamd)) = scanning().await else { return };
    let _policies = world.run_policies();
    let infected = world.upload(Clamd::harmless_virus().as_bytes(), "text/plain").await;
    let clean = world.upload(&noise(300_000), "application/zip").await;
    world.until_stage(infected, Stage::Rejected(Rejection::Infected)).await;
    world.until_stage(clean, Stage::Published).await;
}

/// Neither published nor rejected: the operator has to let the scanner read more.
#[tokio::test]
async fn what_the_scanner_does_not_read_is_not_published() {
    let Some((world, _clamd)) = scanning().await else { return };
    let _policies = world.run_policies();
    let large = world.upload(&noise(Clamd::STREAM_MAX * 2), "application/zip").await;
    let failed = "SELECT count(*) FROM policy_work WHERE attempts > 0";
    world
        .until("failed", async || {
            let failed: i64 =
                sqlx::query_scalar(failed).fetch_one(&world.db()).await.expect("count");
            failed == 1
        })
        .await;
    let small = world.upload(b"small", "text/plain").await;
    world.until_stage(small, Stage::Published).await;
    assert_eq!(world.file(large).await.expect("it is there").stage, Stage::Completed);
}
