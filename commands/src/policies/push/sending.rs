//! Sending what was decided, and noting what came of it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use domain::devices::{Address, Device, Devices, DevicesCommand, RemovalReason};
use eventlog::database;
use futures_util::future::{join, join_all};
use uuid::Uuid;

use super::candidate::Candidate;
use super::effects::{self, Begun, Ended, Wanted};
use super::shown::{self, Showing};
use super::{AGE_MAX, Effect, EffectError, News, PushNews};
use crate::gateway::Context;
use crate::policies::backoff::wait;
use crate::push::{Answer, Notice, Pass, Service, Verdict};

/// How often a push service is asked to take one. The waits between come to about two minutes, unless
/// the service asks for more.
const ATTEMPTS_MAX: i32 = 8;

/// What was decided longer ago is decided again before it is sent: what was news may be none by now.
const FRESH: TimeDelta = TimeDelta::seconds(1);

/// The namespace of effect ids. Random once, and fixed for ever.
const EFFECTS: Uuid = Uuid::from_u128(0x5be1_44c7_0d39_4b6e_9c1f_7a52_e803_64fd);

/// One message to one device.
struct Single<'a> {
    /// Of which candidate.
    index: usize,
    effect_id: Uuid,
    to: AccountId,
    device: &'a Device,
    address: &'a Address,
    device_id: Uuid,
    notice: Notice,
    shows: Option<Showing>,
}

/// Whose address is not reached any more, and since when that is known.
type Gone = (AccountId, Address, DateTime<Utc>);

impl Single<'_> {
    const fn service(&self) -> Service {
        Service::of(self.address)
    }
}

impl PushNews {
    /// Pushes to every device of every candidate. What came of each candidate, in order.
    pub(super) async fn push_all(
        &self,
        candidates: Vec<Candidate<'_>>,
    ) -> Result<Vec<Result<(), EffectError>>, EffectError> {
        let notices = join_all(candidates.iter().map(|it| self.notice(it))).await;
        let (mut outcomes, mut singles) = (vec![], vec![]);
        for (index, (candidate, notice)) in candidates.iter().zip(notices).enumerate() {
            outcomes.push(notice.map(|notice| singles.extend(split(index, candidate, &notice))));
        }
        let (fcm, web_push): (Vec<_>, Vec<_>) =
            singles.into_iter().partition(|it| it.service() == Service::Fcm);
        let fcm = self.push_by(Service::Fcm, &fcm);
        let web_push = self.push_by(Service::WebPush, &web_push);
        let (fcm, web_push) = join(fcm, web_push).await;
        let pushed = [fcm?, web_push?].concat();
        let later = put_off(&pushed);
        self.note_shown(&candidates, &pushed, &later).await?;
        for (index, at) in later {
            outcomes[index] = Err(EffectError::Later(at));
        }
        Ok(outcomes)
    }

