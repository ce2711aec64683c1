//! What the log says the read models should hold: plain maps, counted anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::chat::ChatEvent;
use domain::{AccountId, ChatId, Event};
use eventlog::RecordedEvent;
use uuid::Uuid;

use super::rows::{AccountRow, ChatRow, MessageRow, Rows};

pub(super) fn accounts<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> Rows {
    let mut accounts: HashMap<AccountId, AccountRow> = HashMap::new();
    for recorded in events {
        let Ok(Event::Account(event)) = &recorded.event else { continue };
        match event.clone() {
            AccountEvent::Registered {
                account_id,
                username,
                display_name,
                email,
                registered_at,
            } => {
                let row = AccountRow {
                    account_id: account_id.0,
                    username: username.into_value(),
                    display_name: display_name.into_value(),
                    email: email.into_value(),
                    registered_at,
                };
                accounts.insert(account_id, row);
            }
            AccountEvent::ProfileChanged { account_id, username, display_name, changed_at: _ } => {
                let Some(row) = accounts.get_mut(&account_id) else { continue };
                if let Some(username) = username {
                    row.username = username.into_value();
                }
                if let Some(display_name) = display_name {
                    row.display_name = display_name.into_value();
                }
            }
        }
    }
    accounts.into_values().map(AccountRow::into_entry).collect()
}

pub(super) fn chats<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> Rows {
    fold_chats(events).into_iter().flat_map(|(id, chat)| chat.sides(id)).collect()
}

pub(super) fn messages<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> Rows {
    fold_chats(events).into_iter().flat_map(|(id, chat)| chat.messages(id)).collect()
}

#[derive(Default)]
struct ChatFold {
    opened: Option<([AccountId; 2], DateTime<Utc>)>,
    is_inactive: bool,
    activity: i64,
    messages: BTreeMap<u64, MessageFold>,
    read_up_to: HashMap<AccountId, u64>,
}

struct MessageFold {
    message_id: Uuid,
    sender: AccountId,
    text: Option<String>,
    sent_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    hidden_for: BTreeSet<AccountId>,
}

fn fold_chats<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> HashMap<ChatId, ChatFold> {
    let mut chats: HashMap<ChatId, ChatFold> = HashMap::new();
    for recorded in events {
        let Ok(Event::Chat(event)) = &recorded.event else { continue };
        let position = recorded.position.0;
        match event.clone() {
            ChatEvent::Opened { chat_id, members, opened_by: _, opened_at } => {
                let chat = chats.entry(chat_id).or_default();
                chat.opened = Some((members, opened_at));
                chat.activity = position;
            }
            ChatEvent::TextSent {
                chat_id,
                message_id,
                number,
                sender,
                recipient: _,
                text,
                sent_at,
            } => {
                let chat = chats.entry(chat_id).or_default();
                chat.activity = position;
                let message = MessageFold {
                    message_id: message_id.0,
                    sender,
                    text: text.into_value(),
                    sent_at,
                    deleted_at: None,
                    hidden_for: BTreeSet::new(),
                };
                chat.messages.insert(number, message);
            }
            ChatEvent::MessagesRead { chat_id, reader, up_to, unread: _, read_at: _ } => {
                chats.entry(chat_id).or_default().read_up_to.insert(reader, up_to);
            }
            ChatEvent::MessageDeletedForMe { chat_id, number, by, .. } => {
                if let Some(message) = message(&mut chats, chat_id, number) {
                    message.hidden_for.insert(by);
                }
            }
            ChatEvent::MessageDeletedForEveryone { chat_id, number, deleted_at, .. } => {
                if let Some(message) = message(&mut chats, chat_id, number) {
                    message.text = None;
                    message.deleted_at = Some(deleted_at);
                }
            }
            ChatEvent::Deactivated { chat_id, .. } => {
                chats.entry(chat_id).or_default().is_inactive = true;
            }
            ChatEvent::Reactivated { chat_id, .. } => {
                chats.entry(chat_id).or_default().is_inactive = false;
            }
        }
    }
    chats
}

fn message(
    chats: &mut HashMap<ChatId, ChatFold>,
    chat: ChatId,
    number: u64,
) -> Option<&mut MessageFold> {
    chats.get_mut(&chat)?.messages.get_mut(&number)
}

impl ChatFold {
    fn sides(self, chat: ChatId) -> Vec<super::rows::Entry> {
        let Some((members, opened_at)) = self.opened else { return vec![] };
        let [first, second] = members;
        let side = |(account, participant): (AccountId, AccountId)| {
            ChatRow {
                chat_id: chat.0,
                account_id: account.0,
                participant_id: participant.0,
                total_messages: number(self.messages.keys().last().copied().unwrap_or_default()),
                unread_count: number(self.unread(account)),
                read_up_to: number(self.read_up_to(account)),
                active: !self.is_inactive,
                opened_at,
                activity: self.activity,
            }
            .into_entry()
        };
        [(first, second), (second, first)].map(side).into()
    }

    fn read_up_to(&self, account: AccountId) -> u64 {
        self.read_up_to.get(&account).copied().unwrap_or_default()
    }

    /// Messages of the other member, after the read pointer, that are there for `account`.
    fn unread(&self, account: AccountId) -> u64 {
        let unread = self.messages.range(self.read_up_to(account) + 1..).filter(|(_, message)| {
            message.sender != account
                && message.deleted_at.is_none()
                && !message.hidden_for.contains(&account)
        });
        unread.count() as u64
    }

    fn messages(self, chat: ChatId) -> Vec<super::rows::Entry> {
        let row = |(place, message): (u64, MessageFold)| {
            MessageRow {
                chat_id: chat.0,
                number: number(place),
                message_id: message.message_id,
                sender_id: message.sender.0,
                text: message.text,
                sent_at: message.sent_at,
                deleted_at: message.deleted_at,
                hidden_for: message.hidden_for.into_iter().map(|it| it.0).collect(),
            }
            .into_entry()
        };
        self.messages.into_iter().map(row).collect()
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
