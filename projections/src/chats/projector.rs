use std::collections::HashMap;

use domain::account::AccountEvent;
use domain::chat::ChatEvent;
use domain::library::LibraryEvent;
use domain::{AccountId, ChatId, Event};
use eventlog::Position;
use sqlx::PgConnection;

use super::change::{Change, Opening, Side};
use super::expiring::Expiring;
use super::extras::Extras;
use super::rows::{Changed, Opened};
use super::settings::{Draft, Mute, Settings, Timer};
use crate::error::{ProjectionError, contradiction, count};

/// What a run of events changes in the lists of chats: one entry a chat, however much happens in it.
#[derive(Default)]
pub(crate) struct Changes {
    chats: HashMap<ChatId, Change>,
    expiring: Expiring,
    extras: Extras,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.chats.len() + self.expiring.len() + self.extras.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(
        &mut self,
        position: Position,
        event: &Event,
    ) -> Result<(), ProjectionError> {
        match event {
            Event::Account(event) => {
                self.fold_account(position, event);
                Ok(())
            }
            Event::Chat(event) => self.fold_chat(position, event),
            Event::Library(event) => {
                self.fold_library(position, event);
                Ok(())
            }
            Event::Devices(_) => Ok(()),
        }
    }

    /// Pictures are shown in the chats of others, as names are, and files in messages.
    fn fold_library(&mut self, position: Position, event: &LibraryEvent) {
        match event {
            LibraryEvent::AvatarSet { owner, .. } => {
                self.extras.touch_participants(*owner, position);
            }
            LibraryEvent::FilePublished { file_id, .. }
            | LibraryEvent::FileRejected { file_id, .. }
            | LibraryEvent::FileRemoved { file_id, .. } => {
                self.extras.touch_file(*file_id, position);
            }
            // A file that was not completed is in no message; that it is in one, the message says.
            LibraryEvent::UploadRequested { .. }
            | LibraryEvent::UploadCompleted { .. }
            | LibraryEvent::FileAttached { .. }
            | LibraryEvent::FileReleased { .. } => {}
        }
    }

    /// Names are shown in the chats of others; receipts are in one's own as well.
    fn fold_account(&mut self, position: Position, event: &AccountEvent) {
        match event {
            AccountEvent::Registered { .. } | AccountEvent::PresenceShown { .. } => {}
            AccountEvent::ProfileChanged { account_id, .. } => {
                self.extras.touch_participants(*account_id, position);
            }
            AccountEvent::PrivacyChanged { account_id, .. } => {
                self.extras.touch_own(*account_id, position);
                self.extras.touch_participants(*account_id, position);
            }
        }
    }

