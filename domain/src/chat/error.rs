use chrono::Duration;
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
    #[error("the other member is blocked: unblock them first")]
    YouBlocked,
    #[error("text is empty")]
    EmptyText,
    #[error("text has {actual} characters, at most {max} are allowed")]
    TextTooLong { max: usize, actual: usize },
    #[error("text has a control character that is neither newline nor tab")]
    ControlCharacter,
    #[error(
        "action is empty, longer than {max} characters or has others than letters, digits, `_`, `-`, `.` and `:`"
    )]
    InvalidAction { max: usize },
    #[error("action_params have {actual} bytes, at most {max} are allowed")]
    ActionParamsTooLarge { max: usize, actual: usize },
    #[error("answer has {actual} bytes, at most {max} are allowed")]
    AnswerTooLarge { max: usize, actual: usize },
    #[error("reference.{field} has to have 1 to {max} characters, and no control characters")]
    InvalidReference { field: &'static str, max: usize },
    #[error("a tag has 1 to {max} letters, digits and `_`")]
    InvalidTag { max: usize },
    #[error("a message has at most {max} tags")]
    TooManyTags { max: usize },
    #[error("emoji is not one emoji")]
    NotAnEmoji,
    #[error("message {0} does not exist in the chat")]
    UnknownMessage(MessageId),
    #[error("message id {0} was used by the other member")]
    MessageIdTaken(MessageId),
    #[error("only the sender of a message may do that")]
    NotTheSender,
    #[error("a forwarded message is somebody else's words and cannot be edited")]
    NotTheAuthor,
    #[error("message is deleted")]
    Deleted,
    #[error("a message can be edited {max} times")]
    TooManyEdits { max: u32 },
    #[error("{max} messages are pinned, unpin one first")]
    TooManyPins { max: usize },
    #[error("message asks for no answer, or not for yours")]
    NothingToAnswer,
    #[error("message is answered")]
    AlreadyAnswered,
    #[error("one's own message cannot be reported")]
    OwnMessage,
    #[error("reason has {actual} characters, at most {max} are allowed")]
    ReasonTooLong { max: usize, actual: usize },
    #[error("the chat has {last} messages, {asked} cannot be read")]
    BeyondLast { last: u64, asked: u64 },
    #[error("until has to be in the future")]
    NotInTheFuture,
    #[error("too many messages: the next one is allowed in {} ms", retry_after.num_milliseconds())]
    TooFast { retry_after: Duration },
}
