//! People who are connected.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use super::{Bench, LAG_MOST};
use crate::live::{self, Came, Crowd, Device};
use crate::people::{self, Lane, People};
use crate::processes::{Memory, Usage};
use crate::relay::{READ_MODELS, catch_up};
use crate::report::{percentiles, thousands};
use crate::servers::Parlance;
use crate::{Outcome, paced};

/// The most connections that a person may have.
const PER_PERSON: usize = 50;

/// Devices of each person of the crowd.
const DEVICES: usize = 5;

impl Bench {
    /// From a process that has served these people for a while, to the one that comes after it.
    pub(super) async fn live(&mut self, parlance: Parlance, people: &People) -> Outcome<()> {
        self.deliver(&parlance, people).await?;
        self.fan_out(&parlance, people).await?;
        self.crowd(parlance, people).await
    }

    async fn deliver(&mut self, parlance: &Parlance, people: &People) -> Outcome<()> {
        self.database.settle().await?;
        let (db, lanes) = (&self.database.pool, people.lanes(&self.ids));
        let done = live::deliver(db, parlance.addr, people, lanes, self.scale.paced).await?;
        let rate = thousands(f64::from(paced::RATE));
        let what = format!("commit → the other person's socket, at {rate} sends/s");
        self.report.times(&what, &done.latency, Some(LAG_MOST));
        let what = format!("a send, from when it is due, at {rate} sends/s, everybody connected");
        self.report.times(&what, &done.paced.sends, None);
        let (told, looks) = (thousands(done.latency.len() as f64), percentiles(Some(&done.looks)));
        self.report.fact(format!(
            "each of {told} messages was told its recipient once and in order; the log was looked at every \
             {looks} ms (p50 / p99)"
        ));
        Ok(())
    }

    /// Two people with as many devices as they may have, then everybody with one.
    async fn fan_out(&mut self, front: &Parlance, people: &People) -> Outcome<()> {
        let two = || people.senders().take(1).chain(people.recipients().take(1));
        let many = two().flat_map(|it| std::iter::repeat_n(it, PER_PERSON)).collect();
        let lanes = people.lanes_to_one(&self.ids);
        self.fan_out_to("one chat of two people with 50 connections each", front, many, lanes)
            .await?;
        let everybody = people.senders().chain(people.recipients()).collect();
        let lanes = people.lanes(&self.ids);
        self.fan_out_to("many chats of people with one connection each", front, everybody, lanes)
            .await
    }

    async fn fan_out_to(
        &mut self,
        what: &str,
        front: &Parlance,
        tokens: Vec<&str>,
        lanes: Vec<Lane>,
    ) -> Outcome<()> {
        self.database.settle().await?;
        let node = self.servers.serve_beside(&self.database, "api").await?;
        let length = self.scale.paced / 2;
        let done = live::fan_out(front, &node, tokens, lanes, length).await?;
        node.stop().await?;
        let rate = thousands(done.told as f64 / length.as_secs_f64());
        let (of_a_core, sends) = (thousands(done.rate_of_a_core()), f64::from(paced::RATE));
        self.report.fact(format!(
            "messages told by a node that does nothing else, {} sends/s into {what}: {rate}/s for {:.0} % of a \
             core, so {of_a_core}/s on one",
            thousands(sends),
            100.0 * done.used.as_secs_f64() / length.as_secs_f64()
        ));
        Ok(())
    }

    /// Very many who only listen, and who all come back at once when their server stops.
    async fn crowd(&mut self, parlance: Parlance, people: &People) -> Outcome<()> {
        let tokens = people::strangers(parlance.addr, self.scale.crowd).await?;
        parlance.stop().await?;
        // What it takes for connections is not to be told from what it has left of other work.
        let parlance = self.servers.serve(&self.database, "api,relay,projectors").await?;
        let devices = |tokens: &[String], each: usize| -> Vec<_> {
            tokens.iter().flat_map(|it| (0..each).map(|_| Device::new(it))).collect()
        };
        let (some, others) = tokens.split_at(tokens.len() / 2);
        let (mut crowd, mut memory) = (Crowd::default(), vec![self.at_rest(&parlance).await?]);
        // The first pay for what the process takes once.
        for devices in [devices(some, 1), devices(others, 1), devices(&tokens, DEVICES - 1)] {
            self.came("connected", &crowd.join(parlance.addr, devices).await?);
            memory.push(self.at_rest(&parlance).await?);
        }
        self.cost(&parlance, &memory).await?;

        parlance.stop().await?;
        let devices = crowd.told_to_go().await?;
        let parlance = self.servers.serve(&self.database, "api,relay,projectors").await?;
        self.while_away(parlance.addr, people).await?;
        let mut crowd = Crowd::default();
        let came = crowd.join(parlance.addr, devices).await?;
        self.came("came back to a process that had just started, at once, and caught up", &came);
        crowd.leave().await?;
        parlance.stop().await
    }

    /// Memory of the server once it has nothing to do.
    async fn at_rest(&self, parlance: &Parlance) -> Outcome<Memory> {
        sleep(self.scale.rest).await;
        Memory::of(parlance.pid)
    }

    /// What connections cost that nothing is told.
    async fn cost(&mut self, parlance: &Parlance, memory: &[Memory]) -> Outcome<()> {
        let db = &self.database.pool;
        let before = Usage::now(db, &self.servers, parlance).await?;
        sleep(self.scale.rest).await;
        let used = Usage::now(db, &self.servers, parlance).await?.since(&before);
        let each = |used: &Duration| 100.0 * used.as_secs_f64() / self.scale.rest.as_secs_f64();
        let used: Vec<_> =
            used.iter().map(|(who, it)| format!("{who} {:.1} %", each(it))).collect();
        let (people, all) = (self.scale.crowd, self.scale.crowd * DEVICES);
        let per = |from: usize, to: usize, count: usize| {
            let at = |step: usize| memory.get(step).map_or(0.0, |it| it.resident);
            (at(to) - at(from)) * 1_048_576.0 / 1e3 / count as f64
        };
        self.report.fact(format!(
            "{} idle connections of {} people: {:.1} kB of the server's memory (RSS) each (asked: ≤ 20). \
             Without what the first {} took, among it what a process takes once: {:.1} for the first of a \
             person, {:.1} for another",
            thousands(all as f64),
            thousands(people as f64),
            per(0, 3, all),
            thousands((people / 2) as f64),
            per(1, 2, people - people / 2),
            per(2, 3, all - people)
        ));
        self.report.fact(format!("of a core, with those connections at rest: {}", used.join(", ")));
        Ok(())
    }

    fn came(&mut self, what: &str, came: &Came) {
        let (count, times) = (thousands(came.each.len() as f64), percentiles(Some(&came.each)));
        self.report.fact(format!(
            "{count} devices {what} in {:.2} s, each within {times} ms (p50 / p99); {} attempts were refused",
            came.elapsed.as_secs_f64(),
            came.refused
        ));
    }

    /// Something happens, so that who comes back cannot be told from memory that they missed nothing.
    async fn while_away(&self, addr: SocketAddr, people: &People) -> Outcome<()> {
        let lanes = people.lanes_of_few(1, 1, &self.ids);
        paced::steadily(addr, lanes, Duration::from_millis(100)).await?;
        catch_up(&self.database.pool, &READ_MODELS).await.map(drop)
    }
}
