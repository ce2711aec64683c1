//! From work to effects: the half of a policy that does what is due.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use eventlog::Position;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::{ATTEMPTS_MAX, wait};
use super::work::{self, Work};
use super::{Effect, EffectError, Policies, Policy, full_name, parked};

/// How often the table is asked what has come due. So late may anything be.
const TICK: Duration = Duration::from_millis(250);

/// The longest that one attempt may take: scanning 2 GiB takes minutes.
pub(super) const ATTEMPT_MAX: Duration = Duration::from_mins(20);

/// How long what is under way may take to end when this process is to stop: less than the process
/// itself is given.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// Before something is done again of which nobody could note what came of it.
const REPEAT_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Performer<'a, P> {
    policies: &'a Policies,
    policy: &'a P,
    asked: &'a Notify,
}

impl<'a, P: Policy> Performer<'a, P> {
    pub(super) const fn new(policies: &'a Policies, policy: &'a P, asked: &'a Notify) -> Self {
        Self { policies, policy, asked }
    }

    /// Does what is due until `lost`. What is under way then may end, but not for long: whoever is
    /// next does it again.
    pub(super) async fn run(&mut self, lost: &CancellationToken) {
        let mut under_way: HashSet<String> = HashSet::new();
        let mut effects = FuturesUnordered::new();
        while !lost.is_cancelled() {
            let free = P::AT_ONCE.saturating_sub(under_way.len());
            let mut due = vec![];
            if free > 0 {
                let ended;
                (due, ended) = beside(self.due(&under_way, free), &mut effects).await;
                release(&mut under_way, ended);
            }
            under_way.extend(due.iter().map(|it| it.key.clone()));
            while !due.is_empty() {
                let rest = due.split_off(due.len().min(P::TOGETHER));
                effects.push(self.attempt(std::mem::replace(&mut due, rest)));
            }
            tokio::select! {
                () = lost.cancelled() => break,
                Some(keys) = effects.next() => release(&mut under_way, keys),
                () = self.asked.notified() => {}
                () = sleep(TICK) => {}
            }
        }
        let rest = effects.for_each(|_| std::future::ready(()));
        if timeout(LAST_WORDS, rest).await.is_err() {
            tracing::info!(policy = P::NAME, "what is under way is given up");
        }
    }

    async fn due(&self, under_way: &HashSet<String>, free: usize) -> Vec<Work> {
        let (now, limit) = (self.policies.clock.now(), i64::try_from(free).unwrap_or(1));
        let under_way: Vec<_> = under_way.iter().cloned().collect();
        match work::due(&self.policies.db, P::NAME, now, &under_way, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(policy = P::NAME, %error, "policy cannot see what is due");
                vec![]
            }
        }
    }

    /// Tries each once, and notes what came of it. Returns the keys.
    async fn attempt(&self, work: Vec<Work>) -> Vec<String> {
        let outcomes = self.perform(&work).await;
        if let Err(error) = self.note(&work, outcomes).await {
            tracing::warn!(policy = P::NAME, %error, "an effect will be repeated");
            sleep(REPEAT_PAUSE).await; // it is due all the while, and nothing says how often it was tried
        }
        work.into_iter().map(|it| it.key).collect()
    }

    async fn perform(&self, work: &[Work]) -> Vec<Result<(), EffectError>> {
        let (mut due, mut outcomes) = (vec![], vec![]);
        for work in work {
            match serde_json::from_value(work.detail.clone()) {
                Ok(task) => {
                    due.push((task, self.effect(work)));
                    outcomes.push(None);
                }
                Err(error) => outcomes.push(Some(Err(EffectError::Poison(error.to_string())))),
            }
        }
        let performed = timeout(ATTEMPT_MAX, self.policy.perform_all(due)).await;
        let mut performed = performed.unwrap_or_default().into_iter();
        let too_long = || Err(EffectError::Transient("it took too long".to_owned()));
        let outcomes = outcomes.into_iter();
        outcomes.map(|it| it.or_else(|| performed.next()).unwrap_or_else(too_long)).collect()
    }

    fn effect(&self, work: &Work) -> Effect {
        Effect {
            id: format!("{}:{}:{}", full_name(P::NAME), work.position, work.key),
            now: self.policies.clock.now(),
            due: work.due_at,
            position: Position(work.position),
        }
    }

    async fn note(
        &self,
        work: &[Work],
        outcomes: Vec<Result<(), EffectError>>,
    ) -> sqlx::Result<()> {
        let (db, mut done, mut later, mut failed) = (&self.policies.db, vec![], vec![], vec![]);
        for (work, outcome) in work.iter().zip(outcomes) {
            match outcome {
                Ok(()) => done.push(work),
                Err(EffectError::Later(at)) => later.push((work, at)),
                Err(error) => failed.push((work, error)),
            }
        }
        if !done.is_empty() {
            count(P::NAME, "done", done.len() as u64);
            work::done(db, P::NAME, &done).await?;
        }
        if !later.is_empty() {
            count(P::NAME, "later", later.len() as u64);
            work::put_off(db, P::NAME, &later).await?;
        }
        for (work, error) in failed {
            self.failed(work, error).await?;
        }
        Ok(())
    }

    async fn failed(&self, work: &Work, error: EffectError) -> sqlx::Result<()> {
        let (policy, db) = (P::NAME, &self.policies.db);
        let (position, failures) = (work.position, work.attempts + 1);
        if matches!(error, EffectError::Poison(_)) || failures >= ATTEMPTS_MAX {
            count(policy, "parked", 1);
            tracing::error!(policy, position, key = work.key, %error, "an effect is parked");
            return parked::park(db, policy, work, failures, &error.to_string()).await;
        }
        count(policy, "failed", 1);
        let pause = wait(failures, self.policies.ids.draw());
        tracing::warn!(policy, position, key = work.key, %error, ?pause, "an effect failed");
        work::postpone(db, policy, work, self.policies.clock.now() + pause).await
    }
}

/// What `look` finds, and the keys of what has ended meanwhile. What is under way goes on: it may hold
/// the connection that `look` waits for.
async fn beside<E>(
    look: impl Future<Output = Vec<Work>>,
    effects: &mut FuturesUnordered<E>,
) -> (Vec<Work>, Vec<String>)
where
    E: Future<Output = Vec<String>>,
{
    let (mut look, mut ended) = (pin!(look), vec![]);
    loop {
        tokio::select! {
            found = &mut look => return (found, ended),
            Some(keys) = effects.next() => ended.extend(keys),
        }
    }
}

fn release(under_way: &mut HashSet<String>, keys: Vec<String>) {
    for key in keys {
        under_way.remove(&key);
    }
}

fn count(policy: &'static str, outcome: &'static str, effects: u64) {
    metrics::counter!("parlance_policy_effects_total", "policy" => policy, "outcome" => outcome)
        .increment(effects);
}
