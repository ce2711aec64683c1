//! The command side: executing commands, and everything a command needs that is no rule.
//!
//! - [`Gateway`]: executes commands on aggregates, with a cache of hot ones
//! - [`IdempotencyKey`]: the same key, the same answer, for ever
//! - [`SignIn`]: passwords, sessions and tokens
//! - [`open_chat`]: what concerns two aggregates at once

mod claims;
mod gateway;
mod idempotency;
mod open_chat;
mod sign_in;

pub use gateway::{Cached, CommandError, Context, Executed, Gateway};
pub use idempotency::{IdempotencyKey, fingerprint};
pub use open_chat::{OpenChatError, open_chat};
pub use sign_in::{
    Caller, InvalidToken, PasswordError, Registration, SignIn, SignInError, SignInSettings,
    SignedIn,
};
