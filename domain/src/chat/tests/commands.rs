//! What may be asked, at [`NOW`] unless it is said [`at`] what time.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{HELLO, NOW};
use crate::chat::{
    Attachment, ChatCommand, Disappearing, Limits, NewContent, Outgoing, ReportedCopy,
};
use crate::{AccountId, FileId, MessageId, ReportId};

/// As many messages as one likes: what the rates are is tested in `rates`.
pub(super) const LIMITS: Limits = Limits { text_max: 10_000, burst: 60, interval_ms: 0 };

pub(super) const REPORT: ReportId = ReportId(Uuid::from_u128(0x9E));

pub(super) fn open(by: AccountId, with: AccountId) -> ChatCommand {
    ChatCommand::Open { by, with, now: NOW }
}

pub(super) fn send(message_id: MessageId, sender: AccountId) -> ChatCommand {
    send_text(message_id, sender, HELLO)
}

pub(super) fn send_text(message_id: MessageId, sender: AccountId, text: &str) -> ChatCommand {
    send_message(outgoing(message_id, sender, text))
}

pub(super) fn send_content(
    message_id: MessageId,
    sender: AccountId,
    content: NewContent,
) -> ChatCommand {
    send_message(Outgoing { content, ..outgoing(message_id, sender, HELLO) })
}

pub(super) fn send_message(message: Outgoing) -> ChatCommand {
    ChatCommand::Send { message: Box::new(message), limits: LIMITS, now: NOW }
}

pub(super) fn outgoing(message_id: MessageId, sender: AccountId, text: &str) -> Outgoing {
    Outgoing::text(message_id, sender, text.to_owned())
}

pub(super) fn reply(message_id: MessageId, sender: AccountId, to: MessageId) -> ChatCommand {
    send_message(Outgoing { reply_to: Some(to), ..outgoing(message_id, sender, HELLO) })
}

/// A file of `owner`.
pub(super) fn file_of(owner: AccountId) -> Attachment {
    Attachment { file_id: FileId(Uuid::from_u128(0xF1)), owner }
}

pub(super) fn question() -> NewContent {
    NewContent::Actionable {
        text: HELLO.to_owned(),
        action: "ride.offer".to_owned(),
        action_params: json!({ "buttons": ["yes", "no"] }),
    }
}

pub(super) fn edit(message_id: MessageId, by: AccountId, text: &str) -> ChatCommand {
    edit_tagged(message_id, by, Some(text), &[])
}

pub(super) fn edit_tagged(
    message_id: MessageId,
    by: AccountId,
    text: Option<&str>,
    tags: &[&str],
) -> ChatCommand {
    ChatCommand::Edit {
        message_id,
        by,
        text: text.map(str::to_owned),
        tags: tags.iter().map(|it| (*it).to_owned()).collect(),
        limits: LIMITS,
        now: NOW,
    }
}

pub(super) fn delete_for_me(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::DeleteForMe { message_id, by, now: NOW }
}

pub(super) fn delete_for_everyone(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::DeleteForEveryone { message_id, by, now: NOW }
}

pub(super) fn react(message_id: MessageId, by: AccountId, emoji: &str) -> ChatCommand {
    ChatCommand::React { message_id, by, emoji: emoji.to_owned(), now: NOW }
}

pub(super) fn remove_reaction(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::RemoveReaction { message_id, by, now: NOW }
}

pub(super) fn pin(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::Pin { message_id, by, now: NOW }
}

pub(super) fn unpin(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::Unpin { message_id, by, now: NOW }
}

pub(super) fn star(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::Star { message_id, by, now: NOW }
}

pub(super) fn unstar(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::Unstar { message_id, by, now: NOW }
}

pub(super) fn answer(message_id: MessageId, by: AccountId, answer: Value) -> ChatCommand {
    ChatCommand::Answer { message_id, by, answer, now: NOW }
}

pub(super) fn report(message_id: MessageId, by: AccountId, seen: ReportedCopy) -> ChatCommand {
    ChatCommand::Report { report_id: REPORT, message_id, by, seen: Box::new(seen), now: NOW }
}

pub(super) fn forward(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::Forward { message_id, by, now: NOW }
}

pub(super) fn copy_of(sender: AccountId, reason: &str) -> ReportedCopy {
    ReportedCopy {
        sender,
        sent_at: NOW,
        text: Some(HELLO.to_owned()),
        file: None,
        reason: reason.to_owned(),
    }
}

pub(super) fn mark_read(reader: AccountId, up_to: u64) -> ChatCommand {
    ChatCommand::MarkRead { reader, up_to, now: NOW }
}

pub(super) fn mark_delivered(by: AccountId, up_to: u64) -> ChatCommand {
    ChatCommand::MarkDelivered { by, up_to, now: NOW }
}

