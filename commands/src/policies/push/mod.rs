//! Whoever is not looking is told on their devices: of messages, of reactions if they want to hear of
//! those, and, unseen, of what has been read elsewhere or deleted since. `docs/push.md` says what apps
//! get; decision 23 why a push is tried as often as it is.
//!
//! What is due together is looked at together: a push costs a handful of statements, and so do 64.

mod candidate;
mod effects;
mod notice;
mod react;
mod sending;
mod shown;
mod surroundings;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, ChatId, Event, MessageId};
use eventlog::{Clock, Ids};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use self::candidate::{Candidate, Decision};
use self::shown::shown;
use self::surroundings::Surroundings;
use super::work::Change;
use super::{Effect, EffectError, Policy};
use crate::gateway::Gateway;
use crate::push::Push;

/// What is pushed at once, and how much of it is looked at and written down together. A push service
/// takes a tenth of a second for each.
const AT_ONCE: usize = 384;
const TOGETHER: usize = 64;

/// What happened longer ago is not pushed any more.
const AGE_MAX: TimeDelta = TimeDelta::hours(24);

pub(crate) struct PushNews {
    pub(super) gateway: Gateway,
    pub(super) push: Push,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
}

/// What somebody may have to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub(crate) enum News {
    Message {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        sender: AccountId,
        recipient: AccountId,
        sent_at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    },
    /// To whoever sent the message.
    Reaction {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        reacted_at: DateTime<Utc>,
    },
    /// `reader` has read somewhere what other devices may still show.
    Read { chat_id: ChatId, reader: AccountId, up_to: u64 },
    /// The message is gone, and devices may still show it.
    Deleted { chat_id: ChatId, message_id: MessageId, number: u64, recipient: AccountId },
}

impl News {
    /// Of which chat what was shown to whom matters.
    const fn shown(&self) -> Option<(ChatId, AccountId)> {
        match *self {
            Self::Message { chat_id, recipient: account, .. }
            | Self::Read { chat_id, reader: account, .. }
            | Self::Deleted { chat_id, recipient: account, .. } => Some((chat_id, account)),
            Self::Reaction { .. } => None,
        }
    }
}

impl Policy for PushNews {
    const NAME: &'static str = "push";
    const AT_ONCE: usize = AT_ONCE;
    const TOGETHER: usize = TOGETHER;
    const FORGETS_AFTER: Option<TimeDelta> = Some(AGE_MAX);

    type Task = News;

    fn react(event: &Event) -> Vec<Change<News>> {
        react::react(event)
    }

    async fn perform(&self, task: News, effect: &Effect) -> Result<(), EffectError> {
        self.perform_all(vec![(task, effect.clone())]).await.pop().unwrap_or(Ok(()))
    }

    async fn perform_all(&self, due: Vec<(News, Effect)>) -> Vec<Result<(), EffectError>> {
        self.tell(&due).await.unwrap_or_else(|error| {
            let same = |_| Err(EffectError::Transient(error.to_string()));
            due.iter().map(same).collect()
        })
    }
}

impl PushNews {
    async fn tell(
        &self,
        due: &[(News, Effect)],
    ) -> Result<Vec<Result<(), EffectError>>, EffectError> {
        let shown = shown(self.gateway.db(), due.iter().map(|(it, _)| it)).await?;
        let candidates = due.iter().map(|(news, effect)| {
            let shown = news.shown().and_then(|it| shown.get(&it)).copied();
            self.candidate(news, effect, shown)
        });
        let candidates = join_all(candidates).await;
        let found = candidates.iter().flatten().flatten();
        let surroundings = Surroundings::of(self.gateway.db(), found, due).await?;
        self.sign_out(&surroundings.ended, due).await;

        let mut outcomes = vec![];
        let mut chosen = vec![];
        for (index, candidate) in candidates.into_iter().enumerate() {
            outcomes.push(match candidate.map(|it| it.map(|it| it.decide(&surroundings))) {
                Err(error) => Err(error),
                Ok(None | Some(Decision::Nothing)) => Ok(()),
                Ok(Some(Decision::Later(at))) => Err(EffectError::Later(at)),
                Ok(Some(Decision::Push(candidate))) => {
                    chosen.push((index, candidate));
                    Ok(())
                }
            });
        }
        let indices: Vec<_> = chosen.iter().map(|(index, _)| *index).collect();
        let chosen: Vec<Candidate> = chosen.into_iter().map(|(_, it)| it).collect();
        for (index, pushed) in indices.into_iter().zip(self.push_all(chosen).await?) {
            outcomes[index] = pushed;
        }
        Ok(outcomes)
    }
}
