//! The devices of one person that messages are pushed to, and what is pushed when.
//!
//! There is one a person, and its id is the account's.
//!
//! # Rules
//!
//! 1. A device is named by its app, and reached at one [`Address`]. It belongs to the session that
//!    registered it last, and goes when that ends.
//! 2. An address is one device's: of one person, by the log's claims, and of one of their devices.
//!    Whoever registers it last has it.
//! 3. A person has at most [`DEVICES_MAX`] devices. One more takes the place of the one that was not
//!    refreshed for the longest time.
//! 4. A refresh that changes nothing is recorded once a day, and not more often.
//! 5. A token or installation id is 1 to 4,096 visible ASCII characters, an endpoint 1 to 2,048; the
//!    keys of a subscription are a point of P-256 and 16 bytes, in base64url.
//! 6. Quiet hours begin and end at different minutes of the day, in a time zone of the IANA database.

mod address;
mod aggregate;
mod command;
mod error;
mod event;
mod preferences;
#[cfg(test)]
mod tests;

pub use address::{Address, SCOPE_PUSH_ADDRESS, Subscription};
pub use aggregate::{Device, Devices};
pub use command::DevicesCommand;
pub use error::DevicesError;
pub use event::{DevicesEvent, Platform, RemovalReason};
pub use preferences::{Preferences, PreferencesChange, QuietHours};

/// Devices of one person.
pub const DEVICES_MAX: usize = 20;
