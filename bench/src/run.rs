//! One run, from an empty log to the report.

use std::sync::Arc;
use std::time::Duration;

use domain::{AccountId, ChatId};
use eventlog::{Append, Codec, Ids, MasterKey};
use secrecy::SecretString;
use testing::FirestoreDouble;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::append::{self, BATCH};
use crate::database::Database;
use crate::history::{Conversation, History, Maker};
use crate::kinds::Kind;
use crate::people::{CHATS, Lane, People, SENDERS};
use crate::processes::{Memory, Usage};
use crate::reads::{self, Depths};
use crate::relay::{READ_MODELS, RELAY, behind, catch_up};
use crate::report::{Report, Side, percentiles, thousands, together};
use crate::scale::Scale;
use crate::sends::{Load, as_fast_as_possible};
use crate::servers::{MASTER_KEY, Parlance, Programs, Servers};
use crate::{Outcome, cold, mirror, paced, pgbench, pushes, rebuild, rows};

/// What is asked of the ratios, and of times in words.
const SENDS_LEAST: f64 = 0.5;
const APPEND_LEAST: f64 = 0.5;
const REBUILD_LEAST: f64 = 0.2;
const LAG_MOST: &str = "p99 ≤ 50 ms";
const LOAD_MOST: &str = "≤ 10 ms";

/// Rebuilds of a run: each takes long, and they differ little.
const REBUILDS: usize = 2;

/// Before the first measurement, so that it does not pay for first times.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long messages of one type are sent: a file may stand in 1,000 messages.
const ROUND_OF_A_KIND: Duration = Duration::from_secs(2);

/// Events behind the newest snapshot of a long chat, at most: see `eventlog::snapshot::is_due`.
const TAIL_PART: usize = 100;

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

