//! The event log: the one thing that the command side and the read side share.
//!
//! PostgreSQL is the truth. Positions run 1, 2, 3, … without a gap, in the order of commits; JetStream
//! holds a copy in which stream sequence == position; every subscriber keeps one number, the last
//! position it has applied.
//!
//! - [`database`]: connections, migrations, and the durability checks without which nothing starts
//! - [`append`]: group commit
//! - [`codec`]: stored JSON ⇄ events, upcasting and sealing
//! - [`load`], [`snapshot`]: an aggregate's state
//! - [`audit`]: a second reader to compare with
//! - [`lease`]: who may run what only one process may run
//! - [`relay`]: the log to JetStream
//! - [`feed`]: the log to projectors and policies
//! - [`pace`]: how much those gather before they take it
//! - [`bus`]: what processes tell each other that is no event

pub mod append;
pub mod audit;
pub mod bus;
pub mod checkpoint;
pub mod clock;
pub mod codec;
pub mod database;
pub mod feed;
mod hand_over;
mod history;
pub mod keys;
pub mod lease;
pub mod load;
pub mod nats;
pub mod pace;
pub mod read;
pub mod recorded;
pub mod relay;
pub mod snapshot;

pub use append::{Append, AppendError, Appended, Appender};
pub use bus::Bus;
pub use clock::{Clock, Ids};
pub use codec::Codec;
pub use feed::Feed;
pub use hand_over::{Published, Relayed, Tail, hand_over};
pub use keys::MasterKey;
pub use recorded::{Position, RecordedEvent, StoredEvent};
