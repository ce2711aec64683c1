//! Of chats.

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use domain::chat::{
    Attachment, Chat, ChatEvent, Content, Disappearing, Forwarded, Quoted, Reference, ReportedCopy,
};
use domain::{AccountId, ChatId, FileId, Personal, ReportId};
use serde_json::json;
use uuid::Uuid;

use super::{ALICE, BOB, GREETING, NOW, QUESTION, REPLY, chat_id};

#[expect(clippy::too_many_lines, reason = "one of each kind")]
pub(crate) fn events() -> Vec<ChatEvent> {
    samples!(ChatEvent {
        Opened {
            chat_id: chat_id(),
            members: [ALICE, BOB],
            opened_by: BOB,
            withheld: true,
            opened_at: NOW,
        }
        Revealed { chat_id: chat_id(), members: [ALICE, BOB], to: ALICE, revealed_at: NOW }
        MessageSent {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            sender: ALICE,
            recipient: BOB,
            content: Content::Image { file: photo(), caption: Some(said("Hello,\n\t\"Bob\" 👋")) },
            reply_to: Some(Quoted { message_id: REPLY, number: 2 }),
            reference: Some(Reference { kind: "ride".to_owned(), id: "№ 7".to_owned() }),
            tags: Some(Personal::new(ALICE, vec!["größe".to_owned(), "two".to_owned()])),
            forwarded: Some(Forwarded {
                sender: BOB,
                sent_at: NOW,
                hops: 2,
                origin_chat: ChatId(Uuid::from_u128(0xCA)),
                origin_number: 7,
            }),
            expires_at: Some(NOW + TimeDelta::days(7)),
            withheld: true,
            spent_ms: 1_000,
            sent_at: NOW,
        }
        MessageEdited {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: ALICE,
            text: Some(said("Hello again #two")),
            tags: Some(Personal::new(ALICE, vec!["two".to_owned()])),
            revision: 1,
            withheld: true,
            edited_at: NOW,
        }
        MessagesRead {
            chat_id: chat_id(),
            reader: BOB,
            up_to: 1,
            unread: 0,
            withheld: true,
            read_at: NOW,
        }
        MessagesDelivered {
            chat_id: chat_id(),
            by: BOB,
            up_to: 1,
            withheld: true,
            delivered_at: NOW,
        }
        MarkedUnread { chat_id: chat_id(), by: BOB, marked_at: NOW }
        MessageDeletedForMe {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            was_unread: true,
            deleted_at: NOW,
        }
        MessageDeletedForEveryone {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: ALICE,
            recipient: BOB,
            was_unread: false,
            withheld: true,
            kept: true,
            deleted_at: NOW,
        }
        Cleared { chat_id: chat_id(), by: BOB, up_to: 1, cleared_at: NOW }
        MessagesExpired {
            chat_id: chat_id(),
            numbers: vec![1, 2],
            members: [ALICE, BOB],
            unread: [0, 3],
            expired_at: NOW,
        }
        Reacted {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            emoji: Personal::new(BOB, "👍🏽".to_owned()),
            withheld: true,
            reacted_at: NOW,
        }
        ReactionRemoved {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            withheld: true,
            removed_at: NOW,
        }
        MessagePinned {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            withheld: true,
            pinned_at: NOW,
        }
        MessageUnpinned {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: ALICE,
            withheld: true,
            unpinned_at: NOW,
        }
        MessageStarred {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            starred_at: NOW,
        }
        MessageUnstarred {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            unstarred_at: NOW,
        }
        ActionAnswered {
            chat_id: chat_id(),
            message_id: GREETING,
            number: 1,
            by: BOB,
            answer: Personal::new(BOB, json!({ "seats": 2 })),
            withheld: true,
            answered_at: NOW,
        }
        MessageReported {
            chat_id: chat_id(),
            report_id: ReportId(Uuid::from_u128(0x9E)),
            message_id: GREETING,
            number: 1,
            by: BOB,
            seen: Personal::new(AccountId::MODERATORS, ReportedCopy {
                sender: ALICE,
                sent_at: NOW,
                text: Some("Hello".to_owned()),
                file: Some(photo()),
                reason: "spam".to_owned(),
            }),
            reported_at: NOW,
        }
        DraftSaved {
            chat_id: chat_id(),
            by: ALICE,
            text: Some(said(" Perhaps")),
            reply_to: Some(Quoted { message_id: REPLY, number: 2 }),
            saved_at: NOW,
        }
        DisappearingSet {
            chat_id: chat_id(),
            by: ALICE,
            after: Some(Disappearing::SevenDays),
            withheld: true,
            set_at: NOW,
        }
        Muted {
            chat_id: chat_id(),
            by: BOB,
            until: Some(NOW + TimeDelta::hours(8)),
            muted_at: NOW,
        }
        Unmuted { chat_id: chat_id(), by: BOB, unmuted_at: NOW }
        Archived { chat_id: chat_id(), by: BOB, archived_at: NOW }
        Unarchived { chat_id: chat_id(), by: BOB, unarchived_at: NOW }
        Blocked { chat_id: chat_id(), members: [ALICE, BOB], by: BOB, blocked_at: NOW }
        Unblocked { chat_id: chat_id(), members: [ALICE, BOB], by: BOB, unblocked_at: NOW }
        Deactivated { chat_id: chat_id(), deactivated_at: NOW }
        Reactivated { chat_id: chat_id(), reactivated_at: NOW }
    })
}

