//! Old shapes of events, brought to the newest one.
//!
//! An upcaster brings the payload of one retired shape to the next, under another name when the event
//! was renamed. It is pure, and total: what is not of the shape it expects comes out as no event, and
//! is then refused as malformed.

use cqrs_es::Aggregate;
use domain::Event;
use domain::chat::Chat;
use domain::library::Library;
use serde_json::{Value, json};

use super::DecodeError;
use crate::recorded::StoredEvent;

/// From a shape that is no longer recorded to the one after it.
struct Upcaster {
    aggregate_type: &'static str,
    /// Stored name and version.
    from: (&'static str, u32),
    to: (&'static str, u32),
    upcast: fn(&mut Value),
}

/// Every shape that was ever retired. Old events stay, so none is ever taken from here.
const UPCASTERS: [Upcaster; 11] = [
    Upcaster {
        aggregate_type: Chat::TYPE,
        from: ("text_sent", 1),
        to: ("message_sent", 1),
        upcast: text_to_message,
    },
    never_withheld("messages_read"),
    never_withheld("opened"),
    never_withheld("message_deleted_for_everyone"),
    never_withheld("reaction_removed"),
    never_withheld("message_pinned"),
    never_withheld("message_unpinned"),
    never_withheld("disappearing_set"),
    Upcaster {
        aggregate_type: Library::TYPE,
        from: ("upload_completed", 1),
        to: ("upload_completed", 2),
        upcast: as_it_is, // `reserved` was added: absent, what was set aside is enough
    },
    Upcaster {
        aggregate_type: Library::TYPE,
        from: ("file_rejected", 1),
        to: ("file_rejected", 2),
        upcast: as_it_is, // the reason `unsupported_image` was added
    },
    Upcaster {
        aggregate_type: Library::TYPE,
        from: ("file_attached", 1),
        to: ("file_attached", 2),
        upcast: attached_by_owner,
    },
];

/// `withheld`, and with a deletion `kept`, was added in version 2: absent, it is false.
const fn never_withheld(event_type: &'static str) -> Upcaster {
    Upcaster {
        aggregate_type: Chat::TYPE,
        from: (event_type, 1),
        to: (event_type, 2),
        upcast: as_it_is,
    }
}

/// The payload of `stored` in its newest shape, still sealed.
pub(super) fn parse(stored: &StoredEvent) -> Result<Value, DecodeError> {
    let version = stored.event_version.parse().map_err(|_| too_new(stored))?;
    let steps = steps(&stored.aggregate_type, &stored.event_type, version);
    let steps = steps.ok_or_else(|| too_new(stored))?;
    let mut payload = serde_json::from_str(&stored.payload)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    for step in steps {
        (step.upcast)(&mut payload);
    }
    Ok(payload)
}

/// Whether an event stored under this name and version is one that this version of Parlance reads.
#[must_use]
pub fn is_known(aggregate_type: &str, event_type: &str, version: u32) -> bool {
    steps(aggregate_type, event_type, version).is_some()
}

/// The upcasters from a stored shape to the newest one, in order; nothing when it is unheard of.
fn steps(aggregate_type: &str, event_type: &str, version: u32) -> Option<Vec<&'static Upcaster>> {
    let mut steps: Vec<&Upcaster> = Vec::new();
    loop {
        let shape = steps.last().map_or((event_type, version), |it| it.to);
        if Event::newest_version(aggregate_type, shape.0) == Some(shape.1) {
            return Some(steps);
        }
        let of_it = |it: &&Upcaster| it.aggregate_type == aggregate_type && it.from == shape;
        steps.push(UPCASTERS.iter().find(of_it)?);
    }
}

/// A text was the only thing that could be sent.
fn text_to_message(payload: &mut Value) {
    let Some(fields) = payload.as_object_mut() else { return };
    let text = fields.remove("text").unwrap_or_default();
    fields.insert("content".to_owned(), json!({ "type": "text", "text": text }));
    fields.insert("type".to_owned(), json!("message_sent"));
}

/// Who attached a file was not recorded, and all counted as its owner's.
fn attached_by_owner(payload: &mut Value) {
    let Some(fields) = payload.as_object_mut() else { return };
    let owner = fields.get("owner").cloned().unwrap_or_default();
    fields.insert("by".to_owned(), owner);
}

const fn as_it_is(_payload: &mut Value) {}

fn too_new(stored: &StoredEvent) -> DecodeError {
    DecodeError::TooNew {
        aggregate_type: stored.aggregate_type.clone(),
        event_type: stored.event_type.clone(),
        version: stored.event_version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::chat::{ChatEvent, Content};
    use domain::library::{LibraryEvent, Rejection};
    use domain::{AccountId, ChatId, MessageId, Personal};
    use uuid::Uuid;

    use super::*;

    const TEXT_SENT_1: &str = include_str!("../../../domain/tests/golden/chat/text_sent.v1.json");
    const MESSAGES_READ_1: &str =
        include_str!("../../../domain/tests/golden/chat/messages_read.v1.json");

    const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
    const BOB: AccountId = AccountId(Uuid::from_u128(0xB2));

    #[test]
    fn a_text_of_version_1_is_a_message() {
        let sent = ChatEvent::MessageSent {
            chat_id: ChatId::between(ALICE, BOB),
            message_id: MessageId(Uuid::from_u128(0xC1)),
            number: 1,
            sender: ALICE,
            recipient: BOB,
            content: Content::Text {
                text: Personal::new(ALICE, "Hello,\n\t\"Bob\" 👋".to_owned()),
            },
            reply_to: None,
            reference: None,
            tags: None,
            forwarded: None,
            expires_at: None,
            withheld: false,
            spent_ms: 0,
            sent_at: "2027-01-15T08:00:00.123456Z".parse().unwrap(),
        };
        assert_eq!(read("text_sent", "1", TEXT_SENT_1), Ok(sent.into()));
    }

    #[test]
    fn a_sealed_text_stays_sealed() {
        let sealed = json!({ "$sealed": { "subject": ALICE, "data": "AAAA" } });
        let mut old: Value = serde_json::from_str(TEXT_SENT_1).unwrap();
        old["text"] = sealed.clone();
        let payload = parse(&stored("text_sent", "1", &old.to_string())).unwrap();
        assert_eq!(payload["content"], json!({ "type": "text", "text": sealed }));
        assert_eq!(payload.get("text"), None);
    }

    #[test]
    fn a_reading_of_version_1_was_withheld_from_nobody() {
        let reading = ChatEvent::MessagesRead {
            chat_id: ChatId::between(ALICE, BOB),
            reader: BOB,
            up_to: 1,
            unread: 0,
            withheld: false,
            read_at: "2027-01-15T08:00:00.123456Z".parse().unwrap(),
        };
        assert_eq!(read("messages_read", "1", MESSAGES_READ_1), Ok(reading.into()));
    }

    #[test]
    fn what_could_not_be_withheld_was_not() {
        for (event_type, payload) in [
            ("opened", include_str!("../../../domain/tests/golden/chat/opened.v1.json")),
            (
                "message_deleted_for_everyone",
                include_str!(
                    "../../../domain/tests/golden/chat/message_deleted_for_everyone.v1.json"
                ),
            ),
            (
                "reaction_removed",
                include_str!("../../../domain/tests/golden/chat/reaction_removed.v1.json"),
            ),
            (
                "message_pinned",
                include_str!("../../../domain/tests/golden/chat/message_pinned.v1.json"),
            ),
            (
                "message_unpinned",
                include_str!("../../../domain/tests/golden/chat/message_unpinned.v1.json"),
            ),
            (
                "disappearing_set",
                include_str!("../../../domain/tests/golden/chat/disappearing_set.v1.json"),
            ),
        ] {
            let event = read(event_type, "1", payload).unwrap();
            let Event::Chat(
                ChatEvent::Opened { withheld, .. }
                | ChatEvent::MessageDeletedForEveryone { withheld, kept: false, .. }
                | ChatEvent::ReactionRemoved { withheld, .. }
                | ChatEvent::MessagePinned { withheld, .. }
                | ChatEvent::MessageUnpinned { withheld, .. }
                | ChatEvent::DisappearingSet { withheld, .. },
            ) = event
            else {
                panic!("{event:?}")
            };
            assert!(!withheld, "{event_type}");
        }
    }

    #[test]
    fn a_file_of_version_1_was_attached_by_its_owner_and_needed_no_more_room() {
        let read = |event_type, payload| match read_of(Library::TYPE, event_type, "1", payload)
            .unwrap()
        {
            Event::Library(event) => event,
            other @ (Event::Account(_) | Event::Chat(_) | Event::Devices(_)) => panic!("{other:?}"),
        };
        let attached = include_str!("../../../domain/tests/golden/library/file_attached.v1.json");
        let LibraryEvent::FileAttached { owner, by, .. } = read("file_attached", attached) else {
            panic!("it is another event")
        };
        assert_eq!((owner, by), (ALICE, ALICE));
        let completed =
            include_str!("../../../domain/tests/golden/library/upload_completed.v1.json");
        let completed = read("upload_completed", completed);
        assert!(matches!(completed, LibraryEvent::UploadCompleted { reserved: None, .. }));
        let rejected = include_str!("../../../domain/tests/golden/library/file_rejected.v1.json");
        let rejected = read("file_rejected", rejected);
        let reason = Rejection::ChecksumMismatch;
        assert!(matches!(rejected, LibraryEvent::FileRejected { reason: it, .. } if it == reason));
    }

    #[test]
    fn every_retired_shape_leads_to_one_that_is_recorded() {
        for Upcaster { aggregate_type, from: (event_type, version), .. } in &UPCASTERS {
            assert!(is_known(aggregate_type, event_type, *version), "{event_type} {version}");
            assert!(!is_known("account", event_type, *version), "{event_type} {version}");
            let newest = Event::newest_version(aggregate_type, event_type);
            assert!(newest.is_none_or(|it| it > *version), "{event_type} {version} is no old one");
        }
    }

    #[test]
    fn a_version_that_was_never_recorded_stops_the_reader() {
        for (event_type, version) in [
            ("text_sent", "2"),
            ("text_sent", "0"),
            ("text_sent", ""),
            ("message_sent", "2"),
            ("messages_read", "0"),
            ("messages_read", "3"),
            ("unheard_of", "1"),
        ] {
            let error = read(event_type, version, TEXT_SENT_1).unwrap_err();
            assert!(matches!(error, DecodeError::TooNew { .. }), "{event_type} {version}");
        }
    }

    #[test]
    fn what_is_of_no_shape_is_malformed() {
        for garbage in ["{}", "[]", "7", "null", "\"text_sent\"", r#"{"type":"text_sent"}"#, "{"] {
            let error = read("text_sent", "1", garbage).unwrap_err();
            assert!(matches!(error, DecodeError::Malformed(_)), "{garbage}");
        }
    }

    /// As the codec does, but for the sealing.
    fn read(event_type: &str, version: &str, payload: &str) -> Result<Event, DecodeError> {
        read_of(Chat::TYPE, event_type, version, payload)
    }

    fn read_of(
        aggregate_type: &str,
        event_type: &str,
        version: &str,
        payload: &str,
    ) -> Result<Event, DecodeError> {
        let aggregate_type = aggregate_type.to_owned();
        let stored = StoredEvent { aggregate_type, ..stored(event_type, version, payload) };
        let payload = parse(&stored)?;
        let event = Event::from_json(&stored.aggregate_type, payload).expect("it is known");
        event.map_err(|error| DecodeError::Malformed(error.to_string()))
    }

    fn stored(event_type: &str, version: &str, payload: &str) -> StoredEvent {
        StoredEvent {
            position: 1,
            aggregate_type: Chat::TYPE.to_owned(),
            aggregate_id: String::new(),
            sequence: 1,
            event_type: event_type.to_owned(),
            event_version: version.to_owned(),
            payload: payload.to_owned(),
            metadata: "{}".to_owned(),
            event_id: Uuid::nil(),
            recorded_at: DateTime::UNIX_EPOCH,
        }
    }
}
