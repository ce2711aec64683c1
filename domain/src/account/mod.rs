//! An account: a person, by the names they are known by.
//!
//! # Rules
//!
//! 1. An account is registered once, with a user name, a display name and an e-mail address.
//! 2. A user name is 3 to 30 of `a-z`, `0-9`, `_` and `.`; capitals are read as small letters.
//! 3. A display name is 1 to 50 characters after trimming, without control characters.
//! 4. No two accounts share a user name or an e-mail address, whatever the case of their letters.
//!    The account claims them; the log's claims decide between two that ask at once.
//! 5. Passwords, tokens and their hashes are never part of an account's events.
//! 6. Read receipts are on until the person turns them off, and can be turned on again.
//! 7. Whether somebody is there is shown to those they chat with, until they choose everybody or nobody.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{
    Account, Profile, SCOPE_EMAIL, SCOPE_USERNAME, normalise_email, normalise_username,
};
pub use command::AccountCommand;
pub use error::AccountError;
pub use event::{AccountEvent, Audience};
