//! What processes use: processor time and memory, as Linux counts them.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgPool;

use crate::Outcome;
use crate::servers::{Parlance, Servers};

/// Linux counts processor time in hundredths of a second for user space, on every machine that
/// Parlance is built for.
const TICK: Duration = Duration::from_millis(10);

/// Processor time used so far, by process.
pub(crate) struct Usage(BTreeMap<u32, (String, Duration)>);

impl Usage {
    /// Of everything that takes part in a send. PostgreSQL's part is known only when it runs on this
    /// machine.
    pub(crate) async fn now(db: &PgPool, servers: &Servers, parlance: &Parlance) -> Outcome<Self> {
        let mut processes = vec![
            (parlance.pid, "parlance".to_owned()),
            (std::process::id(), "load generator".to_owned()),
        ];
        processes.extend(servers.nats_pid().map(|it| (it, "nats-server".to_owned())));
        let backends: Vec<(i32, String)> = sqlx::query_as(
            "SELECT pid,
                    CASE
                        WHEN backend_type <> 'client backend' THEN 'postgres: background'
                        WHEN query LIKE '%append_events(%' THEN 'postgres: append'
                        ELSE 'postgres: other connections'
                    END
             FROM pg_stat_activity",
        )
        .fetch_all(db)
        .await?;
        for (pid, what) in backends {
            processes.push((u32::try_from(pid)?, what));
        }
        let used = |(pid, what)| Some((pid, (what, processor_time(pid)?)));
        Ok(Self(processes.into_iter().filter_map(used).collect()))
    }

    /// What was used since `before`, added up by kind. What a process used before it was first seen
    /// counts.
    pub(crate) fn since(&self, before: &Self) -> BTreeMap<String, Duration> {
        let mut sums = BTreeMap::new();
        for (pid, (what, used)) in &self.0 {
            let earlier = before.0.get(pid).map_or(Duration::ZERO, |(_, used)| *used);
            *sums.entry(what.clone()).or_default() += used.saturating_sub(earlier);
        }
        sums
    }
}

/// Processor time of a process so far.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may hold anything: the state, and eleven fields on, user and system time.
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * (user + system))
}

/// Memory of a process, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Everything in physical memory.
    pub(crate) resident: f64,
    /// The same, shared pages divided by those who share them.
    pub(crate) proportional: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Outcome<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Ok(Self { resident: field(&text, "Rss:")?, proportional: field(&text, "Pss:")? })
    }
}

fn field(text: &str, name: &str) -> Outcome<f64> {
    let line = text.lines().find_map(|it| it.strip_prefix(name));
    let kibibytes = line.and_then(|it| it.trim().strip_suffix(" kB")).ok_or("no such field")?;
    Ok(kibibytes.trim().parse::<f64>()? / 1024.0)
}
