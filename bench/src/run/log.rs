//! What is done with the log as a whole: it is filled, carried on, rebuilt from and loaded from.

use std::sync::Arc;

use domain::AccountId;
use eventlog::Append;

use super::Bench;
use crate::append::{self, BATCH};
use crate::history::{Conversation, History, Maker};
use crate::relay::{READ_MODELS, RELAY, catch_up};
use crate::report::{Side, thousands};
use crate::{Outcome, cold, rebuild, rows};

/// What is asked of the ratios, and of times in words.
const APPEND_LEAST: f64 = 0.5;
const REBUILD_LEAST: f64 = 0.2;
const LOAD_MOST: &str = "≤ 10 ms";

/// Rebuilds of a run: each takes long, and they differ little.
const REBUILDS: usize = 2;

/// Events behind the newest snapshot of a long chat, at most: see `eventlog::snapshot::is_due`.
const TAIL_PART: usize = 100;

impl Bench {
    /// Fills the log through the library, by turns with the same rows inserted bare.
    pub(super) async fn fill(&mut self, reader: AccountId) -> Outcome<(Maker, Conversation)> {
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
    pub(super) async fn catch_up(&mut self) -> Outcome<()> {
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

    pub(super) async fn rebuild(&mut self) -> Outcome<()> {
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

    pub(super) async fn load_cold(
        &mut self,
        (maker, mut chat): (Maker, Conversation),
    ) -> Outcome<()> {
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
}
