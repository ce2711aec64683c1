//! The one table of everything that can be answered instead of success, and its form on the wire
//! (RFC 9457). `docs/errors.md` explains each row to callers; a test compares the two.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! problems {
    ($($name:ident = $status:ident $code:literal $title:literal,)+) => {
        /// A kind of failure. Its code is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Problem {
            $($name,)+
        }

        impl Problem {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

problems! {
    InvalidRequest = BAD_REQUEST "invalid-request" "The request cannot be read",

    Unauthenticated = UNAUTHORIZED "unauthenticated" "An access token is needed",
    InvalidToken = UNAUTHORIZED "invalid-token" "The access token is not valid",
    InvalidCredentials = UNAUTHORIZED "invalid-credentials" "E-mail address or password is wrong",
    InvalidRefreshToken = UNAUTHORIZED "invalid-refresh-token" "The refresh token is not valid",

    NotTheSender = FORBIDDEN "not-the-sender" "Only the sender may do this",
    NotTheAuthor = FORBIDDEN "not-the-author" "A forwarded message cannot be edited",

    NotFound = NOT_FOUND "not-found" "There is nothing here",
    AccountNotFound = NOT_FOUND "account-not-found" "The account does not exist",
    ChatNotFound = NOT_FOUND "chat-not-found" "The chat does not exist",
    MessageNotFound = NOT_FOUND "message-not-found" "The message does not exist",
    FileNotFound = NOT_FOUND "file-not-found" "The file does not exist",
    NoFirebase = NOT_FOUND "no-firebase" "There is no Firebase here",

    MethodNotAllowed = METHOD_NOT_ALLOWED "method-not-allowed" "The resource has no such method",

    AlreadyTaken = CONFLICT "already-taken" "Somebody else has this name",
    AlreadyRegistered = CONFLICT "already-registered" "The account is already registered",
    ChatInactive = CONFLICT "chat-inactive" "The chat takes no messages",
    MemberBlocked = CONFLICT "member-blocked" "The caller has blocked the other member",
    MessageIdTaken = CONFLICT "message-id-taken" "The message id belongs to another message",
    MessageDeleted = CONFLICT "message-deleted" "The message is deleted",
    TooManyEdits = CONFLICT "too-many-edits" "The message was edited too often",
    TooManyPins = CONFLICT "too-many-pins" "Too many messages are pinned",
    NothingToAnswer = CONFLICT "nothing-to-answer" "The message does not ask the caller",
    AlreadyAnswered = CONFLICT "already-answered" "The message is answered",
    FileIdTaken = CONFLICT "file-id-taken" "The file id belongs to another file",
    FileNotCompleted = CONFLICT "file-not-completed" "The upload is not completed",
    FileNotPublished = CONFLICT "file-not-published" "The file is not published yet",
    FileRejected = CONFLICT "file-rejected" "The file was rejected",
    FileInUse = CONFLICT "file-in-use" "The file is in use",
    UploadIncomplete = CONFLICT "upload-incomplete" "The upload has not arrived",
    UploadCompleted = CONFLICT "upload-completed" "The upload is completed",
    NotInParts = CONFLICT "not-in-parts" "The file is not sent in parts",
    TooManyFiles = CONFLICT "too-many-files" "There are too many files",
    TooManyAttachments = CONFLICT "too-many-attachments" "The file is in too many messages",
    QuotaExceeded = CONFLICT "quota-exceeded" "The file does not fit",
    RequestInFlight = CONFLICT "request-in-flight" "The first request with this key is under way",
    Conflict = CONFLICT "conflict" "Others kept changing the same thing",

    BodyTooLarge = PAYLOAD_TOO_LARGE "body-too-large" "The body is too large",
    FileTooLarge = PAYLOAD_TOO_LARGE "file-too-large" "The file is too large",
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body must be JSON",

    InvalidUsername = UNPROCESSABLE_ENTITY "invalid-username" "The username is not allowed",
    InvalidDisplayName = UNPROCESSABLE_ENTITY "invalid-display-name" "The display name is not allowed",
    InvalidEmail = UNPROCESSABLE_ENTITY "invalid-email" "The e-mail address is not one",
    WeakPassword = UNPROCESSABLE_ENTITY "weak-password" "The password is not allowed",
    SameMember = UNPROCESSABLE_ENTITY "same-member" "A chat needs two different members",
    InvalidText = UNPROCESSABLE_ENTITY "invalid-text" "The text is not allowed",
    InvalidTags = UNPROCESSABLE_ENTITY "invalid-tags" "The tags are not allowed",
    InvalidReference = UNPROCESSABLE_ENTITY "invalid-reference" "The reference is not allowed",
    InvalidAction = UNPROCESSABLE_ENTITY "invalid-action" "The action is not allowed",
    InvalidAnswer = UNPROCESSABLE_ENTITY "invalid-answer" "The answer is not allowed",
    InvalidEmoji = UNPROCESSABLE_ENTITY "invalid-emoji" "A reaction is one emoji",
    InvalidReason = UNPROCESSABLE_ENTITY "invalid-reason" "The reason is not allowed",
    OwnMessage = UNPROCESSABLE_ENTITY "own-message" "One's own message cannot be reported",
    NotInTheFuture = UNPROCESSABLE_ENTITY "not-in-the-future" "The time has passed",
    BeyondLast = UNPROCESSABLE_ENTITY "beyond-last-message" "The chat has fewer messages",
    InvalidFileName = UNPROCESSABLE_ENTITY "invalid-file-name" "The file name is not allowed",
    InvalidContentType = UNPROCESSABLE_ENTITY "invalid-content-type" "The type of the file is not one",
    UnsupportedImage = UNPROCESSABLE_ENTITY "unsupported-image" "Images of this type are not taken",
    InvalidFileSize = UNPROCESSABLE_ENTITY "invalid-file-size" "The size of the file is not allowed",
    InvalidPart = UNPROCESSABLE_ENTITY "invalid-part" "The part does not fit",
    NotAnImage = UNPROCESSABLE_ENTITY "not-an-image" "The file is not an image",
    InvalidPushAddress = UNPROCESSABLE_ENTITY "invalid-push-address" "The device cannot be reached there",
    ForeignPushService = UNPROCESSABLE_ENTITY "foreign-push-service" "This server does not send there",
    InvalidTimeZone = UNPROCESSABLE_ENTITY "invalid-time-zone" "The time zone is not known",
    InvalidQuietHours = UNPROCESSABLE_ENTITY "invalid-quiet-hours" "The quiet hours are no part of a day",
    KeyReused = UNPROCESSABLE_ENTITY "idempotency-key-reused" "The key stands for another request",

    TooManyConnections = TOO_MANY_REQUESTS "too-many-connections" "The caller has too many connections",
    TooFast = TOO_MANY_REQUESTS "too-fast" "Too many messages in a short time",
    ExportUnderWay = TOO_MANY_REQUESTS "export-under-way" "Another export of the caller is under way",
    Overloaded = TOO_MANY_REQUESTS "overloaded" "Too many requests are waiting",

    Internal = INTERNAL_SERVER_ERROR "internal" "Something went wrong here",

    Unavailable = SERVICE_UNAVAILABLE "unavailable" "A server behind this one is away",
    StorageUnavailable = SERVICE_UNAVAILABLE "storage-unavailable" "The storage of files is away",
    Verifying = SERVICE_UNAVAILABLE "verifying" "The upload is still being verified",
    Busy = SERVICE_UNAVAILABLE "busy" "Too many passwords are being checked",
    ReadModelBehind = SERVICE_UNAVAILABLE "read-model-behind" "The position is not yet readable",
    DeadlineExceeded = SERVICE_UNAVAILABLE "deadline-exceeded" "The answer took too long",
}

/// One field of the request, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// A member of the body, a parameter or a header, by its name.
    pub(crate) field: String,
    pub(crate) detail: String,
}

/// What is answered instead of success, as `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// This occurrence, for a person to read.
    pub(crate) detail: String,
    /// Stable; for programs to read.
    pub(crate) code: &'static str,
    /// The fields that are to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) errors: Vec<FieldError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/errors.md` has one row a problem: "| 404 | `chat-not-found` | … |".
    #[test]
    fn the_document_lists_every_problem_and_no_other() {
        let document = include_str!("../../../docs/errors.md");
        let mut listed: Vec<(u16, &str)> = document
            .lines()
            .filter_map(|line| {
                let mut cells = line.split('|').map(str::trim).skip(1);
                let status = cells.next()?.parse().ok()?;
                Some((status, cells.next()?.trim_matches('`')))
            })
            .collect();
        let mut known: Vec<_> =
            Problem::ALL.iter().map(|it| (it.status().as_u16(), it.code())).collect();
        listed.sort_unstable();
        known.sort_unstable();

        assert_eq!(listed, known);
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Problem::ALL.iter().map(|it| it.code()).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();

        assert_eq!(codes.len(), all);
    }
}