pub(super) fn mark_unread(by: AccountId) -> ChatCommand {
    ChatCommand::MarkUnread { by, now: NOW }
}

pub(super) fn clear(by: AccountId) -> ChatCommand {
    ChatCommand::Clear { by, now: NOW }
}

pub(super) fn save_draft(
    by: AccountId,
    text: Option<&str>,
    reply_to: Option<MessageId>,
) -> ChatCommand {
    let text = text.map(str::to_owned);
    ChatCommand::SaveDraft { by, text, reply_to, limits: LIMITS, now: NOW }
}

pub(super) fn set_disappearing(by: AccountId, after: Option<Disappearing>) -> ChatCommand {
    ChatCommand::SetDisappearing { by, after, now: NOW }
}

pub(super) fn mute(by: AccountId, until: Option<DateTime<Utc>>) -> ChatCommand {
    ChatCommand::Mute { by, until, now: NOW }
}

pub(super) fn unmute(by: AccountId) -> ChatCommand {
    ChatCommand::Unmute { by, now: NOW }
}

pub(super) fn archive(by: AccountId) -> ChatCommand {
    ChatCommand::Archive { by, now: NOW }
}

pub(super) fn unarchive(by: AccountId) -> ChatCommand {
    ChatCommand::Unarchive { by, now: NOW }
}

pub(super) fn block(by: AccountId, whom: AccountId) -> ChatCommand {
    ChatCommand::Block { by, whom, now: NOW }
}

pub(super) fn unblock(by: AccountId, whom: AccountId) -> ChatCommand {
    ChatCommand::Unblock { by, whom, now: NOW }
}

pub(super) fn expire() -> ChatCommand {
    ChatCommand::Expire { now: NOW }
}

pub(super) fn deactivate() -> ChatCommand {
    ChatCommand::Deactivate { now: NOW }
}

pub(super) fn reactivate() -> ChatCommand {
    ChatCommand::Reactivate { now: NOW }
}

/// Everything that a member may ask, of the message with this id.
pub(super) fn all_of(by: AccountId, message_id: MessageId) -> Vec<ChatCommand> {
    let mut all = all_about(by, message_id);
    all.extend([
        send(message_id, by),
        reply(MessageId(Uuid::from_u128(0xFEED)), by, message_id),
        mark_read(by, 1),
        mark_delivered(by, 1),
        mark_unread(by),
        clear(by),
        save_draft(by, Some(HELLO), None),
        set_disappearing(by, Some(Disappearing::OneDay)),
        mute(by, None),
        unmute(by),
        archive(by),
        unarchive(by),
    ]);
    all
}

/// Everything that can be done to a message.
pub(super) fn all_about(by: AccountId, message_id: MessageId) -> Vec<ChatCommand> {
    vec![
        edit(message_id, by, HELLO),
        delete_for_me(message_id, by),
        delete_for_everyone(message_id, by),
        react(message_id, by, "👍"),
        remove_reaction(message_id, by),
        pin(message_id, by),
        unpin(message_id, by),
        star(message_id, by),
        unstar(message_id, by),
        answer(message_id, by, json!("yes")),
        forward(message_id, by),
        report(message_id, by, copy_of(by, "spam")),
        save_draft(by, None, Some(message_id)),
    ]
}

/// The same at another time.
pub(super) fn at(time: DateTime<Utc>, mut command: ChatCommand) -> ChatCommand {
    match &mut command {
        ChatCommand::Open { now, .. }
        | ChatCommand::Send { now, .. }
        | ChatCommand::Edit { now, .. }
        | ChatCommand::DeleteForMe { now, .. }
        | ChatCommand::DeleteForEveryone { now, .. }
        | ChatCommand::React { now, .. }
        | ChatCommand::RemoveReaction { now, .. }
        | ChatCommand::Pin { now, .. }
        | ChatCommand::Unpin { now, .. }
        | ChatCommand::Star { now, .. }
        | ChatCommand::Unstar { now, .. }
        | ChatCommand::Answer { now, .. }
        | ChatCommand::Forward { now, .. }
        | ChatCommand::Report { now, .. }
        | ChatCommand::MarkRead { now, .. }
        | ChatCommand::MarkDelivered { now, .. }
        | ChatCommand::MarkUnread { now, .. }
        | ChatCommand::Clear { now, .. }
        | ChatCommand::SaveDraft { now, .. }
        | ChatCommand::SetDisappearing { now, .. }
        | ChatCommand::Mute { now, .. }
        | ChatCommand::Unmute { now, .. }
        | ChatCommand::Archive { now, .. }
        | ChatCommand::Unarchive { now, .. }
        | ChatCommand::Block { now, .. }
        | ChatCommand::Unblock { now, .. }
        | ChatCommand::Expire { now }
        | ChatCommand::Deactivate { now }
        | ChatCommand::Reactivate { now } => *now = time,
    }
    command
}
