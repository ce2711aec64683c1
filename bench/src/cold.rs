//! Loading a long chat that is in nobody's memory, through its snapshot.

use domain::chat::Chat;
use eventlog::database::{self, Role};
use eventlog::{Codec, MasterKey, load, snapshot};
use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::Outcome;
use crate::database::Database;
use crate::sends::{histogram, micros};

/// Saves a snapshot of the chat at its newest version.
pub(crate) async fn save(database: &Database, codec: &Codec, id: &str) -> Outcome<()> {
    let loaded = load::load::<Chat>(&database.pool, codec, id).await?;
    let (state, version, position) = (&loaded.state, loaded.version, loaded.position);
    snapshot::save(&database.pool, codec, id, state, version, position).await?;
    Ok(())
}

/// Loads the chat `times` times, each time with a fresh pool and codec: no statement is prepared and
/// no key in memory. Only connecting is left out.
pub(crate) async fn loads(
    database: &Database,
    master: &MasterKey,
    id: &str,
    (version, tail): (i64, i64),
    times: usize,
) -> Outcome<Histogram<u64>> {
    let mut latency = histogram()?;
    for _ in 0..times {
        let pool = database::pool(database.options.clone(), Role::App, 1);
        drop(pool.acquire().await?);
        let codec = Codec::new(pool.clone(), master.clone());
        let since = Instant::now();
        let loaded = load::load::<Chat>(&pool, &codec, id).await?;
        latency.record(micros(since.elapsed()))?;
        if loaded.version != version || loaded.version - loaded.snapshot != tail {
            let (is, from) = (loaded.version, loaded.snapshot);
            return Err(format!("loaded version {is} from a snapshot of {from}").into());
        }
        pool.close().await;
    }
    Ok(latency)
}
