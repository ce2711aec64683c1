//! The messages of every chat, by number, and what became of them.
//!
//! A message that its recipient was blocked from seeing, or a later change to it, is `withheld`:
//! its author sees it, and the other member never does.

mod answers;
mod as_of;
mod edits;
mod gone;
mod key;
mod list;
mod marks;
mod page;
mod pins;
mod projector;
mod reactions;
mod sent;
mod view;

pub use as_of::page_as_of;
pub use list::{PinView, RevisionView, StarView, history, pins, starred};
pub(crate) use page::by_viewers;
pub use page::{MessagePage, Range, by_id, by_keys, by_number, number_at, page, position_of};
pub(crate) use projector::Changes;
pub use view::{
    ActionView, AnswerView, AttachmentView, ForwardedView, MessageView, QuoteView, ReactionView,
    ReferenceView,
};
