//! One run, from an empty log to the report.

mod live;
mod load;
mod log;

use std::time::Duration;

use eventlog::{Codec, Ids, MasterKey};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::database::Database;
use crate::people::{CHATS, People, SENDERS};
use crate::processes::Memory;
use crate::relay::{READ_MODELS, catch_up};
use crate::report::{Report, thousands};
use crate::scale::Scale;
use crate::sends::as_fast_as_possible;
use crate::servers::{MASTER_KEY, Parlance, Programs, Servers};

/// What is asked of the time until what was committed is to be seen, in words.
const LAG_MOST: &str = "p99 ≤ 50 ms";

/// Before the first measurement, so that it does not pay for first times.
const WARM_UP: Duration = Duration::from_secs(2);

pub(crate) async fn run(admin_url: &str, programs: Programs, scale: Scale) -> Outcome<()> {
    let since = Instant::now();
    let database = Database::create(admin_url).await?;
    let servers = Servers::start(programs).await?;
    let mut bench = Bench::new(database, servers, scale)?;
    bench.report.fact(machine());
    bench.report.fact(bench.database.describe().await?);
    bench.measure().await?;
    let Bench { database, mut report, .. } = bench;
    report.fact(format!("the run took {} s", since.elapsed().as_secs()));
    database.drop().await?;
    report.print();
    Ok(())
}

struct Bench {
    database: Database,
    servers: Servers,
    scale: Scale,
    report: Report,
    ids: Ids,
    master: MasterKey,
    codec: Codec,
}

impl Bench {
    fn new(database: Database, servers: Servers, scale: Scale) -> Outcome<Self> {
        let master = MasterKey::from_base64(&SecretString::from(MASTER_KEY))?;
        let codec = Codec::new(database.pool.clone(), master.clone());
        let (report, ids) = (Report::default(), Ids::random());
        Ok(Self { database, servers, scale, report, ids, master, codec })
    }

    async fn measure(&mut self) -> Outcome<()> {
        let parlance = self.servers.serve(&self.database, "api,relay,projectors").await?;
        let mut people = People::register(parlance.addr).await?;
        people.register_phones(parlance.addr, &self.ids).await?;
        parlance.stop().await?;
        self.pushes(&people).await?;

        let parlance = self.servers.serve(&self.database, "api,relay,projectors").await?;
        as_fast_as_possible(parlance.addr, people.lanes(&self.ids), WARM_UP).await?;
        self.sends(&parlance, &people, "empty log").await?;
        parlance.stop().await?;

        let long_chat = self.fill(people.reader()?.0).await?;
        let long_id = long_chat.1.id;
        self.catch_up().await?;
        self.rebuild().await?;
        self.load_cold(long_chat).await?;

        let parlance = self.servers.serve(&self.database, "api,relay,projectors").await?;
        people.refresh(parlance.addr).await?;
        self.reads(&parlance, &people, long_id).await?;
        let full = format!("log of {} events", thousands(self.head().await?));
        self.sends(&parlance, &people, &full).await?;
        self.kinds(&parlance, &people).await?;
        self.paced(&parlance, &people).await?;
        self.memory(&parlance).await?;
        people.refresh(parlance.addr).await?;
        self.live(parlance, &people).await?;
        self.mirror(&mut people).await
    }

    async fn memory(&mut self, parlance: &Parlance) -> Outcome<()> {
        catch_up(&self.database.pool, &READ_MODELS).await?;
        sleep(self.scale.rest).await;
        let memory = Memory::of(parlance.pid)?;
        let events = thousands(self.head().await?);
        self.report.fact(format!(
            "memory of the server, idle for {} s after {SENDERS} connections, {CHATS} chats, {events} events \
             in the log: {:.0} MiB resident (RSS), {:.0} MiB proportional (PSS)",
            self.scale.rest.as_secs(), memory.resident, memory.proportional
        ));
        Ok(())
    }

    async fn head(&self) -> Outcome<f64> {
        Ok(eventlog::read::head(&self.database.pool).await?.0 as f64)
    }
}

/// What a reader of the numbers wants to know of the machine.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|it| it.starts_with(name));
        let value = line.and_then(|it| it.split_once(':')).map(|(_, value)| value.trim());
        value.unwrap_or("unknown").to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processor = field(&read("/proc/cpuinfo"), "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    format!("{cores} cores of {processor}, {memory}, load average at the start {load}")
}
