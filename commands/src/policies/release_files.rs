//! A file that was attached to a message is released when the message is gone, or never came.
//!
//! Two commands send a file: it is attached in its owner's library, then the message is sent. So an
//! attachment is watched from its first moment, and released after some time unless the message
//! follows; once it has, until the message is gone.
//!
//! What was reported is copied for the moderators before it is released. They keep the copy for half
//! a year.

use chrono::{DateTime, TimeDelta, Utc};
use domain::chat::{Chat, ChatEvent};
use domain::library::{Library, LibraryCommand, LibraryEvent, Stage};
use domain::{AccountId, ChatId, Event, FileId, MessageId};
use serde::{Deserialize, Serialize};

use super::work::{self, Change};
use super::{Effect, EffectError, Policy};
use crate::files::Files;
use crate::gateway::Gateway;

/// How long a message may stay behind its attachment. They are milliseconds apart.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// How long moderators keep a file after its last report: complaints about what they decide are heard
/// for six months (Regulation (EU) 2022/2065, article 20).
const KEPT: TimeDelta = TimeDelta::days(200);

pub(crate) struct ReleaseFiles {
    pub(super) gateway: Gateway,
    pub(super) files: Files,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub(crate) enum Task {
    /// Copies the file for the moderators.
    Keep { owner: AccountId, file_id: FileId },
    /// Deletes that copy.
    Forget { file_id: FileId },
    /// Stored as it was when there was no other task: by processes of an earlier version too, and read
    /// by them.
    #[serde(untagged)]
    Release(Attached),
}

/// A file in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attached {
    owner: AccountId,
    file_id: FileId,
    chat_id: ChatId,
    message_id: MessageId,
}

impl Policy for ReleaseFiles {
    const NAME: &'static str = "release_files";
    type Task = Task;

    fn react(event: &Event) -> Vec<Change<Task>> {
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
                let file = Attached { owner, file_id, chat_id, message_id: *message_id };
                let due = *attached_at + GRACE;
                vec![Change::set(attached(&file), Some(due), Task::Release(file))]
            }
            Event::Chat(ChatEvent::MessageSent {
                chat_id, message_id, number, content, ..
            }) => {
                let Some(file) = content.file() else { return vec![] };
                let (owner, file_id, chat_id) = (file.owner, file.file_id, *chat_id);
                let file = Attached { owner, file_id, chat_id, message_id: *message_id };
                let sent = Change::set(sent(chat_id, *number), None, Task::Release(file));
                vec![Change::drop(attached(&file)), sent]
            }
            Event::Chat(ChatEvent::MessageReported {
                message_id,
                chat_id,
                seen,
                reported_at: at,
                ..
            }) => {
                let Some(file) = seen.value().and_then(|it| it.file) else { return vec![] };
                let (owner, file_id) = (file.owner, file.file_id);
                let keep = Task::Keep { owner, file_id };
                vec![
                    Change::set(reported(*chat_id, *message_id), Some(*at), keep),
                    Change::set(kept(file_id), Some(*at + KEPT), Task::Forget { file_id }),
                ]
            }
            Event::Chat(event) => {
                let Some(Gone { chat_id, numbers, at }) = gone(event) else { return vec![] };
                numbers.into_iter().map(|it| Change::wake(sent(chat_id, it), at)).collect()
            }
            Event::Library(_) | Event::Account(_) | Event::Devices(_) => vec![],
        }
    }

    async fn perform(&self, task: Task, effect: &Effect) -> Result<(), EffectError> {
        match task {
            Task::Release(file) => self.release(file, effect).await,
            Task::Keep { owner, file_id } => self.keep(owner, file_id).await,
            Task::Forget { file_id } => Ok(self.files.forget_reported(file_id).await?),
        }
    }
}

impl ReleaseFiles {
    async fn release(&self, file: Attached, effect: &Effect) -> Result<(), EffectError> {
        let Attached { owner, file_id, chat_id, message_id } = file;
        let look = |it: &Chat| (it.holds(message_id), it.number_of(message_id).is_some());
        let (is_there, was_sent) = self.gateway.inspect(&chat_id.to_string(), look).await?;
        if is_there {
            return Ok(()); // it was sent after all, and its own work stands beside this
        }
        // The report came before the message was gone, so this is known by now.
        if work::is_asked(self.gateway.db(), Self::NAME, &reported(chat_id, message_id)).await? {
            return Err(EffectError::Transient("moderators have no copy of it yet".to_owned()));
        }
        let command =
            LibraryCommand::Release { file_id, chat_id, message_id, was_sent, now: effect.now };
        self.gateway.execute::<Library>(&owner.to_string(), command, &effect.context()).await?;
        Ok(())
    }