/// Other forms of events of which there is a sample: each content, and what is left out.
pub(crate) fn variations() -> Vec<(&'static str, ChatEvent)> {
    let params = Personal::new(ALICE, json!({ "buttons": ["yes", "no"] }));
    let (text, action) = (said("Coming?"), "ride.offer".to_owned());
    let (chat_id, by) = (chat_id(), ALICE);
    vec![
        ("text", sent(Content::Text { text: said("Hello") })),
        ("file", sent(Content::File { file: photo(), caption: None })),
        ("actionable", sent(Content::Actionable { text, action, action_params: params })),
        (
            "bare",
            ChatEvent::MessageEdited {
                chat_id,
                message_id: GREETING,
                number: 1,
                by,
                text: None,
                tags: None,
                revision: 2,
                withheld: false,
                edited_at: NOW,
            },
        ),
        (
            "bare",
            ChatEvent::MessagesRead {
                chat_id,
                reader: by,
                up_to: 1,
                unread: 0,
                withheld: false,
                read_at: NOW,
            },
        ),
        ("none", ChatEvent::DraftSaved { chat_id, by, text: None, reply_to: None, saved_at: NOW }),
        (
            "off",
            ChatEvent::DisappearingSet { chat_id, by, after: None, withheld: false, set_at: NOW },
        ),
        ("for_ever", ChatEvent::Muted { chat_id, by, until: None, muted_at: NOW }),
    ]
}

/// With something in every field.
pub(crate) fn state() -> Chat {
    let mut chat = Chat::default();
    for event in events() {
        chat.apply(event);
    }
    for event in what_stays() {
        chat.apply(event);
    }
    chat
}

/// Of the sampled events each takes back another. These leave something.
fn what_stays() -> Vec<ChatEvent> {
    let (chat_id, message_id, number, by) = (chat_id(), QUESTION, 3, BOB);
    let mut events = vec![];
    for (message_id, number, sender, recipient) in
        [(REPLY, 2, BOB, ALICE), (QUESTION, 3, ALICE, BOB)]
    {
        let action_params = Personal::new(sender, json!(null));
        let text = Personal::new(sender, "Hi".to_owned());
        events.push(ChatEvent::MessageSent {
            chat_id,
            message_id,
            number,
            sender,
            recipient,
            content: Content::Actionable { text, action: "a".to_owned(), action_params },
            reply_to: None,
            reference: None,
            tags: None,
            forwarded: None,
            expires_at: Some(NOW + TimeDelta::days(1)),
            withheld: false,
            spent_ms: 2_500,
            sent_at: NOW,
        });
    }
    events.extend([
        ChatEvent::MessageEdited {
            chat_id,
            message_id,
            number,
            by: ALICE,
            text: Some(said("Hi!")),
            tags: None,
            revision: 1,
            withheld: false,
            edited_at: NOW,
        },
        ChatEvent::MessageDeletedForMe {
            chat_id,
            message_id: REPLY,
            number: 2,
            by: ALICE,
            was_unread: true,
            deleted_at: NOW,
        },
        ChatEvent::Reacted {
            chat_id,
            message_id,
            number,
            by,
            emoji: Personal::new(by, "👍".to_owned()),
            withheld: false,
            reacted_at: NOW,
        },
        ChatEvent::MessagePinned {
            chat_id,
            message_id,
            number,
            by,
            withheld: false,
            pinned_at: NOW,
        },
        ChatEvent::MessageStarred { chat_id, message_id, number, by, starred_at: NOW },
        ChatEvent::MarkedUnread { chat_id, by, marked_at: NOW },
        ChatEvent::Muted { chat_id, by, until: None, muted_at: NOW },
        ChatEvent::Muted {
            chat_id,
            by: ALICE,
            until: Some(NOW + TimeDelta::hours(8)),
            muted_at: NOW,
        },
        ChatEvent::Archived { chat_id, by, archived_at: NOW },
        ChatEvent::Blocked { chat_id, members: [ALICE, BOB], by, blocked_at: NOW },
    ]);
    events
}

fn sent(content: Content) -> ChatEvent {
    ChatEvent::MessageSent {
        chat_id: chat_id(),
        message_id: GREETING,
        number: 1,
        sender: ALICE,
        recipient: BOB,
        content,
        reply_to: None,
        reference: None,
        tags: None,
        forwarded: None,
        expires_at: None,
        withheld: false,
        spent_ms: 0,
        sent_at: NOW,
    }
}

fn said(text: &str) -> Personal<String> {
    Personal::new(ALICE, text.to_owned())
}

fn photo() -> Attachment {
    Attachment { file_id: FileId(Uuid::from_u128(0xF1)), owner: ALICE }
}
