//! Which problem each broken rule is.

use chrono::Duration;
use domain::account::AccountError;
use domain::chat::ChatError;
use domain::devices::DevicesError;
use domain::library::LibraryError;

use super::ApiError;
use crate::http::problem::Problem;

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        let detail = error.to_string();
        match error {
            // A stranger cannot tell whether the chat exists.
            ChatError::NotFound | ChatError::NotAMember(_) => {
                Self::new(Problem::ChatNotFound, ChatError::NotFound.to_string())
            }
            ChatError::SameMember => Self::field(Problem::SameMember, "member_id", detail),
            ChatError::Inactive => Self::new(Problem::ChatInactive, detail),
            ChatError::YouBlocked => Self::new(Problem::MemberBlocked, detail),
            ChatError::EmptyText | ChatError::TextTooLong { .. } | ChatError::ControlCharacter => {
                Self::field(Problem::InvalidText, "text", detail)
            }
            ChatError::InvalidAction { .. } => {
                Self::field(Problem::InvalidAction, "action", detail)
            }
            ChatError::ActionParamsTooLarge { .. } => {
                Self::field(Problem::InvalidAction, "action_params", detail)
            }
            ChatError::AnswerTooLarge { .. } => {
                Self::field(Problem::InvalidAnswer, "answer", detail)
            }
            ChatError::InvalidReference { field, .. } => {
                Self::field(Problem::InvalidReference, format!("reference.{field}"), detail)
            }
            ChatError::InvalidTag { .. } | ChatError::TooManyTags { .. } => {
                Self::field(Problem::InvalidTags, "tags", detail)
            }
            ChatError::NotAnEmoji => Self::field(Problem::InvalidEmoji, "emoji", detail),
            ChatError::UnknownMessage(_) => Self::new(Problem::MessageNotFound, detail),
            ChatError::MessageIdTaken(_) => {
                Self::field(Problem::MessageIdTaken, "message_id", detail)
            }
            ChatError::NotTheSender => Self::new(Problem::NotTheSender, detail),
            ChatError::NotTheAuthor => Self::new(Problem::NotTheAuthor, detail),
            ChatError::Deleted => Self::new(Problem::MessageDeleted, detail),
            ChatError::TooManyEdits { .. } => Self::new(Problem::TooManyEdits, detail),
            ChatError::TooManyPins { .. } => Self::new(Problem::TooManyPins, detail),
            ChatError::NothingToAnswer => Self::new(Problem::NothingToAnswer, detail),
            ChatError::AlreadyAnswered => Self::new(Problem::AlreadyAnswered, detail),
            ChatError::OwnMessage => Self::new(Problem::OwnMessage, detail),
            ChatError::ReasonTooLong { .. } => {
                Self::field(Problem::InvalidReason, "reason", detail)
            }
            ChatError::BeyondLast { .. } => Self::field(Problem::BeyondLast, "up_to", detail),
            ChatError::NotInTheFuture => Self::field(Problem::NotInTheFuture, "until", detail),
            ChatError::TooFast { retry_after } => Self {
                retry_after: whole_seconds(retry_after),
                ..Self::new(Problem::TooFast, detail)
            },
        }
    }
}

/// Rounded up: whoever comes back then is not too early.
fn whole_seconds(wait: Duration) -> i64 {
    const SECOND: i64 = 1_000;
    wait.num_milliseconds().max(0).saturating_add(SECOND - 1) / SECOND
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        match error {
            AccountError::NotFound => Self::new(Problem::AccountNotFound, detail),
            AccountError::AlreadyRegistered => Self::new(Problem::AlreadyRegistered, detail),
            AccountError::InvalidUsername => {
                Self::field(Problem::InvalidUsername, "username", detail)
            }
            AccountError::InvalidDisplayName => {
                Self::field(Problem::InvalidDisplayName, "display_name", detail)
            }
            AccountError::InvalidEmail => Self::field(Problem::InvalidEmail, "email", detail),
        }
    }
}

impl From<DevicesError> for ApiError {
    fn from(error: DevicesError) -> Self {
        let detail = error.to_string();
        let of_the_address = |field| Self::field(Problem::InvalidPushAddress, field, &*detail);
        match error {
            DevicesError::InvalidToken => of_the_address("token"),
            DevicesError::InvalidInstallationId => of_the_address("installation_id"),
            DevicesError::InvalidEndpoint => of_the_address("subscription.endpoint"),
            DevicesError::InvalidPublicKey => of_the_address("subscription.keys.p256dh"),
            DevicesError::InvalidAuthSecret => of_the_address("subscription.keys.auth"),
            DevicesError::UnknownTimeZone(_) => {
                Self::field(Problem::InvalidTimeZone, "quiet_hours.time_zone", detail)
            }
            DevicesError::InvalidQuietHours => {
                Self::field(Problem::InvalidQuietHours, "quiet_hours.end", detail)
            }
        }
    }
}

impl From<LibraryError> for ApiError {
    fn from(error: LibraryError) -> Self {
        let detail = error.to_string();
        let of_the_file = |problem| Self::field(problem, "file_id", detail.clone());
        match error {
            LibraryError::UnknownFile(_) => of_the_file(Problem::FileNotFound),
            LibraryError::FileIdTaken(_) => of_the_file(Problem::FileIdTaken),
            LibraryError::InvalidName => Self::field(Problem::InvalidFileName, "name", detail),
            LibraryError::InvalidContentType => {
                Self::field(Problem::InvalidContentType, "content_type", detail)
            }
            LibraryError::UnsupportedImage(_) => {
                Self::field(Problem::UnsupportedImage, "content_type", detail)
            }
            LibraryError::Empty => Self::field(Problem::InvalidFileSize, "size", detail),
            LibraryError::TooLarge { .. } => Self::field(Problem::FileTooLarge, "size", detail),
            LibraryError::QuotaExceeded { .. } => {
                Self::field(Problem::QuotaExceeded, "size", detail)
            }
            LibraryError::TooManyFiles { .. } => Self::new(Problem::TooManyFiles, detail),
            LibraryError::TooManyAttachments { .. } => of_the_file(Problem::TooManyAttachments),
            LibraryError::NotCompleted => of_the_file(Problem::FileNotCompleted),
            LibraryError::Rejected(_) => of_the_file(Problem::FileRejected),
            LibraryError::NotPublished => of_the_file(Problem::FileNotPublished),
            LibraryError::NotAnImage => of_the_file(Problem::NotAnImage),
            // Only Parlance itself publishes.
            LibraryError::AlreadyPublished | LibraryError::PublishedTooLarge { .. } => {
                Self::internal(error)
            }
            LibraryError::InUse { .. } => of_the_file(Problem::FileInUse),
        }
    }
}
