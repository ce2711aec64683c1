//! What may be recorded, at [`NOW`].

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::commands::REPORT;
use super::{ALICE, BOB, HELLO, NOW, chat_id, other};
use crate::chat::{ChatEvent, Content, Disappearing, Forwarded, Quoted, ReportedCopy};
use crate::{AccountId, MessageId, Personal};

pub(super) fn opened() -> ChatEvent {
    opened_by(ALICE)
}

pub(super) fn opened_by(opened_by: AccountId) -> ChatEvent {
    ChatEvent::Opened {
        chat_id: chat_id(),
        members: [ALICE, BOB],
        opened_by,
        withheld: false,
        opened_at: NOW,
    }
}

pub(super) fn revealed(to: AccountId) -> ChatEvent {
    ChatEvent::Revealed { chat_id: chat_id(), members: [ALICE, BOB], to, revealed_at: NOW }
}

pub(super) fn sent(number: u64, message_id: MessageId, sender: AccountId) -> ChatEvent {
    sent_text(number, message_id, sender, HELLO)
}

pub(super) fn sent_text(
    number: u64,
    message_id: MessageId,
    sender: AccountId,
    text: &str,
) -> ChatEvent {
    sent_content(number, message_id, sender, Content::Text { text: said(sender, text) })
}

pub(super) fn sent_content(
    number: u64,
    message_id: MessageId,
    sender: AccountId,
    content: Content,
) -> ChatEvent {
    ChatEvent::MessageSent {
        chat_id: chat_id(),
        message_id,
        number,
        sender,
        recipient: other(sender),
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

/// `text`, said by `by`.
pub(super) fn said(by: AccountId, text: &str) -> Personal<String> {
    Personal::new(by, text.to_owned())
}

/// What was sent, with these tags.
pub(super) fn tagged(mut event: ChatEvent, by: AccountId, with: &[&str]) -> ChatEvent {
    if let ChatEvent::MessageSent { tags, .. } | ChatEvent::MessageEdited { tags, .. } = &mut event
    {
        *tags = Some(Personal::new(by, with.iter().map(|it| (*it).to_owned()).collect()));
    }
    event
}

/// What was sent, as a reply.
pub(super) fn replying(mut event: ChatEvent, message_id: MessageId, number: u64) -> ChatEvent {
    if let ChatEvent::MessageSent { reply_to, .. } = &mut event {
        *reply_to = Some(Quoted { message_id, number });
    }
    event
}

/// What was sent, and comes from elsewhere.
pub(super) fn forwarded(mut event: ChatEvent, from: Forwarded) -> ChatEvent {
    if let ChatEvent::MessageSent { forwarded, .. } = &mut event {
        *forwarded = Some(from);
    }
    event
}

/// What was sent, to disappear then.
pub(super) fn expiring(mut event: ChatEvent, at: DateTime<Utc>) -> ChatEvent {
    if let ChatEvent::MessageSent { expires_at, .. } = &mut event {
        *expires_at = Some(at);
    }
    event
}

/// The other member never gets to see it.
pub(super) fn withheld(mut event: ChatEvent) -> ChatEvent {
    match &mut event {
        ChatEvent::Opened { withheld, .. }
        | ChatEvent::MessageSent { withheld, .. }
        | ChatEvent::MessageEdited { withheld, .. }
        | ChatEvent::MessagesRead { withheld, .. }
        | ChatEvent::MessagesDelivered { withheld, .. }
        | ChatEvent::MessageDeletedForEveryone { withheld, .. }
        | ChatEvent::Reacted { withheld, .. }
        | ChatEvent::ReactionRemoved { withheld, .. }
        | ChatEvent::MessagePinned { withheld, .. }
        | ChatEvent::MessageUnpinned { withheld, .. }
        | ChatEvent::ActionAnswered { withheld, .. }
        | ChatEvent::DisappearingSet { withheld, .. } => *withheld = true,
        ChatEvent::Revealed { .. }
        | ChatEvent::MarkedUnread { .. }
        | ChatEvent::MessageDeletedForMe { .. }
        | ChatEvent::Cleared { .. }
        | ChatEvent::MessagesExpired { .. }
        | ChatEvent::MessageStarred { .. }
        | ChatEvent::MessageUnstarred { .. }
        | ChatEvent::MessageReported { .. }
        | ChatEvent::DraftSaved { .. }
        | ChatEvent::Muted { .. }
        | ChatEvent::Unmuted { .. }
        | ChatEvent::Archived { .. }
        | ChatEvent::Unarchived { .. }
        | ChatEvent::Blocked { .. }
        | ChatEvent::Unblocked { .. }
        | ChatEvent::Deactivated { .. }
        | ChatEvent::Reactivated { .. } => panic!("{event:?} cannot be withheld"),
    }
    event
}

pub(super) fn edited(
    (number, revision): (u64, u32),
    message_id: MessageId,
    by: AccountId,
    text: Option<&str>,
) -> ChatEvent {
    ChatEvent::MessageEdited {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        text: text.map(|it| said(by, it)),
        tags: None,
        revision,
        withheld: false,
        edited_at: NOW,
    }
}

pub(super) fn read(reader: AccountId, up_to: u64, unread: u64) -> ChatEvent {
    let chat_id = chat_id();
    ChatEvent::MessagesRead { chat_id, reader, up_to, unread, withheld: false, read_at: NOW }
}

pub(super) fn delivered(by: AccountId, up_to: u64) -> ChatEvent {
    let chat_id = chat_id();
    ChatEvent::MessagesDelivered { chat_id, by, up_to, withheld: false, delivered_at: NOW }
}

pub(super) fn marked_unread(by: AccountId) -> ChatEvent {
    ChatEvent::MarkedUnread { chat_id: chat_id(), by, marked_at: NOW }
}

pub(super) fn deleted_for_me(
    number: u64,
    message_id: MessageId,
    by: AccountId,
    was_unread: bool,
) -> ChatEvent {
    ChatEvent::MessageDeletedForMe {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        was_unread,
        deleted_at: NOW,
    }
}

pub(super) fn deleted_for_everyone(
    number: u64,
    message_id: MessageId,
    by: AccountId,
    was_unread: bool,
) -> ChatEvent {
    ChatEvent::MessageDeletedForEveryone {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        recipient: other(by),
        was_unread,
        withheld: false,
        kept: false,
        deleted_at: NOW,
    }
}

/// Deleted for everyone, as far as its sender can tell.
pub(super) fn taken_back(number: u64, message_id: MessageId, by: AccountId) -> ChatEvent {
    let mut event = withheld(deleted_for_everyone(number, message_id, by, false));
    if let ChatEvent::MessageDeletedForEveryone { kept, .. } = &mut event {
        *kept = true;
    }
    event
}

pub(super) fn cleared(by: AccountId, up_to: u64) -> ChatEvent {
    ChatEvent::Cleared { chat_id: chat_id(), by, up_to, cleared_at: NOW }
}

/// `unread`: left for Alice and for Bob.
pub(super) fn expired(
    numbers: impl IntoIterator<Item = u64>,
    unread: [u64; 2],
    expired_at: DateTime<Utc>,
) -> ChatEvent {
    let numbers = numbers.into_iter().collect();
    let members = [ALICE, BOB];
    ChatEvent::MessagesExpired { chat_id: chat_id(), numbers, members, unread, expired_at }
}

pub(super) fn reacted(number: u64, message_id: MessageId, by: AccountId, emoji: &str) -> ChatEvent {
    ChatEvent::Reacted {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        emoji: said(by, emoji),
        withheld: false,
        reacted_at: NOW,
    }
}

pub(super) fn reaction_removed(number: u64, message_id: MessageId, by: AccountId) -> ChatEvent {
    let (chat_id, withheld) = (chat_id(), false);
    ChatEvent::ReactionRemoved { chat_id, message_id, number, by, withheld, removed_at: NOW }
}

pub(super) fn pinned(number: u64, message_id: MessageId, by: AccountId) -> ChatEvent {
    let (chat_id, withheld) = (chat_id(), false);
    ChatEvent::MessagePinned { chat_id, message_id, number, by, withheld, pinned_at: NOW }
}

pub(super) fn unpinned(number: u64, message_id: MessageId, by: AccountId) -> ChatEvent {
    let (chat_id, withheld) = (chat_id(), false);
    ChatEvent::MessageUnpinned { chat_id, message_id, number, by, withheld, unpinned_at: NOW }
}

pub(super) fn starred(number: u64, message_id: MessageId, by: AccountId) -> ChatEvent {
    ChatEvent::MessageStarred { chat_id: chat_id(), message_id, number, by, starred_at: NOW }
}

pub(super) fn unstarred(number: u64, message_id: MessageId, by: AccountId) -> ChatEvent {
    ChatEvent::MessageUnstarred { chat_id: chat_id(), message_id, number, by, unstarred_at: NOW }
}

pub(super) fn answered(
    number: u64,
    message_id: MessageId,
    by: AccountId,
    answer: Value,
) -> ChatEvent {
    ChatEvent::ActionAnswered {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        answer: Personal::new(by, answer),
        withheld: false,
        answered_at: NOW,
    }
}

pub(super) fn reported(
    number: u64,
    message_id: MessageId,
    by: AccountId,
    seen: ReportedCopy,
) -> ChatEvent {
    ChatEvent::MessageReported {
        chat_id: chat_id(),
        report_id: REPORT,
        message_id,
        number,
        by,
        seen: Personal::new(AccountId::MODERATORS, seen),
        reported_at: NOW,
    }
}

pub(super) fn draft_saved(
    by: AccountId,
    text: Option<&str>,
    reply_to: Option<(MessageId, u64)>,
) -> ChatEvent {
    ChatEvent::DraftSaved {
        chat_id: chat_id(),
        by,
        text: text.map(|it| said(by, it)),
        reply_to: reply_to.map(|(message_id, number)| Quoted { message_id, number }),
        saved_at: NOW,
    }
}

pub(super) fn disappearing_set(by: AccountId, after: Option<Disappearing>) -> ChatEvent {
    ChatEvent::DisappearingSet { chat_id: chat_id(), by, after, withheld: false, set_at: NOW }
}

pub(super) fn muted(by: AccountId, until: Option<DateTime<Utc>>) -> ChatEvent {
    ChatEvent::Muted { chat_id: chat_id(), by, until, muted_at: NOW }
}

pub(super) fn unmuted(by: AccountId) -> ChatEvent {
    ChatEvent::Unmuted { chat_id: chat_id(), by, unmuted_at: NOW }
}

pub(super) fn archived(by: AccountId) -> ChatEvent {
    ChatEvent::Archived { chat_id: chat_id(), by, archived_at: NOW }
}

pub(super) fn unarchived(by: AccountId) -> ChatEvent {
    ChatEvent::Unarchived { chat_id: chat_id(), by, unarchived_at: NOW }
}

pub(super) fn blocked(by: AccountId) -> ChatEvent {
    ChatEvent::Blocked { chat_id: chat_id(), members: [ALICE, BOB], by, blocked_at: NOW }
}

pub(super) fn unblocked(by: AccountId) -> ChatEvent {
    ChatEvent::Unblocked { chat_id: chat_id(), members: [ALICE, BOB], by, unblocked_at: NOW }
}

pub(super) fn deactivated() -> ChatEvent {
    ChatEvent::Deactivated { chat_id: chat_id(), deactivated_at: NOW }
}

pub(super) fn reactivated() -> ChatEvent {
    ChatEvent::Reactivated { chat_id: chat_id(), reactivated_at: NOW }
}

/// The same, recorded at another time.
pub(super) fn timed(now: DateTime<Utc>, mut event: ChatEvent) -> ChatEvent {
    match &mut event {
        ChatEvent::Opened { opened_at: at, .. }
        | ChatEvent::Revealed { revealed_at: at, .. }
        | ChatEvent::MessageSent { sent_at: at, .. }
        | ChatEvent::MessageEdited { edited_at: at, .. }
        | ChatEvent::MessagesRead { read_at: at, .. }
        | ChatEvent::MessagesDelivered { delivered_at: at, .. }
        | ChatEvent::MarkedUnread { marked_at: at, .. }
        | ChatEvent::MessageDeletedForMe { deleted_at: at, .. }
        | ChatEvent::MessageDeletedForEveryone { deleted_at: at, .. }
        | ChatEvent::Cleared { cleared_at: at, .. }
        | ChatEvent::MessagesExpired { expired_at: at, .. }
        | ChatEvent::Reacted { reacted_at: at, .. }
        | ChatEvent::ReactionRemoved { removed_at: at, .. }
        | ChatEvent::MessagePinned { pinned_at: at, .. }
        | ChatEvent::MessageUnpinned { unpinned_at: at, .. }
        | ChatEvent::MessageStarred { starred_at: at, .. }
        | ChatEvent::MessageUnstarred { unstarred_at: at, .. }
        | ChatEvent::ActionAnswered { answered_at: at, .. }
        | ChatEvent::MessageReported { reported_at: at, .. }
        | ChatEvent::DraftSaved { saved_at: at, .. }
        | ChatEvent::DisappearingSet { set_at: at, .. }
        | ChatEvent::Muted { muted_at: at, .. }
        | ChatEvent::Unmuted { unmuted_at: at, .. }
        | ChatEvent::Archived { archived_at: at, .. }
        | ChatEvent::Unarchived { unarchived_at: at, .. }
        | ChatEvent::Blocked { blocked_at: at, .. }
        | ChatEvent::Unblocked { unblocked_at: at, .. }
        | ChatEvent::Deactivated { deactivated_at: at, .. }
        | ChatEvent::Reactivated { reactivated_at: at, .. } => *at = now,
    }
    event
}