    fn fold_chat(&mut self, at: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        match event {
            ChatEvent::Opened { chat_id, members, opened_by, withheld, opened_at } => {
                if self.chats.contains_key(chat_id) {
                    return Err(contradiction("the chat is open already"));
                }
                let opening = Opening { at: *opened_at, position: at };
                let to = members.iter().filter(|it| !withheld || *it == opened_by);
                self.open(*chat_id, *members, to, opening)?;
            }
            ChatEvent::Revealed { chat_id, members, to, revealed_at } => {
                let opening = Opening { at: *revealed_at, position: at };
                self.open(*chat_id, *members, [to], opening)?;
            }
            ChatEvent::MessageSent { .. } => self.send(at, event)?,
            ChatEvent::MessagesRead { .. } => self.read(at, event)?,
            ChatEvent::MessagesDelivered { .. } => self.deliver(at, event)?,
            ChatEvent::MarkedUnread { chat_id, by, .. } => {
                self.side(*chat_id, *by, at)?.settings.marked_unread = Some(true);
            }
            ChatEvent::Cleared { chat_id, by, up_to, .. } => {
                self.clear(at, *chat_id, *by, count(*up_to)?)?;
            }
            ChatEvent::MessageDeletedForMe { chat_id, number, by, was_unread, .. } => {
                let number = count(*number)?;
                self.side(*chat_id, *by, at)?.unread_change -= i64::from(*was_unread);
                if *was_unread {
                    self.expiring.remove(*chat_id, number);
                }
            }
            ChatEvent::MessageDeletedForEveryone { .. } => self.delete(at, event)?,
            ChatEvent::MessagesExpired { .. } => self.expire(at, event)?,
            ChatEvent::MessageEdited { chat_id, by, withheld, .. }
            | ChatEvent::Reacted { chat_id, by, withheld, .. }
            | ChatEvent::ReactionRemoved { chat_id, by, withheld, .. }
            | ChatEvent::MessagePinned { chat_id, by, withheld, .. }
            | ChatEvent::MessageUnpinned { chat_id, by, withheld, .. }
            | ChatEvent::ActionAnswered { chat_id, by, withheld, .. } => {
                self.side(*chat_id, *by, at)?;
                if !withheld {
                    self.change(*chat_id).touch_both(at);
                }
            }
            ChatEvent::MessageStarred { chat_id, by, .. }
            | ChatEvent::MessageUnstarred { chat_id, by, .. } => {
                self.side(*chat_id, *by, at)?;
            }
            ChatEvent::DraftSaved { chat_id, by, text, reply_to, saved_at } => {
                let draft = Draft::new(text.as_ref(), reply_to.as_ref(), *saved_at);
                self.side(*chat_id, *by, at)?.settings.draft = Some(draft);
            }
            ChatEvent::DisappearingSet { chat_id, by, after, withheld, .. } => {
                let timer = Some(after.map_or(Timer::Off, Timer::On));
                self.side(*chat_id, *by, at)?.settings.timer = timer;
                if !withheld {
                    self.change(*chat_id).set_both(at, |it| it.timer = timer);
                }
            }
            ChatEvent::Muted { chat_id, by, until, .. } => {
                self.side(*chat_id, *by, at)?.settings.mute = Some(Mute::On(*until));
            }
            ChatEvent::Unmuted { chat_id, by, .. } => {
                self.side(*chat_id, *by, at)?.settings.mute = Some(Mute::Off);
            }
            ChatEvent::Archived { chat_id, by, .. } => {
                self.side(*chat_id, *by, at)?.settings.archived = Some(true);
            }
            ChatEvent::Unarchived { chat_id, by, .. } => {
                self.side(*chat_id, *by, at)?.settings.archived = Some(false);
            }
            ChatEvent::Deactivated { chat_id, .. } => self.activate(at, *chat_id, false),
            ChatEvent::Reactivated { chat_id, .. } => self.activate(at, *chat_id, true),
            ChatEvent::Blocked { chat_id, by, .. } | ChatEvent::Unblocked { chat_id, by, .. } => {
                self.extras.touch_if_open(*chat_id, *by, at);
            }
            ChatEvent::MessageReported { .. } => {}
        }
        Ok(())
    }