    async fn keep(&self, owner: AccountId, file_id: FileId) -> Result<(), EffectError> {
        let look = |it: &Library| it.file(file_id).cloned();
        let Some(file) = self.gateway.inspect(&owner.to_string(), look).await? else {
            return Ok(()); // its owner is erased
        };
        match file.stage {
            Stage::Published => Ok(self.files.keep_reported(file_id, &file).await?),
            Stage::Completed => Err(EffectError::Transient("it is not published yet".to_owned())),
            Stage::Requested | Stage::Rejected(_) => Ok(()), // nobody has seen it
        }
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
        ChatEvent::MessageDeletedForEveryone {
            chat_id, number, kept: false, deleted_at, ..
        } => Some(Gone { chat_id: *chat_id, numbers: vec![*number], at: *deleted_at }),
        ChatEvent::MessagesExpired { chat_id, numbers, expired_at, .. } => {
            Some(Gone { chat_id: *chat_id, numbers: numbers.clone(), at: *expired_at })
        }
        ChatEvent::MessageDeletedForEveryone { kept: true, .. }
        | ChatEvent::Opened { .. }
        | ChatEvent::Revealed { .. }
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
fn attached(file: &Attached) -> String {
    format!("attached:{}/{}/{}", file.chat_id, file.message_id, file.file_id)
}

/// The file of a message that was reported.
fn reported(chat_id: ChatId, message_id: MessageId) -> String {
    format!("reported:{chat_id}/{message_id}")
}

/// The moderators' copy of a file.
fn kept(file_id: FileId) -> String {
    format!("kept:{file_id}")
}

/// The file of a message.
fn sent(chat_id: ChatId, number: u64) -> String {
    format!("sent:{chat_id}/{number}")
}

#[cfg(test)]
mod tests {
    use domain::chat::{Attachment, Content, ReportedCopy};
    use domain::{Personal, ReportId};
    use uuid::Uuid;

    use super::*;

    const OWNER: AccountId = AccountId(Uuid::from_u128(1));
    const FILE: FileId = FileId(Uuid::from_u128(2));
    const CHAT: ChatId = ChatId(Uuid::from_u128(3));
    const MESSAGE: MessageId = MessageId(Uuid::from_u128(4));
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
    const ATTACHED: Attached =
        Attached { owner: OWNER, file_id: FILE, chat_id: CHAT, message_id: MESSAGE };
    const RELEASE: Task = Task::Release(ATTACHED);

    #[test]
    fn a_release_is_stored_as_it_was_before_there_were_other_tasks() {
        let stored = serde_json::json!({
            "owner": OWNER, "file_id": FILE, "chat_id": CHAT, "message_id": MESSAGE,
        });
        assert_eq!(serde_json::to_value(RELEASE).unwrap(), stored);
        for task in [RELEASE, Task::Keep { owner: OWNER, file_id: FILE }] {
            let stored = serde_json::to_value(task).unwrap();
            assert_eq!(serde_json::from_value::<Task>(stored).unwrap(), task);
        }
    }

    #[test]
    fn an_attachment_waits_for_its_message() {
        let attached_event = LibraryEvent::FileAttached {
            owner: OWNER,
            file_id: FILE,
            by: OWNER,
            chat_id: CHAT,
            message_id: MESSAGE,
            attachments: 1,
            attached_at: NOW,
        };
        let changes = ReleaseFiles::react(&attached_event.into());
        assert_eq!(changes, [Change::set(attached(&ATTACHED), Some(NOW + GRACE), RELEASE)]);
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
        let expected =
            [Change::drop(attached(&ATTACHED)), Change::set(sent(CHAT, 7), None, RELEASE)];
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

    #[test]
    fn what_is_reported_is_copied_at_once_and_kept_for_half_a_year() {
        let file = Some(Attachment { file_id: FILE, owner: OWNER });
        let seen = |file| ReportedCopy {
            sender: OWNER,
            sent_at: NOW,
            text: None,
            file,
            reason: "spam".to_owned(),
        };
        let report = |seen| ChatEvent::MessageReported {
            chat_id: CHAT,
            report_id: ReportId(Uuid::from_u128(5)),
            message_id: MESSAGE,
            number: 7,
            by: AccountId(Uuid::from_u128(9)),
            seen,
            reported_at: NOW,
        };
        let of = |file| Personal::new(AccountId::MODERATORS, seen(file));
        let keep = Task::Keep { owner: OWNER, file_id: FILE };
        let forget = Task::Forget { file_id: FILE };
        let expected = [
            Change::set(reported(CHAT, MESSAGE), Some(NOW), keep),
            Change::set(kept(FILE), Some(NOW + KEPT), forget),
        ];
        assert_eq!(ReleaseFiles::react(&report(of(file)).into()), expected);
        assert_eq!(ReleaseFiles::react(&report(of(None)).into()), []);
        let erased = Personal::erased(AccountId::MODERATORS);
        assert_eq!(ReleaseFiles::react(&report(erased).into()), []);
    }
}