    /// Pushes through one service. How each ended that was not over before, by its candidate.
    async fn push_by(
        &self,
        service: Service,
        singles: &[Single<'_>],
    ) -> sqlx::Result<Vec<(usize, Ended)>> {
        if singles.is_empty() {
            return Ok(vec![]);
        }
        let pass = match self.pass(service).await {
            Ok(pass) => pass,
            Err(at) => {
                return Ok(singles.iter().map(|it| (it.index, Ended::Waiting(at))).collect());
            }
        };
        let begun = self.begin(singles).await?;
        let (mut pushed, mut attempts) = (vec![], vec![]);
        for single in singles {
            match begun.get(&single.effect_id) {
                Some(Begun::Attempt(attempt)) => attempts.push((single, *attempt)),
                Some(Begun::Later(at)) => pushed.push((single.index, Ended::Waiting(*at))),
                Some(Begun::Unknown) => count(single, "unknown", "died"),
                Some(Begun::Over) | None => {}
            }
        }
        let (ended, gone) = self.attempt(&attempts, &pass).await;
        effects::end(self.gateway.db(), &ended).await?;
        self.remove(gone).await;
        let ended = attempts.iter().zip(ended).map(|((single, _), (_, it))| (single.index, it));
        pushed.extend(ended);
        Ok(pushed)
    }

    /// Writes down what is attempted now, and what may be shown for it from now on.
    async fn begin(&self, singles: &[Single<'_>]) -> sqlx::Result<HashMap<Uuid, Begun>> {
        let wanted = |it: &Single| Wanted { effect_id: it.effect_id, device_id: it.device_id };
        let wanted: Vec<_> = singles.iter().map(wanted).collect();
        let mut transaction = database::begin(self.gateway.db()).await?;
        let begun = effects::begin(&mut transaction, &wanted, self.clock.now()).await?;
        let is_attempt = |it: &&Single| matches!(begun.get(&it.effect_id), Some(Begun::Attempt(_)));
        let showing: Vec<_> = singles.iter().filter(is_attempt).filter_map(|it| it.shows).collect();
        shown::sending(&mut transaction, &showing).await?;
        transaction.commit().await?;
        Ok(begun)
    }

    /// What it takes to send, had in no time. Otherwise when to decide again.
    async fn pass(&self, service: Service) -> Result<Pass, DateTime<Utc>> {
        let since = self.clock.now();
        let pass = self.push.pass(service).await?;
        let now = self.clock.now();
        if now - since < FRESH { Ok(pass) } else { Err(now) }
    }

    /// Calls the push services, for all at once. How each attempt ended, in order, and who is gone.
    async fn attempt(
        &self,
        attempts: &[(&Single<'_>, i32)],
        pass: &Pass,
    ) -> (Vec<(Uuid, Ended)>, Vec<Gone>) {
        let calls = attempts.iter().map(async |(it, _)| {
            let answer = self.push.send(&it.notice, it.address, it.device.platform, pass).await;
            (answer, self.clock.now())
        });
        let (mut gone, mut ended) = (vec![], vec![]);
        for ((single, attempt), (answer, now)) in attempts.iter().zip(join_all(calls).await) {
            let answer = answer.unwrap_or(Answer { verdict: Verdict::Gone, code: "no_service" });
            count(single, outcome(answer.verdict), answer.code);
            if answer.verdict == Verdict::Gone {
                gone.push((single.to, single.address.clone(), now));
            }
            ended.push((single.effect_id, self.judge(answer.verdict, *attempt, now)));
        }
        // One line of the log for all: in an outage there are many, and each says the same.
        let waiting = ended.iter().filter(|(_, it)| matches!(it, Ended::Waiting(_))).count();
        if waiting > 0 {
            tracing::warn!(waiting, of = attempts.len(), "push services take some messages later");
        }
        (ended, gone)
    }

    /// Not before the service says, and not before the wait that grows with each attempt: from `now`,
    /// when it answered.
    fn judge(&self, verdict: Verdict, attempt: i32, now: DateTime<Utc>) -> Ended {
        let after = match verdict {
            Verdict::Accepted => return Ended::Accepted,
            Verdict::Gone | Verdict::Refused => return Ended::Failed,
            Verdict::Later { after } => after.unwrap_or_default(),
        };
        let pause = wait(attempt, self.ids.draw()).max(after);
        match TimeDelta::from_std(pause).ok().filter(|it| *it < AGE_MAX) {
            Some(pause) if attempt < ATTEMPTS_MAX => Ended::Waiting(now + pause),
            _ => Ended::Failed,
        }
    }

    /// Devices that are not reached any more are removed. If that fails the next push finds out again.
    async fn remove(&self, gone: Vec<Gone>) {
        for (account, address, now) in gone {
            let why = RemovalReason::Gone;
            self.change(account, DevicesCommand::RemoveAddress { address, why, now }).await;
        }
    }

    /// Devices whose sessions have ended are removed.
    pub(super) async fn sign_out(
        &self,
        ended: &HashSet<(AccountId, Uuid)>,
        due: &[(News, Effect)],
    ) {
        let Some((_, Effect { now, .. })) = due.first() else { return };
        for (account, session_id) in ended {
            let (session_id, now) = (*session_id, *now);
            self.change(*account, DevicesCommand::SignOut { session_id, now }).await;
        }
    }

    async fn change(&self, account: AccountId, command: DevicesCommand) {
        let (id, context) = (account.to_string(), Context::default());
        if let Err(error) = self.gateway.execute::<Devices>(&id, command, &context).await {
            tracing::warn!(%error, "a device that is gone stays registered, for now");
        }
    }

    /// Notes what people were told by now, and what no device shows any more.
    async fn note_shown(
        &self,
        candidates: &[Candidate<'_>],
        pushed: &[(usize, Ended)],
        later: &HashMap<usize, DateTime<Utc>>,
    ) -> sqlx::Result<()> {
        let accepted = pushed.iter().filter(|(_, it)| *it == Ended::Accepted);
        let accepted: HashSet<_> = accepted.map(|(index, _)| *index).collect();
        let (mut told, mut read) = (vec![], vec![]);
        for (index, candidate) in candidates.iter().enumerate() {
            match *candidate.news {
                News::Message { .. } if accepted.contains(&index) => {
                    told.extend(showing(candidate));
                }
                // A device that has to wait may show it until then.
                News::Read { chat_id, up_to, .. } if !later.contains_key(&index) => {
                    read.push((chat_id, candidate.to, up_to));
                }
                News::Message { .. }
                | News::Read { .. }
                | News::Reaction { .. }
                | News::Deleted { .. } => {}
            }
        }
        shown::told(self.gateway.db(), &told, self.clock.now()).await?;
        shown::hidden(self.gateway.db(), &read).await
    }
}

/// One for each device, with the effect's id.
fn split<'a>(
    index: usize,
    candidate: &'a Candidate<'_>,
    notice: &Notice,
) -> impl Iterator<Item = Single<'a>> {
    candidate.devices.iter().filter_map(move |(device_id, device)| {
        let address = device.address.value()?;
        let effect_id = effect_id(candidate, device_id.0);
        let mut notice = notice.clone();
        notice.data.insert("effect_id", effect_id.to_string());
        let (to, device_id) = (candidate.to, device_id.0);
        let shows = showing(candidate);
        Some(Single { index, effect_id, to, device, address, device_id, notice, shows })
    })
}

/// The same for the same news and device, whoever works it out, whenever.
fn effect_id(candidate: &Candidate<'_>, device_id: Uuid) -> Uuid {
    let what = match candidate.news {
        News::Message { chat_id, number, .. } => format!("message/{chat_id}/{number}"),
        // Another emoji is another reaction.
        News::Reaction { .. } => format!("reaction/{}", candidate.effect.position),
        News::Read { chat_id, up_to, .. } => format!("read/{chat_id}/{}/{up_to}", candidate.to),
        News::Deleted { chat_id, number, .. } => format!("deleted/{chat_id}/{number}"),
    };
    Uuid::new_v5(&EFFECTS, format!("{what}/{device_id}").as_bytes())
}

/// What devices may show once it is sent.
const fn showing(candidate: &Candidate<'_>) -> Option<Showing> {
    match *candidate.news {
        News::Message { chat_id, number, .. } => Some((chat_id, candidate.to, number)),
        News::Reaction { .. } | News::Read { .. } | News::Deleted { .. } => None,
    }
}

/// When each candidate is due again of which a device waits.
fn put_off(pushed: &[(usize, Ended)]) -> HashMap<usize, DateTime<Utc>> {
    let mut later = HashMap::new();
    for (index, ended) in pushed {
        if let Ended::Waiting(at) = *ended {
            later
                .entry(*index)
                .and_modify(|it: &mut DateTime<Utc>| *it = at.min(*it))
                .or_insert(at);
        }
    }
    later
}

const fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Gone => "gone",
        Verdict::Later { .. } => "later",
        Verdict::Refused => "refused",
    }
}

fn count(single: &Single<'_>, outcome: &'static str, code: &'static str) {
    metrics::counter!(
        "parlance_pushes_total",
        "service" => single.service().name(),
        "outcome" => outcome,
        "code" => code
    )
    .increment(1);
}
