//! Which documents there are, and what stands in them.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{AccountId, ChatId};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

/// The collections that are ours: whatever else is in Firestore is nobody's business here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Collection {
    /// One a chat that both members have: `chats/{chat}`.
    Chats,
    /// One for each two people who have a chat: `pairs/{one}_{other}`, the lower id first. No app
    /// reads it; the rules look there who may see whose presence.
    Pairs,
    /// One an account that was ever there: `presence/{account}`.
    Presence,
    /// One an account: `users/{account}`.
    Users,
    /// One an account, which its owner alone reads: `users-external-event/{account}`.
    ExternalEvents,
}

impl Collection {
    /// Every one, by name.
    pub(super) const ALL: [Self; 5] =
        [Self::Chats, Self::Pairs, Self::Presence, Self::Users, Self::ExternalEvents];

    /// Its name in Firestore.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chats => "chats",
            Self::Pairs => "pairs",
            Self::Presence => "presence",
            Self::Users => "users",
            Self::ExternalEvents => "users-external-event",
        }
    }

    /// The one of this name, if it is one of ours.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// A document's place. Its id need not be one that Parlance would give it: somebody else may have put
/// it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) collection: Collection,
    pub(super) id: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection.name(), self.id)
    }
}

impl Key {
    pub(super) fn chat(chat: ChatId) -> Self {
        Self { collection: Collection::Chats, id: chat.to_string() }
    }

    pub(super) fn of_account(collection: Collection, account: AccountId) -> Self {
        Self { collection, id: account.to_string() }
    }

    pub(super) fn pair(one: AccountId, other: AccountId) -> Self {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        Self { collection: Collection::Pairs, id: format!("{first}_{second}") }
    }

    /// The id that it is about, when it has the form that Parlance gives it.
    pub(super) fn uuid(&self) -> Option<Uuid> {
        let uuid: Uuid = self.id.parse().ok()?;
        (uuid.to_string() == self.id).then_some(uuid)
    }

    /// The two of a pair.
    pub(super) fn two(&self) -> Option<[AccountId; 2]> {
        let (first, second) = self.id.split_once('_')?;
        let (first, second) = (AccountId(first.parse().ok()?), AccountId(second.parse().ok()?));
        (Self::pair(first, second).id == self.id).then_some([first, second])
    }

    /// What of the log it is made from: the type of an aggregate, and its id.
    pub(super) fn aggregate(&self) -> (&'static str, String) {
        match self.collection {
            Collection::Chats => ("chat", self.id.clone()),
            Collection::Pairs => {
                let chat = self.two().map(|[one, other]| ChatId::between(one, other).to_string());
                ("chat", chat.unwrap_or_else(|| self.id.clone()))
            }
            Collection::Presence | Collection::Users | Collection::ExternalEvents => {
                ("account", self.id.clone())
            }
        }
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Number(i64),
    Text(String),
    Texts(Vec<String>),
    /// In whole microseconds: Firestore keeps no more.
    Time(DateTime<Utc>),
    /// Whatever Parlance never writes.
    Other(String),
}

impl Value {
    fn json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Flag(it) => json!(it),
            Self::Number(it) => json!(it),
            Self::Text(it) => json!(it),
            Self::Texts(it) => json!(it),
            Self::Time(it) => json!({ "time": it.to_rfc3339_opts(SecondsFormat::Micros, true) }),
            Self::Other(it) => json!({ "other": it }),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json().fmt(f)
    }
}

/// Where in the log a document is from.
pub(super) const POSITION: &str = "_pos";

/// Under which lease it was written.
pub(super) const EPOCH: &str = "_epoch";

/// What stands in a document, apart from [`POSITION`] and [`EPOCH`]: fields by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fields(pub(super) BTreeMap<String, Value>);

impl Fields {
    fn new<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The same text for the same fields: what is compared without asking Firestore.
    pub(super) fn text(&self) -> String {
        let fields = self.0.iter().map(|(name, value)| (name.clone(), value.json()));
        Json::Object(fields.collect::<Map<_, _>>()).to_string()
    }
}

/// What a chat's two members both have of it.
pub(super) struct ChatContent {
    /// Sorted.
    pub(super) members: [AccountId; 2],
    pub(super) total_messages: i64,
    pub(super) last_message_at: Option<DateTime<Utc>>,
    /// What each may be notified of, and the other may know.
    pub(super) notify: [bool; 2],
}

impl ChatContent {
    pub(super) fn fields(self) -> Fields {
        let [first, second] = self.members.map(|it| it.to_string());
        Fields::new([
            ("user1", Value::Text(first.clone())),
            ("user2", Value::Text(second.clone())),
            ("participants", Value::Texts(vec![first, second])),
            ("total_messages_count", Value::Number(self.total_messages)),
            ("last_message_timestamp", self.last_message_at.map_or(Value::Null, Value::Time)),
            ("notify_new_message_to_user1", Value::Flag(self.notify[0])),
            ("notify_new_message_to_user2", Value::Flag(self.notify[1])),
        ])
    }
}

/// What a person's apps are woken by.
pub(super) struct ExternalEventContent {
    pub(super) unread_messages: i64,
    pub(super) unread_chats: i64,
}

impl ExternalEventContent {
    pub(super) fn fields(self) -> Fields {
        Fields::new([
            ("notify_new_message", Value::Flag(self.unread_messages > 0)),
            ("unread_messages_count", Value::Number(self.unread_messages)),
            ("unread_chats_count", Value::Number(self.unread_chats)),
            // Nothing notifies of these two yet: there is neither a feed nor an address book.
            ("notify_general_count", Value::Number(0)),
            ("notify_contacts_upload", Value::Flag(false)),
        ])
    }
}

/// Whether the two may see each other's presence.
pub(super) fn pair(open: bool) -> Fields {
    Fields::new([("open", Value::Flag(open))])
}

/// An erased person has no name any more, and the document stays: a late writer that knows the name
/// finds it taken.
pub(super) fn user(username: Option<String>) -> Fields {
    Fields::new([("username", username.map_or(Value::Null, Value::Text))])
}

pub(super) fn presence(online: bool) -> Fields {
    Fields::new([("online", Value::Flag(online))])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AccountId = AccountId(Uuid::from_u128(1));
    const OTHER: AccountId = AccountId(Uuid::from_u128(2));

    #[test]
    fn a_pair_is_one_document_for_either_order() {
        let key = Key::pair(OTHER, ONE);
        assert_eq!(key, Key::pair(ONE, OTHER));
        assert_eq!(key.two(), Some([ONE, OTHER]));
        assert_eq!(key.aggregate(), ("chat", ChatId::between(ONE, OTHER).to_string()));
        let turned = Key { id: format!("{OTHER}_{ONE}"), ..key };
        assert_eq!(turned.two(), None, "nobody would look there");
    }

    #[test]
    fn an_id_of_another_form_is_nobody_s() {
        let id = "67E55044-10B1-426F-9247-BB680E5FE0C8".to_owned();
        assert_eq!(Key { collection: Collection::Chats, id }.uuid(), None);
    }

    #[test]
    fn the_same_fields_are_the_same_text() {
        let at = DateTime::UNIX_EPOCH;
        let chat = |last| ChatContent {
            members: [ONE, OTHER],
            total_messages: 3,
            last_message_at: last,
            notify: [false, true],
        };
        assert_eq!(chat(Some(at)).fields().text(), chat(Some(at)).fields().text());
        assert_ne!(chat(Some(at)).fields().text(), chat(None).fields().text());
        assert_eq!(user(None).text(), r#"{"username":null}"#);
    }
}