/// Where the load goes.
#[derive(Clone, Copy)]
enum Target {
    ManyChats,
    OneChat,
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
        parlance.stop().await?;
        self.mirror(&mut people).await
    }

    /// What a process that comes back has to push, and how long a lone message takes.
    async fn pushes(&mut self, people: &People) -> Outcome<()> {
        let mut rates = vec![];
        for _ in 0..self.scale.rounds {
            let lanes = people.lanes(&self.ids);
            rates.push(pushes::backlog(&mut self.servers, &self.database, lanes).await?);
        }
        let what = format!("pushes of a backlog of {CHATS}, one a chat");
        self.report.rate(&what, &Side::new(rates, None));
        let lanes = people.lanes(&self.ids);
        let times = pushes::lone(&mut self.servers, &self.database, lanes).await?;
        self.report.times("from sending a message to FCM's having it", &times, None);
        Ok(())
    }

    /// Sends against single-row inserts, by turns.
    async fn sends(&mut self, parlance: &Parlance, people: &People, log: &str) -> Outcome<()> {
        let (mut many, mut one, mut bare) = (vec![], vec![], vec![]);
        for _ in 0..self.scale.rounds {
            let lanes = people.lanes(&self.ids);
            let what = format!("a send to many chats, {log}");
            many.push(self.send(parlance, lanes, self.scale.round, &what).await?);
            bare.push(pgbench::single_rows(&self.database, &self.servers, self.scale).await?);
            let lanes = people.lanes_to_one(&self.ids);
            let what = format!("a send to one chat, {log}");
            one.push(self.send(parlance, lanes, self.scale.round, &what).await?);
        }
        let bare = Side::new(
            bare.iter().map(|it| it.rate).collect(),
            together(bare.iter().map(|it| &it.latency)),
        );
        for (loads, target) in [(many, Target::ManyChats), (one, Target::OneChat)] {
            let side = Side::new(
                loads.iter().map(Load::rate).collect(),
                together(loads.iter().map(|it| &it.latency)),
            );
            let what = match target {
                Target::ManyChats => format!("sends over HTTP, {CHATS} chats, {log}"),
                Target::OneChat => format!("sends over HTTP, one chat, {log}"),
            };
            self.report.compare(&what, &side, &bare, Some(SENDS_LEAST));
        }
        Ok(())
    }

    /// Messages of each type, by turns.
    async fn kinds(&mut self, parlance: &Parlance, people: &People) -> Outcome<()> {
        for kind in Kind::ALL {
            let lanes = people.lanes_of(kind, parlance.addr, &self.ids).await?;
            let what = format!("a send of {}", kind.name());
            let load = self.send(parlance, lanes, ROUND_OF_A_KIND, &what).await?;
            let side = Side::new(vec![load.rate()], Some(load.latency));
            self.report.rate(&format!("{} over HTTP, {CHATS} chats", kind.name()), &side);
        }
        Ok(())
    }

    /// One round of sends. What they left for the relay and the projectors to do is done before the
    /// next measurement begins, and told.
    async fn send(
        &mut self,
        parlance: &Parlance,
        lanes: Vec<Lane>,
        length: Duration,
        what: &str,
    ) -> Outcome<Load> {
        let db = &self.database.pool;
        self.database.settle().await?;
        let before = Usage::now(db, &self.servers, parlance).await?;
        let load = as_fast_as_possible(parlance.addr, lanes, length).await?;
        let used = Usage::now(db, &self.servers, parlance).await?.since(&before);
        let left = behind(db, &READ_MODELS).await?;
        catch_up(db, &READ_MODELS).await?;
        catch_up(db, &RELAY).await?;
        self.database.settle().await?;
        self.report.usage(what, &used, load.count);
        let rate = thousands(load.rate());
        self.report.fact(format!("after {rate}/s of that, read models were {left} events behind"));
        Ok(load)
    }

    /// Fills the log through the library, by turns with the same rows inserted bare.
    async fn fill(&mut self, reader: AccountId) -> Outcome<(Maker, Conversation)> {
        let mut history = History::new();
        let registrations = history.registrations(&self.codec).await?;
        append::through_the_library(self.database.options.clone(), registrations).await?;

        let (maker, mut chat) = history.long_chat(reader)?;
        let opened_and_sent = self.scale.long_chat + 1;
        let appends = maker.steps(&self.codec, &mut chat, opened_and_sent).await?;
        let (ours, theirs) = self.turn(appends).await?;
        let what = format!("append through the library, batches of {BATCH} commands, one chat");
        self.report.compare(&what, &ours, &theirs, Some(APPEND_LEAST));

        let (mut ours, mut theirs) = (vec![], vec![]);
        while ours.is_empty() || self.head().await? < self.scale.events as f64 {
            let appends = history.next(&self.codec, self.scale.turn).await?;
            let (our, their) = self.turn(appends).await?;
            ours.push(our);
            theirs.push(their);
        }
        let what = format!("append through the library, batches of {BATCH} commands, 1,000 chats");
        let (ours, theirs) = (Side::joined(ours), Side::joined(theirs));
        self.report.compare(&what, &ours, &theirs, Some(APPEND_LEAST));
        Ok((maker, chat))
    }

    async fn turn(&mut self, appends: Vec<Append>) -> Outcome<(Side, Side)> {
        let options = &self.database.options;
        let appends = Arc::new(appends);
        self.database.settle().await?;
        let theirs = rows::bare(options.clone(), Arc::clone(&appends)).await?;
        let appends = Arc::try_unwrap(appends).map_err(|_| "the rows are still in use")?;
        self.database.settle().await?;
        let ours = append::through_the_library(options.clone(), appends).await?;
        let side = |it: append::Written| Side::new(vec![it.rate()], Some(it.latency));
        Ok((side(ours), side(theirs)))
    }

    /// The relay, then the projectors, each alone with the backlog that the filling left.
    async fn catch_up(&mut self) -> Outcome<()> {
        for (role, names, what) in [
            ("relay", RELAY.as_slice(), "relay to JetStream, catching up"),
            ("projectors", READ_MODELS.as_slice(), "live projectors, catching up"),
        ] {
            self.database.settle().await?;
            let parlance = self.servers.serve(&self.database, role).await?;
            let done = catch_up(&self.database.pool, names).await?;
            parlance.stop().await?;
            self.report.rate(what, &Side::new(vec![done.rate()], None));
        }
        Ok(())
    }

    async fn rebuild(&mut self) -> Outcome<()> {
        let events = self.head().await?;
        let (mut ours, mut theirs) = (vec![], vec![]);
        for _ in 0..REBUILDS.min(self.scale.rounds) {
            self.database.settle().await?;
            theirs.push(events / rebuild::copy_out(&self.database).await?.as_secs_f64());
            let rebuilt = rebuild::of_everything(&self.database, &self.servers).await?;
            ours.push(events / rebuilt.as_secs_f64());
        }
        let (ours, theirs) = (Side::new(ours, None), Side::new(theirs, None));
        let what = "rebuild of all read models ÷ ordered COPY";
        self.report.compare(what, &ours, &theirs, Some(REBUILD_LEAST));
        Ok(())
    }

    async fn load_cold(&mut self, (maker, mut chat): (Maker, Conversation)) -> Outcome<()> {
        let id = chat.id.to_string();
        cold::save(&self.database, &self.codec, &id).await?;
        let messages = thousands(self.scale.long_chat as f64);
        let tail = self.scale.long_chat / TAIL_PART - 1;
        let mut version = i64::try_from(self.scale.long_chat)? + 1;
        let (database, master, times) = (&self.database, &self.master, self.scale.loads);
        let at_snapshot = cold::loads(database, master, &id, (version, 0), times).await?;

        let appends = maker.steps(&self.codec, &mut chat, tail).await?;
        append::through_the_library(self.database.options.clone(), appends).await?;
        let tail = i64::try_from(tail)?;
        version += tail;
        let behind = cold::loads(database, master, &id, (version, tail), times).await?;

        let what = format!("cold load of a chat of {messages} messages, snapshot at its head");
        self.report.times(&what, &at_snapshot, Some(LOAD_MOST));
        let what = format!("the same, {tail} events behind its snapshot (the most there can be)");
        self.report.times(&what, &behind, None);
        Ok(())
    }

    /// Pages of the long chat, and a device that has missed a part of it.
    async fn reads(&mut self, parlance: &Parlance, people: &People, chat: ChatId) -> Outcome<()> {
        let (db, token) = (&self.database.pool, people.reader()?.1);
        catch_up(db, &READ_MODELS).await?;
        self.database.settle().await?;
        let messages = thousands(self.scale.long_chat as f64);
        let depths = Depths::of(db, chat).await?;
        for (page, latency) in depths.read(parlance.addr, token, chat, self.scale.pages).await? {
            let what = format!("a page of 100 of a chat of {messages} messages: {page}");
            self.report.times(&what, &latency, Some("all alike"));
        }
        for _ in 0..self.scale.rounds {
            let done = reads::catch_up(db, parlance.addr, token, chat).await?;
            let changes = thousands(done.changes as f64);
            let seconds = done.elapsed.as_secs_f64();
            let what = format!("sync of {changes} changes in {seconds:.2} s, a page of 100");
            self.report.times(&what, &done.pages, None);
        }
        Ok(())
    }

    async fn paced(&mut self, parlance: &Parlance, people: &People) -> Outcome<()> {
        self.database.settle().await?;
        let stop = CancellationToken::new();
        let watching = tokio::spawn(paced::watch(self.database.pool.clone(), stop.clone()));
        let lanes = people.lanes(&self.ids);
        let paced = paced::steadily(parlance.addr, lanes, self.scale.paced).await;
        stop.cancel();
        let lag = watching.await??;
        let paced = paced?;
        let rate = thousands(f64::from(paced::RATE));
        let what = format!("commit → commit of the last read model, at {rate} sends/s");
        self.report.times(&what, &lag.latency, Some(LAG_MOST));
        let what =
            format!("answer to a send → answer to a read that must show it, at {rate} sends/s");
        self.report.times(&what, &paced.reads, None);
        let what = format!("a send, from when it is due, at {rate} sends/s");
        self.report.times(&what, &paced.sends, None);
        let looks = percentiles(Some(&lag.looks));
        self.report.fact(format!("the log was looked at every {looks} ms (p50 / p99)"));
        Ok(())
    }

    /// The steady load into few chats, and what becomes of their documents.
    async fn mirror(&mut self, people: &mut People) -> Outcome<()> {
        let double = FirestoreDouble::start().await;
        self.servers.settings = vec![
            ("FIRESTORE_PROJECT_ID", "bench".to_owned()),
            ("FIRESTORE_EMULATOR_HOST", double.host()),
        ];
        let parlance = self.servers.serve(&self.database, "api,relay,projectors").await?;
        people.refresh(parlance.addr).await?;
        let filled = mirror::settle(&self.database.pool).await?;
        let (documents, seconds) = (thousands(double.all_writes() as f64), filled.as_secs());
        self.report.fact(format!("Firestore was filled with {documents} documents in {seconds} s"));

        let (senders, recipients) = (mirror::SENDERS, mirror::RECIPIENTS);
        let chats = people.chats_of_few(senders, recipients);
        let lanes = people.lanes_of_few(senders, recipients, &self.ids);
        let before = mirror::Before::now(&double);
        let paced = paced::steadily(parlance.addr, lanes, self.scale.paced).await?;
        let writes = before.since(&double, &chats);
        let settled = mirror::settle(&self.database.pool).await?;
        let verified = mirror::verify(&self.servers, &self.database).await?;

        let (rate, count) = (thousands(f64::from(paced::RATE)), chats.len());
        let what =
            format!("a send, from when it is due, at {rate} sends/s into {count} chats, mirrored");
        self.report.times(&what, &paced.sends, None);
        let [least, mean, most] = writes.rates;
        self.report.fact(format!(
            "at that rate the document of a chat was written {mean:.2} times a second ({least:.2} to \
             {most:.2}), never sooner than {} ms after the last time; all documents {:.0} times a second, \
             in {} commits",
            writes.shortest_pause.as_millis(),
            writes.all,
            writes.commits
        ));
        let millis = settled.as_millis();
        self.report.fact(format!(
            "{millis} ms after the load, Firestore was what it should be: {verified}"
        ));
        parlance.stop().await
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
