//! From marks to documents: the half of the mirror that writes.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::content::{self, Contents};
use super::document::{Fields, Key};
use super::lanes::{Ended, Lanes};
use super::pace::{ATTEMPTS_MAX, Ramp, wait};
use super::presence;
use super::queue::{self, Due, Failed, Written};
use super::remote::{Change, Found, Remote, RemoteError, Write};
use crate::runner::jitter;

/// Documents in one call: what Google's own writers take.
const BATCH: u32 = 20;

/// How often the table is asked what has come due. So late may anything be.
const TICK: Duration = Duration::from_millis(100);

/// How often it is told for how long documents have been waiting.
const TELL: Duration = Duration::from_secs(5);

/// Why nothing came of a batch.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("Firestore is away: {0}")]
    Away(String),
    #[error("another process has taken over")]
    TakenOver,
}

pub(super) struct Writer<'a> {
    pub(super) db: &'a PgPool,
    pub(super) remote: &'a Remote,
    /// Told when something was marked.
    pub(super) marked: &'a Notify,
    /// Of the lease under which it writes.
    pub(super) epoch: i64,
}

/// What one call is to do.
struct Plan<'a> {
    puts: Vec<(&'a Due, &'a Fields, i64)>,
    deletes: Vec<&'a Due>,
    /// Should not be there, and nobody knows whether they are.
    unknown: Vec<&'a Due>,
}

