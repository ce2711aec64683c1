//! A chat between two people: who may post in it, what has been posted, who has read how far.
//!
//! # Rules
//!
//! 1. A chat has exactly two different members and is opened once. Its id is derived from the pair
//!    ([`ChatId::between`](crate::ChatId::between)), so opening it again changes nothing.
//! 2. Only a member acts in it. To anybody else it does not exist.
//! 3. A text is 1 to 10,000 characters after trimming: any Unicode, no control characters but
//!    newline and tab.
//! 4. Messages are numbered from 1 without a gap. A message id that its sender used before
//!    posts nothing; one that the other member used is refused.
//! 5. A read pointer never goes back, and never past the last message. One's own messages are read
//!    when they are sent.
//! 6. A member may delete any message for themselves, and their own for everyone. Its number stays.
//! 7. An inactive chat takes no message. Reading and deleting go on.

mod aggregate;
mod command;
mod error;
mod event;
mod messages;
#[cfg(test)]
mod tests;

pub use aggregate::{Chat, OpenChat};
pub use command::ChatCommand;
pub use error::ChatError;
pub use event::ChatEvent;
