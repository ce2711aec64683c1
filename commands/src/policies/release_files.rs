//! A file that was attached to a message is released when the message is gone, or never came.
//!
//! Two commands send a file: it is attached in its owner's library, then the message is sent. So an
//! attachment is watched from its first moment, and released after some time unless the message
//! follows; once it has, until the message is gone.

use chrono::{DateTime, TimeDelta, Utc};
use domain::chat::{Chat, ChatEvent};
use domain::library::{Library, LibraryCommand, LibraryEvent};
use domain::{AccountId, ChatId, Event, FileId, MessageId};
use serde::{Deserialize, Serialize};

use super::work::Change;
use super::{Effect, EffectError, Policy};
use crate::gateway::Gateway;

/// How long a message may stay behind its attachment. They are milliseconds apart.
const GRACE: TimeDelta = TimeDelta::hours(1);

pub(crate) struct ReleaseFiles {
    pub(super) gateway: Gateway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    owner: AccountId,
    file_id: FileId,
    chat_id: ChatId,
    message_id: MessageId,
}

impl Policy for ReleaseFiles {
    const NAME: &'static str = "release_files";
    type Task = Release;

    fn react(event: &Event) -> Vec<Change<Release>> {
        match event {
            Event::Library(LibraryEvent::FileAttached {
                owner,
                file_id,
                chat_id,
                message_id,
                attached_at,
                ..
            }) => {
                let (owner, file_id, chat_id) = (*owner, *file_id, *chat_id);
                let task = Release { owner, file_id, chat_id, message_id: *message_id };
                vec![Change::set(attached(&task), Some(*attached_at + GRACE), task)]
            }
            Event::Chat(ChatEvent::MessageSent {
                chat_id, message_id, number, content, ..
            }) => {
                let Some(file) = content.file() else { return vec![] };
                let (owner, file_id, chat_id) = (file.owner, file.file_id, *chat_id);
                let task = Release { owner, file_id, chat_id, message_id: *message_id };
                let sent = Change::set(sent(chat_id, *number), None, task);
                vec![Change::drop(attached(&task)), sent]
            }
            // What moderators are to look at stays, whatever becomes of the message.
            Event::Chat(ChatEvent::MessageReported { chat_id, number, .. }) => {
                vec![Change::drop(sent(*chat_id, *number))]
            }
            Event::Chat(event) => {
                let Some(Gone { chat_id, numbers, at }) = gone(event) else { return vec![] };
                numbers.into_iter().map(|it| Change::wake(sent(chat_id, it), at)).collect()
            }
            Event::Library(_) | Event::Account(_) => vec![],
        }
    }

    async fn perform(&self, task: Release, effect: &Effect) -> Result<(), EffectError> {
        let Release { owner, file_id, chat_id, message_id } = task;
        let is_there = |chat: &Chat| chat.holds(message_id);
        if self.gateway.inspect(&chat_id.to_string(), is_there).await? {
            return Ok(()); // it was sent after all, and its own work stands beside this
        }
        let command = LibraryCommand::Release { file_id, chat_id, message_id, now: effect.now };
        self.gateway.execute::<Library>(&owner.to_string(), command, &effect.context()).await?;
        Ok(())
    }
}

/// Messages that nobody sees any more.
pub(super) struct Gone {
    pub(super) chat_id: ChatId,
    pub(super) numbers: Vec<u64>,
    pub(super) at: DateTime<Utc>,
}

