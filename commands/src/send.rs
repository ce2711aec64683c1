//! Sending a message. With a file it concerns two aggregates: the file is attached in its owner's
//! library first, so that nobody removes it meanwhile, and the message is sent then. A message that
//! is refused lets go of the file; what a crash leaves attached, a policy releases later.

use chrono::{DateTime, Utc};
use domain::chat::{
    Attachment, Chat, ChatCommand, ChatError, ChatEvent, Limits, NewContent, Outgoing,
};
use domain::library::{Library, LibraryCommand, LibraryError, is_image};
use domain::{ChatId, MessageId};
use thiserror::Error;

use crate::gateway::{CommandError, Context, Executed, Gateway};

/// A message on its way into a chat.
#[derive(Debug, Clone)]
pub struct Sending {
    pub chat_id: ChatId,
    pub message: Outgoing,
    pub limits: Limits,
    pub now: DateTime<Utc>,
}

/// Why a message was not sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// The file that goes with it is to blame.
    #[error(transparent)]
    File(CommandError<LibraryError>),
    #[error(transparent)]
    Chat(CommandError<ChatError>),
}

type Sent = Result<Executed<ChatEvent>, SendError>;

/// Sends a message. Whose file goes with it is for the caller to judge.
///
/// # Errors
///
/// See [`SendError`]. Nothing was sent then.
pub async fn send(gateway: &Gateway, sending: Sending, context: &Context) -> Sent {
    match file_of(&sending.message.content) {
        Some(file) => send_file(gateway, file, sending, context).await,
        None => record(gateway, sending, context).await.map_err(SendError::Chat),
    }
}

fn file_of(content: &NewContent) -> Option<Attachment> {
    match content {
        NewContent::File { file, .. } | NewContent::Image { file, .. } => Some(*file),
        NewContent::Text { .. } | NewContent::Actionable { .. } => None,
    }
}

async fn send_file(
    gateway: &Gateway,
    file: Attachment,
    sending: Sending,
    context: &Context,
) -> Sent {
    // What was sent before is answered, whatever has become of the file since.
    if let Some(first) = gateway.earlier::<Chat>(context).await.map_err(SendError::Chat)? {
        return Ok(first);
    }
    let attached = attach(gateway, file, &sending, context).await?;
    let (chat_id, message_id, now) = (sending.chat_id, sending.message.message_id, sending.now);
    let sent = record(gateway, sending, context).await;
    if attached && !may_be_sent(&sent, message_id) {
        let (file_id, was_sent) = (file.file_id, false);
        let release = LibraryCommand::Release { file_id, chat_id, message_id, was_sent, now };
        let released = in_library(gateway, file, release, context).await;
        if let Err(error) = released {
            tracing::warn!(%error, "a file stays attached to a message that was not sent, for now");
        }
    }
    sent.map_err(SendError::Chat)
}

async fn record(
    gateway: &Gateway,
    Sending { chat_id, message, limits, now }: Sending,
    context: &Context,
) -> Result<Executed<ChatEvent>, CommandError<ChatError>> {
    let command = ChatCommand::Send { message: Box::new(message), limits, now };
    gateway.execute::<Chat>(&chat_id.to_string(), command, context).await
}

/// Attaches the file, unless the message was sent before. Whether it is attached by this.
async fn attach(
    gateway: &Gateway,
    file: Attachment,
    Sending { chat_id, message, now, .. }: &Sending,
    context: &Context,
) -> Result<bool, SendError> {
    let (chat_id, message_id, now) = (*chat_id, message.message_id, *now);
    let is_there = |chat: &Chat| chat.number_of(message_id).is_some();
    let is_there = gateway.inspect(&chat_id.to_string(), is_there).await;
    if is_there.map_err(SendError::Chat)? {
        return Ok(false);
    }
    if matches!(message.content, NewContent::Image { .. }) {
        let kind = |it: &Library| it.file(file.file_id).map(|it| is_image(&it.content_type));
        let kind = gateway.inspect(&file.owner.to_string(), kind).await.map_err(SendError::File)?;
        if kind == Some(false) {
            return Err(SendError::File(CommandError::Rule(LibraryError::NotAnImage)));
        }
    }
    let (file_id, by) = (file.file_id, message.sender);
    let attach = LibraryCommand::Attach { file_id, by, chat_id, message_id, now };
    in_library(gateway, file, attach, context).await.map_err(SendError::File)
}

/// Whether it changed anything. The key of the request is the message's.
async fn in_library(
    gateway: &Gateway,
    file: Attachment,
    command: LibraryCommand,
    context: &Context,
) -> Result<bool, CommandError<LibraryError>> {
    let context = Context { key: None, ..context.clone() };
    let executed = gateway.execute::<Library>(&file.owner.to_string(), command, &context).await?;
    Ok(!executed.events.is_empty())
}

/// Whether the message with this id is in the chat now, as far as can be told.
fn may_be_sent(
    sent: &Result<Executed<ChatEvent>, CommandError<ChatError>>,
    message_id: MessageId,
) -> bool {
    match sent {
        // With a key that was used at the same time, another message may have been sent.
        Ok(executed) => {
            executed.events.is_empty()
                || executed.events.iter().any(|it| {
                    matches!(it, ChatEvent::MessageSent { message_id: sent, .. } if *sent == message_id)
                })
        }
        Err(
            CommandError::Rule(_) | CommandError::ClaimHeld { .. } | CommandError::KeyReused,
        ) => false,
        // The same request may be under way beside this one, and the log may have taken the message
        // in before it went out of reach. A policy finds out, and releases the file.
        Err(
            CommandError::KeyInFlight
            | CommandError::Conflict
            | CommandError::Overloaded
            | CommandError::Unavailable
            | CommandError::Internal(_),
        ) => true,
    }
}
