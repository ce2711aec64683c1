//! Load over HTTP, and what becomes of it.

use std::time::Duration;

use domain::ChatId;
use testing::FirestoreDouble;
use tokio_util::sync::CancellationToken;

use super::{Bench, LAG_MOST, WARM_UP};
use crate::kinds::Kind;
use crate::people::{CHATS, Lane, People};
use crate::processes::Usage;
use crate::reads::{self, Depths};
use crate::relay::{READ_MODELS, RELAY, behind, catch_up};
use crate::report::{Side, percentiles, thousands, together};
use crate::sends::{Load, as_fast_as_possible};
use crate::servers::Parlance;
use crate::{Outcome, live, mirror, paced, pgbench, pushes};

/// What is asked of the ratio.
const SENDS_LEAST: f64 = 0.5;

/// How long messages of one type are sent: a file may stand in 1,000 messages.
const ROUND_OF_A_KIND: Duration = Duration::from_secs(2);

/// Where the load goes.
#[derive(Clone, Copy)]
enum Target {
    ManyChats,
    OneChat,
}

impl Bench {
    /// What a process that comes back has to push, and how long a lone message takes.
    pub(super) async fn pushes(&mut self, people: &People) -> Outcome<()> {
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
    pub(super) async fn sends(
        &mut self,
        parlance: &Parlance,
        people: &People,
        log: &str,
    ) -> Outcome<()> {
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
    pub(super) async fn kinds(&mut self, parlance: &Parlance, people: &People) -> Outcome<()> {
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

    /// Pages of the long chat, and a device that has missed a part of it.
    pub(super) async fn reads(
        &mut self,
        parlance: &Parlance,
        people: &People,
        chat: ChatId,
    ) -> Outcome<()> {
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
        self.resume(parlance, token, chat).await
    }

    /// The same over a socket, of a process that has not told it anything before.
    async fn resume(&mut self, parlance: &Parlance, token: &str, chat: ChatId) -> Outcome<()> {
        let since = reads::missed_since(&self.database.pool, chat).await?.to_string();
        for _ in 0..self.scale.rounds {
            let done = live::resume(parlance.addr, token, &since).await?;
            self.report.fact(format!(
                "a device that was away came back over a socket and was told {} changes, {:.2} MB, in {:.2} s",
                thousands(done.frames as f64),
                done.bytes as f64 / 1e6,
                done.elapsed.as_secs_f64()
            ));
        }
        Ok(())
    }

    pub(super) async fn paced(&mut self, parlance: &Parlance, people: &People) -> Outcome<()> {
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
    pub(super) async fn mirror(&mut self, people: &mut People) -> Outcome<()> {
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
        let lanes = || people.lanes_of_few(senders, recipients, &self.ids);
        paced::steadily(parlance.addr, lanes(), WARM_UP).await?;
        let before = mirror::Before::now(&double);
        let paced = paced::steadily(parlance.addr, lanes(), self.scale.paced).await?;
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
}
