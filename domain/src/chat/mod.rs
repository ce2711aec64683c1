//! A chat between two people: who may post in it, what has been posted, who has read how far.
//!
//! # Rules
//!
//! 1. A chat has exactly two different members and is opened once. Its id is derived from the pair
//!    ([`ChatId::between`](crate::ChatId::between)), so opening it again changes nothing.
//! 2. Only a member acts in it. To anybody else it does not exist.
//! 3. A text or caption is 1 to 10,000 characters after trimming (a setting): any Unicode, no
//!    control characters but newline and tab. Tags are those given and those in the text.
//! 4. Messages are numbered from 1 without a gap. A message id that its sender used before
//!    posts nothing; one that the other member used is refused.
//! 5. The pointers of reading, delivery and clearing never go back, and never past the last
//!    message. One's own messages are read when they are sent. What is read is delivered.
//! 6. A member may delete any message for themselves, and their own for everyone. Its number stays.
//! 7. An inactive chat takes nothing that is said: no message, edit, reaction or answer; nor a pin,
//!    nor another time to disappear after. Reading, unpinning and deleting go on.
//! 8. Only its sender edits a message, at most 100 times, and nobody one that is gone or that was
//!    forwarded.
//! 9. A member has one reaction to a message; at most 50 messages are pinned for each; an actionable
//!    message is answered once, by its recipient.
//! 10. Nothing that a member does reaches somebody who has blocked them, and nothing that they are
//!     answered tells them: it is recorded as withheld, and shows on their side alone. Who has
//!     blocked the other cannot speak to them, nor pin, nor set after what time messages disappear.
//! 11. A message disappears, for both, after the time that its sender had set. When the other did
//!     not learn of that setting, it comes with the first message that reaches them.
//! 12. A message brings an archived chat back for its recipient, unless they have muted it.
//! 13. A member sends so many messages at once and so many a second (settings).

mod aggregate;
mod command;
mod content;
mod error;
mod event;
mod messages;
mod packed;
mod places;
#[cfg(test)]
mod tests;

pub use aggregate::{Chat, News, OpenChat};
pub use command::ChatCommand;
pub use content::{
    Attachment, Content, Disappearing, Forwarded, Limits, NewContent, Outgoing, Quoted, Reference,
    ReportedCopy, expiry_second,
};
pub use error::ChatError;
pub use event::ChatEvent;