impl Writer<'_> {
    /// Writes what is due until `lost`. What is under way then is given up: whoever is next does it
    /// again.
    pub(super) async fn run(&self, lost: &CancellationToken) {
        let writing = async { tokio::join!(self.write_on(), self.tell_on()) };
        lost.run_until_cancelled(writing).await;
    }

    async fn write_on(&self) {
        let (mut ramp, mut lanes) = (Ramp::new(Instant::now()), Lanes::new());
        loop {
            // A little later there is room for a whole batch.
            while lanes.has_room() && ramp.room(Instant::now()) >= BATCH as usize {
                let under_way = lanes.under_way();
                let batch = lanes.beside(self.due(&under_way)).await;
                if batch.is_empty() || !lanes.has_room() {
                    break;
                }
                ramp.take(batch.len());
                lanes.begin(keys(&batch), self.attempt(batch));
            }
            tokio::select! {
                () = lanes.next() => {}
                () = self.marked.notified() => {}
                () = sleep(TICK) => {}
            }
        }
    }

    async fn tell_on(&self) {
        loop {
            self.tell().await;
            sleep(TELL).await;
        }
    }

    async fn tell(&self) {
        match queue::pending_seconds(self.db).await {
            Ok(seconds) => metrics::gauge!("parlance_firestore_pending_seconds").set(seconds),
            Err(error) => tracing::debug!(%error, "the mirror cannot tell how it is doing"),
        }
    }

    /// A batch to be written. What has failed before is tried alone: nobody else pays for it.
    async fn due(&self, under_way: &[Key]) -> Vec<Due> {
        match queue::due(self.db, under_way, i64::from(BATCH)).await {
            Ok(mut due) => {
                if due.first().is_some_and(|it| it.attempts > 0) {
                    due.truncate(1);
                } else {
                    due.retain(|it| it.attempts == 0);
                }
                due
            }
            Err(error) => {
                tracing::warn!(%error, "the mirror cannot see what is due");
                vec![]
            }
        }
    }

    async fn attempt(&self, batch: Vec<Due>) -> Ended {
        Ended { keys: keys(&batch), outcome: self.write(&batch).await }
    }

    /// Writes a batch, and notes what came of it.
    async fn write(&self, batch: &[Due]) -> Result<(), Trouble> {
        let keys = keys(batch);
        let contents = content::read(self.db, &keys).await?;
        let wanted: Vec<_> = keys.iter().map(|it| (it.clone(), contents.fields.get(it))).collect();
        let begun = queue::begin(self.db, self.epoch, &wanted).await?;
        let settled = self.settle(batch, &begun, &contents).await?;
        if begun.is_empty() && !settled && queue::is_taken_over(self.db, self.epoch, &keys).await? {
            return Err(Trouble::TakenOver);
        }
        let begun: Vec<_> = batch.iter().filter(|it| begun.contains(&it.key)).collect();
        let plan = Plan::of(&begun, &contents);
        self.forget(&plan.unknown).await?;
        let writes = plan.writes(self.epoch);
        if writes.is_empty() {
            return Ok(());
        }
        match self.remote.commit(writes).await {
            Ok(times) => {
                self.note(&plan, &times).await?;
                presence::told(self.db, plan.all().map(|it| &it.key), &contents).await?;
            }
            Err(RemoteError::Away(error)) => {
                count("away", begun.len() as u64);
                return Err(Trouble::Away(error));
            }
            Err(RemoteError::Conflict(error)) => self.look(&plan, &contents, &error).await?,
            Err(RemoteError::Passing(error)) => self.fail(&begun, &contents, &error, false).await?,
            Err(RemoteError::Refused(error)) => self.fail(&begun, &contents, &error, true).await?,
        }
        Ok(())
    }

    /// What was not begun is as Firestore has it, or another process's by now. Whether there is anything
    /// of which nothing is left to do: what was marked again has more.
    async fn settle(
        &self,
        batch: &[Due],
        begun: &[Key],
        contents: &Contents,
    ) -> Result<bool, Trouble> {
        let rest = batch.iter().filter(|it| !begun.contains(&it.key));
        let (same, gone): (Vec<_>, Vec<_>) =
            rest.partition(|it| contents.fields.contains_key(&it.key));
        let mut settled = 0;
        if !same.is_empty() {
            settled += queue::settled(self.db, self.epoch, &same).await?;
            count("unchanged", settled);
        }
        if !gone.is_empty() {
            settled += queue::gone(self.db, self.epoch, &gone).await?;
        }
        if settled > 0 {
            let told = same.iter().chain(&gone).map(|it| &it.key);
            presence::told(self.db, told, contents).await?;
        }
        Ok(settled > 0)
    }

    /// What should not be there is looked for, so that it can be deleted.
    async fn forget(&self, unknown: &[&Due]) -> Result<(), Trouble> {
        if unknown.is_empty() {
            return Ok(());
        }
        let found = self.find(unknown.iter().map(|it| &it.key)).await?;
        let (there, gone): (Vec<&Due>, Vec<&Due>) =
            unknown.iter().copied().partition(|it| found.contains_key(&it.key));
        let seen: Vec<_> = there.iter().map(|it| (&it.key, found.get(&it.key))).collect();
        queue::seen(self.db, self.epoch, &seen).await?;
        queue::gone(self.db, self.epoch, &gone).await?;
        Ok(())
    }

    async fn note(&self, plan: &Plan<'_>, times: &[DateTime<Utc>]) -> Result<(), Trouble> {
        let puts = plan.puts.iter().zip(times);
        let written: Vec<_> =
            puts.map(|((due, fields, _), at)| Written { due, fields, at: *at }).collect();
        if !written.is_empty() {
            queue::written(self.db, self.epoch, &written).await?;
            count("written", written.len() as u64);
        }
        if !plan.deletes.is_empty() {
            queue::gone(self.db, self.epoch, &plan.deletes).await?;
            count("deleted", plan.deletes.len() as u64);
        }
        Ok(())
    }

    /// At least one document is not as it was believed to be: it is looked at, and made anew. One of a
    /// later position is of another history of the log, because nobody who is behind gets here.
    async fn look(&self, plan: &Plan<'_>, contents: &Contents, error: &str) -> Result<(), Trouble> {
        let all: Vec<_> = plan.all().collect();
        count("conflict", all.len() as u64);
        let found = self.find(all.iter().map(|it| &it.key)).await?;
        let strangers: Vec<_> = plan
            .puts
            .iter()
            .filter(|(due, _, position)| {
                let found = found.get(&due.key);
                !due.forced && found.is_some_and(|it| self.is_of_another_history(it, *position))
            })
            .map(|(due, ..)| *due)
            .collect();
        if !strangers.is_empty() {
            let error = "Firestore has it of a later position of another log: \
                         `parlance rebuild firestore` puts that right";
            self.fail_each(&strangers, contents, error, |_| None).await?;
        }
        // Of those nothing is taken over: nobody is to write them unless by force.
        let known = all.iter().filter(|it| !strangers.iter().any(|due| due.key == it.key));
        let seen: Vec<_> = known.map(|it| (&it.key, found.get(&it.key))).collect();
        let changed = queue::seen(self.db, self.epoch, &seen).await?;
        if changed == 0 && strangers.is_empty() {
            self.fail(&all, contents, error, false).await?;
        }
        Ok(())
    }

    fn is_of_another_history(&self, found: &Found, position: i64) -> bool {
        found.position.is_some_and(|it| it > position)
            || found.epoch.is_some_and(|it| it > self.epoch)
    }

    async fn find<'a>(
        &self,
        keys: impl Iterator<Item = &'a Key>,
    ) -> Result<BTreeMap<Key, Found>, Trouble> {
        let keys: Vec<_> = keys.cloned().collect();
        self.remote.get(&keys).await.map_err(|error| Trouble::Away(error.to_string()))
    }

    /// Of a batch nobody knows who is to blame: each of it is tried alone. Who is alone and fails for
    /// good, or has failed often, is given up.
    async fn fail(
        &self,
        batch: &[&Due],
        contents: &Contents,
        error: &str,
        for_good: bool,
    ) -> Result<(), Trouble> {
        let is_alone = batch.len() == 1;
        self.fail_each(batch, contents, error, |due| {
            let failures = due.attempts + 1;
            let is_over = is_alone && (for_good || failures >= ATTEMPTS_MAX);
            let pause = if is_alone { wait(failures, jitter()) } else { Duration::ZERO };
            (!is_over).then_some(pause)
        })
        .await
    }

    async fn fail_each(
        &self,
        batch: &[&Due],
        contents: &Contents,
        error: &str,
        pause: impl Fn(&Due) -> Option<Duration>,
    ) -> Result<(), Trouble> {
        let failed: Vec<_> = batch.iter().map(|due| Failed { due, wait: pause(due) }).collect();
        for it in &failed {
            let (key, attempts) = (&it.due.key, it.due.attempts + 1);
            if it.wait.is_some() {
                tracing::debug!(%key, attempts, error, "a document failed");
            } else {
                tracing::error!(%key, attempts, error, "a document is parked");
            }
        }
        let parked = failed.iter().filter(|it| it.wait.is_none()).map(|it| &it.due.key);
        let parked: Vec<_> = parked.collect();
        count("parked", parked.len() as u64);
        count("failed", (failed.len() - parked.len()) as u64);
        // Before they are given up: only who comes or goes later marks them again.
        presence::told(self.db, parked.into_iter(), contents).await?;
        Ok(queue::failed(self.db, self.epoch, &failed, error).await?)
    }
}

