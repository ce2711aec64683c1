//! Forwarding a message to several chats at once: a message of its own in each, with where it comes
//! from.

use chrono::{DateTime, Utc};
use domain::chat::{
    Chat, ChatCommand, ChatError, ChatEvent, Forwarded, Limits, NewContent, Outgoing, Reference,
};
use domain::{AccountId, ChatId, MessageId};
use futures_util::{StreamExt, stream};

use crate::gateway::{CommandError, Context, Executed, Gateway};
use crate::send::{SendError, Sending, send};

/// Chats that are sent to at the same time: more would wait for the same commit.
const AT_ONCE: usize = 5;

/// What is forwarded.
#[derive(Debug, Clone)]
pub struct Forwarding {
    pub by: AccountId,
    pub content: NewContent,
    pub reference: Option<Reference>,
    pub tags: Vec<String>,
    /// With this hop.
    pub forwarded: Forwarded,
    pub limits: Limits,
    pub now: DateTime<Utc>,
}

/// Where to.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub chat_id: ChatId,
    pub message_id: MessageId,
}

/// Whether `by` may forward the message: whether it is there for them, as the newest state of its
/// chat says.
///
/// # Errors
///
/// What the rules of the chat say, or why it was not asked.
pub async fn may_forward(
    gateway: &Gateway,
    chat_id: ChatId,
    message_id: MessageId,
    by: AccountId,
    now: DateTime<Utc>,
) -> Result<(), CommandError<ChatError>> {
    let command = ChatCommand::Forward { message_id, by, now };
    gateway.execute::<Chat>(&chat_id.to_string(), command, &Context::default()).await?;
    Ok(())
}

/// Sends `forwarding` to each of `targets`; what came of each, in their order. Each is a command of
/// its own: some may be refused while others are sent.
///
/// Without anything to forward, because the message is gone meanwhile, those are answered that the
/// key of `context` stands for; nothing for the others.
pub async fn forward(
    gateway: &Gateway,
    forwarding: Option<&Forwarding>,
    targets: &[Target],
    context: &Context,
) -> Vec<Option<Result<Executed<ChatEvent>, SendError>>> {
    let each = targets.iter().copied().enumerate().map(|(index, target)| async move {
        let context = context.part(index);
        match forwarding {
            Some(forwarding) => Some(send(gateway, forwarding.to(target), &context).await),
            None => gateway.earlier::<Chat>(&context).await.map_err(SendError::Chat).transpose(),
        }
    });
    stream::iter(each).buffered(AT_ONCE).collect().await
}

impl Forwarding {
    fn to(&self, target: Target) -> Sending {
        let message = Outgoing {
            message_id: target.message_id,
            sender: self.by,
            content: self.content.clone(),
            reply_to: None,
            reference: self.reference.clone(),
            tags: self.tags.clone(),
            forwarded: Some(self.forwarded),
        };
        Sending { chat_id: target.chat_id, message, limits: self.limits, now: self.now }
    }
}
