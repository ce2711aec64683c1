use chrono::{DateTime, Utc};

use super::Audience;
use crate::AccountId;

/// What a caller may ask of an [`Account`](super::Account).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    Register {
        account_id: AccountId,
        username: String,
        display_name: String,
        email: String,
        now: DateTime<Utc>,
    },
    /// Changes what is given, and leaves the rest.
    ChangeProfile { username: Option<String>, display_name: Option<String>, now: DateTime<Utc> },
    /// Whether others are shown how far one has read, and oneself how far they have.
    ChangePrivacy { read_receipts: bool, now: DateTime<Utc> },
    /// Who is shown whether one is there, and when one was last.
    ShowPresence { to: Audience, now: DateTime<Utc> },
}
