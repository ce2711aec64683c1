//! Identifiers. Each has its own type, so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of [`ChatId::between`]. Random once, and fixed for ever.
const CHAT_NAMESPACE: Uuid = Uuid::from_u128(0x9d4f_5b0e_6c1a_4f7e_8a53_2f0d_7be1_c641);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A person's account, and the subject whose key seals what is personal to them.
    AccountId
);
id!(
    /// A one-to-one chat.
    ChatId
);
id!(
    /// A message, named by the client that sends it, so that a retry is recognised.
    MessageId
);
id!(
    /// A file in a person's library.
    FileId
);
id!(
    /// A device that messages are pushed to, named by its app.
    DeviceId
);
id!(
    /// A report of a message to the moderators.
    ReportId
);

impl AccountId {
    /// Nobody's account: the subject of what only moderators read. Random once, and fixed for ever;
    /// of version 8 (RFC 9562, section 5.8), which no account has.
    pub const MODERATORS: Self = Self(Uuid::from_u128(0x3f0a_97d2_51c4_8b6e_9d2b_70c3_e418_a95d));
}

impl ChatId {
    /// The chat between two accounts: the same for either order, so two who open it at once meet
    /// in one chat. A UUID of version 5 over the sorted pair (RFC 9562, section 5.5).
    #[must_use]
    pub fn between(one: AccountId, other: AccountId) -> Self {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        let mut name = [0; 32];
        name[..16].copy_from_slice(first.0.as_bytes());
        name[16..].copy_from_slice(second.0.as_bytes());
        Self(Uuid::new_v5(&CHAT_NAMESPACE, &name))
    }
}
