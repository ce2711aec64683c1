//! From work to effects: the half of a policy that does what is due.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::{ATTEMPTS_MAX, wait};
use super::work::{self, Work};
use super::{Effect, EffectError, Policies, Policy, full_name, parked};

/// Effects of one policy at once: one that takes long holds up few.
const AT_ONCE: usize = 4;

/// How often the table is asked what has come due. So late may anything be.
const TICK: Duration = Duration::from_millis(250);

/// The longest that one attempt may take: scanning 2 GiB takes minutes.
pub(super) const ATTEMPT_MAX: Duration = Duration::from_mins(20);

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

    /// Does what is due until `lost`. What is under way then is given up: whoever is next does it
    /// again.
    pub(super) async fn run(&mut self, lost: &CancellationToken) {
        let mut under_way: Vec<String> = vec![];
        let mut effects = FuturesUnordered::new();
        while !lost.is_cancelled() {
            let free = AT_ONCE - under_way.len();
            if free > 0 {
                for work in self.due(&under_way, free).await {
                    under_way.push(work.key.clone());
                    effects.push(self.attempt(work));
                }
            }
            tokio::select! {
                () = lost.cancelled() => return,
                Some(key) = effects.next() => under_way.retain(|it| *it != key),
                () = self.asked.notified() => {}
                () = sleep(TICK) => {}
            }
        }
    }

    async fn due(&self, under_way: &[String], free: usize) -> Vec<Work> {
        let (now, limit) = (self.policies.clock.now(), i64::try_from(free).unwrap_or(1));
        match work::due(&self.policies.db, P::NAME, now, under_way, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(policy = P::NAME, %error, "policy cannot see what is due");
                vec![]
            }
        }
    }

    /// Tries once, and notes what came of it. Returns the key.
    async fn attempt(&self, work: Work) -> String {
        let id = format!("{}:{}:{}", full_name(P::NAME), work.position, work.key);
        let effect = Effect { id, now: self.policies.clock.now() };
        let performed = match serde_json::from_value(work.detail.clone()) {
            Ok(task) => match timeout(ATTEMPT_MAX, self.policy.perform(task, &effect)).await {
                Ok(performed) => performed,
                Err(_) => Err(EffectError::Transient("it took too long".to_owned())),
            },
            Err(error) => Err(EffectError::Poison(error.to_string())),
        };
        let noted = match performed {
            Ok(()) => self.succeeded(&work).await,
            Err(error) => self.failed(&work, error).await,
        };
        if let Err(error) = noted {
            tracing::warn!(policy = P::NAME, %error, "an effect will be repeated");
            sleep(REPEAT_PAUSE).await; // it is due all the while, and nothing says how often it was tried
        }
        work.key
    }

    async fn succeeded(&self, work: &Work) -> sqlx::Result<()> {
        count(P::NAME, "done");
        work::done(&self.policies.db, P::NAME, work).await
    }

    async fn failed(&self, work: &Work, error: EffectError) -> sqlx::Result<()> {
        let (policy, db) = (P::NAME, &self.policies.db);
        let (position, failures) = (work.position, work.attempts + 1);
        if matches!(error, EffectError::Poison(_)) || failures >= ATTEMPTS_MAX {
            count(policy, "parked");
            tracing::error!(policy, position, key = work.key, %error, "an effect is parked");
            return parked::park(db, policy, work, failures, &error.to_string()).await;
        }
        count(policy, "failed");
        let pause = wait(failures, self.policies.ids.draw());
        tracing::warn!(policy, position, key = work.key, %error, ?pause, "an effect failed");
        work::postpone(db, policy, work, self.policies.clock.now() + pause).await
    }
}

fn count(policy: &'static str, outcome: &'static str) {
    metrics::counter!("parlance_policy_effects_total", "policy" => policy, "outcome" => outcome)
        .increment(1);
}
