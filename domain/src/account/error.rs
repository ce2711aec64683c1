use thiserror::Error;

/// Why an [`Account`](super::Account) refuses a command: one variant a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccountError {
    #[error("account does not exist")]
    NotFound,
    #[error("account is already registered")]
    AlreadyRegistered,
    #[error("username must be 3 to 30 characters of a-z, 0-9, _ and .")]
    InvalidUsername,
    #[error("display name must be 1 to 50 characters without control characters")]
    InvalidDisplayName,
    #[error("e-mail address must have the form name@domain, at most 254 characters")]
    InvalidEmail,
}
