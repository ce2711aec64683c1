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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use domain::chat::Content;
    use domain::{AccountId, MessageId, Personal};
    use uuid::Uuid;

    use super::*;

    fn due(expires_at: DateTime<Utc>) -> Vec<Change<Expire>> {
        let (sender, chat_id) = (AccountId(Uuid::from_u128(1)), ChatId(Uuid::from_u128(2)));
        let sent = ChatEvent::MessageSent {
            chat_id,
            message_id: MessageId(Uuid::from_u128(3)),
            number: 7,
            sender,
            recipient: AccountId(Uuid::from_u128(4)),
            content: Content::Text { text: Personal::new(sender, "soon gone".to_owned()) },
            reply_to: None,
            reference: None,
            tags: None,
            forwarded: None,
            expires_at: Some(expires_at),
            withheld: false,
            spent_ms: 0,
            sent_at: DateTime::UNIX_EPOCH,
        };
        ExpireMessages::react(&sent.into())
    }

    #[test]
    fn nothing_disappears_before_the_second_in_which_its_time_is_up() {
        let (chat_id, next) = (ChatId(Uuid::from_u128(2)), TimeDelta::seconds(1));
        let second = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let set = |at| [Change::set(key(chat_id, 7), Some(at), Expire { chat_id })];
        assert_eq!(due(second), set(second));
        assert_eq!(due(second + TimeDelta::milliseconds(300)), set(second + next));
    }
}
