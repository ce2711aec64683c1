//! Messages that are to disappear do so at the time promised.

use domain::chat::{Chat, ChatCommand, ChatEvent, expiry_second};
use domain::{ChatId, Event};
use serde::{Deserialize, Serialize};

use super::release_files::{Gone, gone};
use super::work::Change;
use super::{Effect, EffectError, Policy};
use crate::gateway::Gateway;

/// Commands of one effect: each lets up to 1,000 messages disappear. What is left then is asked for
/// by the messages themselves.
const COMMANDS_MAX: usize = 100;

pub(crate) struct ExpireMessages {
    pub(super) gateway: Gateway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expire {
    chat_id: ChatId,
}

impl Policy for ExpireMessages {
    const NAME: &'static str = "expire_messages";
    type Task = Expire;

    fn react(event: &Event) -> Vec<Change<Expire>> {
        let Event::Chat(event) = event else { return vec![] };
        if let ChatEvent::MessageSent { chat_id, number, expires_at: Some(due), .. } = *event {
            let due = Some(expiry_second(due));
            return vec![Change::set(key(chat_id, number), due, Expire { chat_id })];
        }
        let Some(Gone { chat_id, numbers, .. }) = gone(event) else { return vec![] };
        numbers.into_iter().map(|it| Change::drop(key(chat_id, it))).collect()
    }

    async fn perform(&self, task: Expire, effect: &Effect) -> Result<(), EffectError> {
        let (chat, context) = (task.chat_id.to_string(), effect.context());
        for _ in 0..COMMANDS_MAX {
            let command = ChatCommand::Expire { now: effect.now };
            if self.gateway.execute::<Chat>(&chat, command, &context).await?.events.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

fn key(chat_id: ChatId, number: u64) -> String {
    format!("{chat_id}/{number}")
}
