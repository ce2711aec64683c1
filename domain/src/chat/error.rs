use thiserror::Error;

use crate::{AccountId, MessageId};

/// Why a [`Chat`](super::Chat) refuses a command: one variant a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChatError {
    #[error("chat does not exist")]
    NotFound,
    #[error("a chat needs two different members")]
    SameMember,
    #[error("account {0} is not a member of the chat")]
    NotAMember(AccountId),
    #[error("chat is inactive")]
    Inactive,
    #[error("text is empty")]
    EmptyText,
    #[error("text has {actual} characters, at most {max} are allowed")]
    TextTooLong { max: usize, actual: usize },
    #[error("text has a control character that is neither newline nor tab")]
    ControlCharacter,
    #[error("message {0} does not exist in the chat")]
    UnknownMessage(MessageId),
    #[error("message id {0} was used by the other member")]
    MessageIdTaken(MessageId),
    #[error("only the sender of a message may delete it for everyone")]
    NotTheSender,
    #[error("the chat has {last} messages, {asked} cannot be read")]
    BeyondLast { last: u64, asked: u64 },
}
