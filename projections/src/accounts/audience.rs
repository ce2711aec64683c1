//! An audience, as it stands in the table.

use domain::account::Audience;

pub(crate) const fn name(audience: Audience) -> &'static str {
    match audience {
        Audience::Everyone => "everyone",
        Audience::Chats => "chats",
        Audience::Nobody => "nobody",
    }
}

/// The audience of this name; nobody for what is none, and for whom nothing is known of.
pub(crate) fn of(name: Option<&str>) -> Audience {
    match name {
        Some("everyone") => Audience::Everyone,
        Some("chats") => Audience::Chats,
        _ => Audience::Nobody,
    }
}