pub(super) fn gone(event: &ChatEvent) -> Option<Gone> {
    match event {
        ChatEvent::MessageDeletedForEveryone { chat_id, number, deleted_at, .. } => {
            Some(Gone { chat_id: *chat_id, numbers: vec![*number], at: *deleted_at })
        }
        ChatEvent::MessagesExpired { chat_id, numbers, expired_at, .. } => {
            Some(Gone { chat_id: *chat_id, numbers: numbers.clone(), at: *expired_at })
        }
        ChatEvent::Opened { .. }
        | ChatEvent::MessageSent { .. }
        | ChatEvent::MessageEdited { .. }
        | ChatEvent::MessagesRead { .. }
        | ChatEvent::MessagesDelivered { .. }
        | ChatEvent::MarkedUnread { .. }
        | ChatEvent::MessageDeletedForMe { .. }
        | ChatEvent::Cleared { .. }
        | ChatEvent::Reacted { .. }
        | ChatEvent::ReactionRemoved { .. }
        | ChatEvent::MessagePinned { .. }
        | ChatEvent::MessageUnpinned { .. }
        | ChatEvent::MessageStarred { .. }
        | ChatEvent::MessageUnstarred { .. }
        | ChatEvent::ActionAnswered { .. }
        | ChatEvent::MessageReported { .. }
        | ChatEvent::DraftSaved { .. }
        | ChatEvent::DisappearingSet { .. }
        | ChatEvent::Muted { .. }
        | ChatEvent::Unmuted { .. }
        | ChatEvent::Archived { .. }
        | ChatEvent::Unarchived { .. }
        | ChatEvent::Blocked { .. }
        | ChatEvent::Unblocked { .. }
        | ChatEvent::Deactivated { .. }
        | ChatEvent::Reactivated { .. } => None,
    }
}

/// An attachment whose message has not come yet.
fn attached(task: &Release) -> String {
    format!("attached:{}/{}/{}", task.chat_id, task.message_id, task.file_id)
}

/// The file of a message.
fn sent(chat_id: ChatId, number: u64) -> String {
    format!("sent:{chat_id}/{number}")
}

#[cfg(test)]
mod tests {
    use domain::chat::{Attachment, Content};
    use uuid::Uuid;

    use super::*;

    const OWNER: AccountId = AccountId(Uuid::from_u128(1));
    const FILE: FileId = FileId(Uuid::from_u128(2));
    const CHAT: ChatId = ChatId(Uuid::from_u128(3));
    const MESSAGE: MessageId = MessageId(Uuid::from_u128(4));
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
    const TASK: Release =
        Release { owner: OWNER, file_id: FILE, chat_id: CHAT, message_id: MESSAGE };

    #[test]
    fn an_attachment_waits_for_its_message() {
        let attached_event = LibraryEvent::FileAttached {
            owner: OWNER,
            file_id: FILE,
            chat_id: CHAT,
            message_id: MESSAGE,
            attachments: 1,
            attached_at: NOW,
        };
        let changes = ReleaseFiles::react(&attached_event.into());
        assert_eq!(changes, [Change::set(attached(&TASK), Some(NOW + GRACE), TASK)]);
    }

    #[test]
    fn a_message_keeps_its_file_until_it_is_gone() {
        let sent_event = ChatEvent::MessageSent {
            chat_id: CHAT,
            message_id: MESSAGE,
            number: 7,
            sender: OWNER,
            recipient: AccountId(Uuid::from_u128(9)),
            content: Content::File {
                file: Attachment { file_id: FILE, owner: OWNER },
                caption: None,
            },
            reply_to: None,
            reference: None,
            tags: None,
            forwarded: None,
            expires_at: None,
            withheld: false,
            spent_ms: 0,
            sent_at: NOW,
        };
        let changes = ReleaseFiles::react(&sent_event.into());
        let expected = [Change::drop(attached(&TASK)), Change::set(sent(CHAT, 7), None, TASK)];
        assert_eq!(changes, expected);

        let expired = ChatEvent::MessagesExpired {
            chat_id: CHAT,
            numbers: vec![6, 7],
            members: [OWNER, AccountId(Uuid::from_u128(9))],
            unread: [0, 0],
            expired_at: NOW,
        };
        let changes = ReleaseFiles::react(&expired.into());
        let expected = [6, 7].map(|number| Change::wake(sent(CHAT, number), NOW));
        assert_eq!(changes, expected);
    }
}