    /// The chat is there for `to` of its members.
    fn open<'a>(
        &mut self,
        chat: ChatId,
        [one, other]: [AccountId; 2],
        to: impl IntoIterator<Item = &'a AccountId>,
        opening: Opening,
    ) -> Result<(), ProjectionError> {
        let change = self.change(chat);
        change.sides_of(one, other)?;
        for account in to {
            change.side_of(*account)?.open(opening);
        }
        Ok(())
    }

    fn activate(&mut self, at: Position, chat: ChatId, active: bool) {
        let change = self.change(chat);
        change.is_of_any = true;
        change.set_both(at, |it| it.active = Some(active));
    }

    fn delete(&mut self, at: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessageDeletedForEveryone {
            chat_id,
            number,
            by,
            recipient,
            was_unread,
            withheld,
            kept,
            ..
        } = event
        else {
            return Ok(());
        };
        let number = count(*number)?;
        let [own, others] = self.change(*chat_id).sides_of(*by, *recipient)?;
        own.changed = Some(at.0);
        if !withheld {
            others.changed = Some(at.0);
            others.unread_change -= i64::from(*was_unread);
        }
        if *kept {
            self.extras.take_back(*chat_id, number, *by, at);
        } else {
            self.expiring.remove(*chat_id, number);
            self.extras.remove(*chat_id, number, at);
        }
        Ok(())
    }

    fn send(&mut self, at: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessageSent {
            chat_id,
            number,
            sender,
            recipient,
            content,
            withheld,
            forwarded,
            expires_at,
            ..
        } = event
        else {
            return Ok(());
        };
        let number = count(*number)?;
        let origin_number = forwarded.map(|it| count(it.origin_number)).transpose()?;
        let [own, others] = self.change(*chat_id).sides_of(*sender, *recipient)?;
        own.sent(number, at);
        if !withheld {
            others.sent(number, at);
            others.unread_change += 1;
            if let Some(expires_at) = expires_at {
                self.expiring.push(*chat_id, number, *recipient, *expires_at);
            }
        }
        if let Some(file) = content.file() {
            self.extras.attach(*chat_id, *sender, file.file_id, at);
            if !withheld {
                self.extras.attach(*chat_id, *recipient, file.file_id, at);
            }
        }
        if let Some((origin, number)) = forwarded.zip(origin_number) {
            self.extras.forward(*chat_id, (origin.origin_chat, number), at);
        }
        Ok(())
    }

    fn read(&mut self, at: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessagesRead { chat_id, reader, up_to, unread, withheld, read_at: _ } =
            event
        else {
            return Ok(());
        };
        let (up_to, unread) = (count(*up_to)?, count(*unread)?);
        let side = self.side(*chat_id, *reader, at)?;
        side.recount(unread);
        side.settings.read(up_to);
        if !withheld {
            let other = self.change(*chat_id).other_than(*reader)?;
            other.settings.participant_read.advance(up_to, at);
            other.settings.participant_delivered.advance(up_to, at);
        }
        Ok(())
    }

    fn deliver(&mut self, at: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessagesDelivered { chat_id, by, up_to, withheld, delivered_at: _ } = event
        else {
            return Ok(());
        };
        let up_to = count(*up_to)?;
        self.side(*chat_id, *by, at)?.settings.delivered(up_to);
        if !withheld {
            let other = self.change(*chat_id).other_than(*by)?;
            other.settings.participant_delivered.advance(up_to, at);
        }
        Ok(())
    }

    fn clear(
        &mut self,
        at: Position,
        chat: ChatId,
        by: AccountId,
        up_to: i64,
    ) -> Result<(), ProjectionError> {
        let side = self.side(chat, by, at)?;
        side.recount(0);
        side.settings.read(up_to);
        side.settings.cleared_up_to = Some(up_to);
        self.extras.clear(chat, by, up_to, at);
        Ok(())
    }

    fn expire(&mut self, at: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessagesExpired { chat_id, numbers, members, unread, expired_at: _ } = event
        else {
            return Ok(());
        };
        let numbers = numbers.iter().map(|it| count(*it)).collect::<Result<Vec<_>, _>>()?;
        let (first, second) = (count(unread[0])?, count(unread[1])?);
        let change = self.change(*chat_id);
        let [one, other] = change.sides_of(members[0], members[1])?;
        one.recount(first);
        other.recount(second);
        change.is_of_any = true;
        change.touch_both(at);
        for number in numbers {
            self.expiring.remove(*chat_id, number);
            self.extras.remove(*chat_id, number, at);
        }
        Ok(())
    }

    fn change(&mut self, chat: ChatId) -> &mut Change {
        self.chats.entry(chat).or_default()
    }

    /// The side of `account`, to whom something happened at `position`.
    fn side(
        &mut self,
        chat: ChatId,
        account: AccountId,
        position: Position,
    ) -> Result<&mut Side, ProjectionError> {
        let side = self.change(chat).side_of(account)?;
        side.changed = Some(position.0);
        Ok(side)
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut opened = Opened::default();
        let mut changed = Changed::default();
        let mut settings = Settings::default();
        for (chat_id, change) in self.chats {
            opened.push(chat_id, &change);
            changed.push(chat_id, &change);
            settings.push(chat_id, change);
        }
        opened.write(db).await?;
        changed.write(db).await?;
        settings.write(db).await?;
        self.expiring.write(db).await?;
        self.extras.write(db).await
    }
}
