//! Which events are news to somebody.

use chrono::TimeDelta;
use domain::Event;
use domain::chat::ChatEvent;
use domain::{AccountId, ChatId};

use super::News;
use crate::policies::work::Change;

/// Whoever reads does so message by message: what else they may still be shown is taken away once they
/// pause.
const READING_PAUSE: TimeDelta = TimeDelta::seconds(2);

pub(super) fn react(event: &Event) -> Vec<Change<News>> {
    let Event::Chat(event) = event else { return vec![] };
    match *event {
        ChatEvent::MessageSent {
            chat_id,
            message_id,
            number,
            sender,
            recipient,
            expires_at,
            withheld: false,
            sent_at,
            ..
        } => {
            let news = News::Message {
                chat_id,
                message_id,
                number,
                sender,
                recipient,
                sent_at,
                expires_at,
            };
            vec![Change::set(messages(chat_id, recipient), Some(sent_at), news)]
        }
        ChatEvent::Reacted {
            chat_id, message_id, number, by, withheld: false, reacted_at, ..
        } => {
            let news = News::Reaction { chat_id, message_id, number, by, reacted_at };
            vec![Change::set(reaction(chat_id, number, by), Some(reacted_at), news)]
        }
        ChatEvent::ReactionRemoved { chat_id, number, by, .. } => {
            vec![Change::drop(reaction(chat_id, number, by))]
        }
        ChatEvent::MessagesRead { chat_id, reader, up_to, read_at: at, .. }
        | ChatEvent::Cleared { chat_id, by: reader, up_to, cleared_at: at } => {
            let news = News::Read { chat_id, reader, up_to };
            vec![Change::set(format!("read/{chat_id}/{reader}"), Some(at + READING_PAUSE), news)]
        }
        ChatEvent::MessageDeletedForEveryone {
            chat_id,
            message_id,
            number,
            recipient,
            was_unread: true,
            kept: false,
            deleted_at,
            ..
        } => {
            let news = News::Deleted { chat_id, message_id, number, recipient };
            vec![Change::set(format!("deleted/{chat_id}/{number}"), Some(deleted_at), news)]
        }
        // Nobody is told of these.
        ChatEvent::Opened { .. }
        | ChatEvent::Revealed { .. }
        | ChatEvent::MessageSent { .. }
        | ChatEvent::MessageEdited { .. }
        | ChatEvent::MessagesDelivered { .. }
        | ChatEvent::MarkedUnread { .. }
        | ChatEvent::MessageDeletedForMe { .. }
        | ChatEvent::MessageDeletedForEveryone { .. }
        | ChatEvent::MessagesExpired { .. }
        | ChatEvent::Reacted { .. }
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
        | ChatEvent::Reactivated { .. } => vec![],
    }
}

/// Of one chat and recipient the last message is news: it stands for those before it.
fn messages(chat_id: ChatId, recipient: AccountId) -> String {
    format!("message/{chat_id}/{recipient}")
}

/// Reactions to different messages are news each for itself.
fn reaction(chat_id: ChatId, number: u64, by: AccountId) -> String {
    format!("reaction/{chat_id}/{number}/{by}")
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use domain::chat::Content;
    use domain::{MessageId, Personal};
    use uuid::Uuid;

    use super::*;

    const NOON: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    const ADA: AccountId = AccountId(Uuid::from_u128(1));
    const BEN: AccountId = AccountId(Uuid::from_u128(2));
    const CHAT: ChatId = ChatId(Uuid::from_u128(3));
    const MESSAGE: MessageId = MessageId(Uuid::from_u128(4));

    fn sent(withheld: bool) -> Event {
        let content = Content::Text { text: Personal::new(ADA, "secret".to_owned()) };
        Event::Chat(ChatEvent::MessageSent {
            chat_id: CHAT,
            message_id: MESSAGE,
            number: 7,
            sender: ADA,
            recipient: BEN,
            content,
            reply_to: None,
            reference: None,
            tags: None,
            forwarded: None,
            expires_at: None,
            withheld,
            spent_ms: 0,
            sent_at: NOON,
        })
    }

    fn deleted(was_unread: bool, kept: bool) -> Event {
        Event::Chat(ChatEvent::MessageDeletedForEveryone {
            chat_id: CHAT,
            message_id: MESSAGE,
            number: 7,
            by: ADA,
            recipient: BEN,
            was_unread,
            withheld: false,
            kept,
            deleted_at: NOON,
        })
    }

    #[test]
    fn a_message_is_news_at_once_unless_it_is_withheld() {
        let changes = react(&sent(false));
        let [change] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!(change.key, format!("message/{CHAT}/{BEN}"));
        let stored = format!("{change:?}");
        assert!(!stored.contains("secret"), "{stored}");
        assert_eq!(react(&sent(true)), vec![]);
    }

    #[test]
    fn what_was_deleted_unseen_is_taken_back() {
        assert_eq!(react(&deleted(true, false)).len(), 1);
        assert_eq!(react(&deleted(false, false)), vec![]);
        assert_eq!(react(&deleted(true, true)), vec![]);
    }
}