impl<'a> Plan<'a> {
    fn of(begun: &[&'a Due], contents: &'a Contents) -> Self {
        let mut plan = Self { puts: vec![], deletes: vec![], unknown: vec![] };
        for due in begun.iter().copied() {
            match (contents.fields.get(&due.key), due.known) {
                (Some(fields), _) => plan.puts.push((due, fields, position(due, contents))),
                (None, Some(_)) => plan.deletes.push(due),
                (None, None) => plan.unknown.push(due),
            }
        }
        plan
    }

    /// Puts first.
    fn all(&self) -> impl Iterator<Item = &'a Due> {
        self.puts.iter().map(|(due, ..)| *due).chain(self.deletes.iter().copied())
    }

    fn writes(&self, epoch: i64) -> Vec<Write> {
        let write = |due: &Due, change| Write { key: due.key.clone(), known: due.known, change };
        let puts = self.puts.iter().map(|(due, fields, position)| {
            let (fields, position) = ((*fields).clone(), *position);
            write(due, Change::Put { fields, position, epoch })
        });
        puts.chain(self.deletes.iter().map(|due| write(due, Change::Delete))).collect()
    }
}

/// Where in the log a document is from. A checkpoint may lag behind events that left nothing to write;
/// but what a document was marked for, the read models had applied.
fn position(due: &Due, contents: &Contents) -> i64 {
    due.position.max(contents.position.0)
}

fn keys(batch: &[Due]) -> Vec<Key> {
    batch.iter().map(|it| it.key.clone()).collect()
}

fn count(outcome: &'static str, documents: u64) {
    metrics::counter!("parlance_firestore_documents_total", "outcome" => outcome)
        .increment(documents);
}

#[cfg(test)]
mod tests;
