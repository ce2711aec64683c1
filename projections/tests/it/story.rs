//! Everything that people do in chats, at random: what the rules refuse records nothing.

use chrono::TimeDelta;
use domain::account::AccountCommand;
use domain::chat::{
    Attachment, ChatCommand, ChatEvent, Disappearing, Forwarded, NewContent, Outgoing, Reference,
};
use domain::library::{LibraryCommand, Rejection, Removal};
use domain::{AccountId, ChatId, MessageId};
use serde_json::json;
use uuid::Uuid;

use crate::dice::Dice;
use crate::world::{LIMITS, World};

/// Three people, and what has happened between them.
pub struct Story {
    pub people: Vec<AccountId>,
    chats: Vec<(ChatId, [AccountId; 2])>,
    sent: Vec<Sent>,
    /// Files that have arrived: those that wait to be published, and those that are.
    arrived: Vec<Attachment>,
    published: Vec<Attachment>,
    step: u64,
}

#[derive(Clone, Copy)]
struct Sent {
    chat: ChatId,
    message_id: MessageId,
    number: u64,
    sender: AccountId,
}

impl Story {
    pub async fn begin(world: &mut World) -> Self {
        let mut people = vec![];
        for name in ["alice", "bob", "carol"] {
            people.push(world.register(name).await);
        }
        // The third chat is one that somebody opens with who has blocked them.
        let (by, whom, now) = (people[0], people[2], world.now());
        world.on_chat(ChatId::between(by, whom), ChatCommand::Block { by, whom, now }).await;
        let mut chats = vec![];
        for (one, other) in [(0, 1), (1, 2), (2, 0)] {
            let members = [people[one], people[other]];
            chats.push((world.open(members[0], members[1]).await, members));
        }
        let (sent, arrived, published) = (vec![], vec![], vec![]);
        Self { people, chats, sent, arrived, published, step: 0 }
    }

    /// Something happens. Mostly in the first chat.
    pub async fn step(&mut self, world: &mut World, dice: &mut Dice) {
        self.step += 1;
        if dice.below(40) == 0 {
            return self.change_account(world, dice).await;
        }
        if dice.below(12) == 0 {
            return self.change_files(world, dice).await;
        }
        let (chat, members) =
            if dice.below(3) == 0 { *dice.pick(&self.chats) } else { self.chats[0] };
        let by = *dice.pick(&members);
        let command = match dice.below(10) {
            0..=3 => self.sending(world, dice, chat, by).await,
            4..=6 => self.changing(world, dice, chat, by),
            _ => Self::setting(world, dice, by, members),
        };
        for event in world.on_chat(chat, command).await {
            if let ChatEvent::MessageSent { chat_id, message_id, number, sender, .. } = event {
                self.sent.push(Sent { chat: chat_id, message_id, number, sender });
            }
        }
    }

    async fn change_account(&self, world: &mut World, dice: &mut Dice) {
        let (account, now) = (*dice.pick(&self.people), world.now());
        let command = if dice.below(2) == 0 {
            let display_name = Some(format!("Renamed {}", self.step));
            AccountCommand::ChangeProfile { username: None, display_name, now }
        } else {
            AccountCommand::ChangePrivacy { read_receipts: dice.below(2) == 0, now }
        };
        world.on_account(account, command).await;
    }

    /// A file arrives, or it is seen what becomes of one that has: also long after it was sent.
    async fn change_files(&mut self, world: &mut World, dice: &mut Dice) {
        let now = world.now();
        if self.arrived.is_empty() || dice.below(2) == 0 {
            let owner = *dice.pick(&self.people);
            let file_id = world.upload(owner).await;
            return self.arrived.push(Attachment { file_id, owner });
        }
        let index = usize::try_from(dice.below(self.arrived.len() as u64)).expect("small");
        let file = self.arrived.swap_remove(index);
        let file_id = file.file_id;
        let command = match dice.below(4) {
            0 => LibraryCommand::RejectFile { file_id, reason: Rejection::Infected, now },
            1 => LibraryCommand::RemoveFile { file_id, why: Removal::Erased, now },
            _ => {
                self.published.push(file);
                LibraryCommand::PublishFile { file_id, size: 1, image: None, now }
            }
        };
        world.on_library(file.owner, command).await;
    }

    /// A file that is attached to the message, if there is one to attach.
    async fn attached(
        &self,
        world: &mut World,
        dice: &mut Dice,
        (chat_id, message_id): (ChatId, MessageId),
        by: AccountId,
    ) -> Option<Attachment> {
        let files = if dice.below(3) == 0 { &self.published } else { &self.arrived };
        let file = (!files.is_empty()).then(|| *dice.pick(files))?;
        let (file_id, now) = (file.file_id, world.now());
        let attach = LibraryCommand::Attach { file_id, by, chat_id, message_id, now };
        world.on_library(file.owner, attach).await;
        Some(file)
    }

    async fn sending(
        &self,
        world: &mut World,
        dice: &mut Dice,
        chat: ChatId,
        by: AccountId,
    ) -> ChatCommand {
        let text = format!("text {} #tag{}", self.step, dice.below(3));
        let message_id = MessageId(world.id());
        let file = match dice.below(4) {
            0 => self.attached(world, dice, (chat, message_id), by).await,
            _ => None,
        };
        let content = if let Some(file) = file {
            NewContent::File { file, caption: None }
        } else if dice.below(6) == 0 {
            let action_params = json!({ "choices": ["yes", "no"] });
            NewContent::Actionable { text, action: "ask".to_owned(), action_params }
        } else {
            NewContent::Text { text }
        };
        let reply_to = (dice.below(3) == 0).then(|| self.message(dice, chat).message_id);
        let origin = (dice.below(5) == 0).then(|| self.any_message(dice)).flatten();
        let message = Outgoing {
            message_id,
            sender: by,
            content,
            reply_to,
            reference: (dice.below(9) == 0)
                .then(|| Reference { kind: "order".to_owned(), id: self.step.to_string() }),
            tags: vec![],
            forwarded: origin.map(|it| Forwarded {
                sender: it.sender,
                sent_at: world.now(),
                hops: 1,
                origin_chat: it.chat,
                origin_number: it.number,
            }),
        };
        ChatCommand::Send { message: Box::new(message), limits: LIMITS, now: world.now() }
    }

    fn changing(&self, world: &World, dice: &mut Dice, chat: ChatId, by: AccountId) -> ChatCommand {
        let (now, message_id) = (world.now(), self.message(dice, chat).message_id);
        match dice.below(14) {
            0..=3 => ChatCommand::Edit {
                message_id,
                by,
                text: Some(format!("edited {}", self.step)),
                tags: vec![],
                limits: LIMITS,
                now,
            },
            4 => ChatCommand::DeleteForMe { message_id, by, now },
            5 => ChatCommand::DeleteForEveryone { message_id, by, now },
            6 | 7 => {
                let emoji = (*dice.pick(&["👍", "❤️", "👋🏽"])).to_owned();
                ChatCommand::React { message_id, by, emoji, now }
            }
            8 => ChatCommand::RemoveReaction { message_id, by, now },
            9 => ChatCommand::Pin { message_id, by, now },
            10 => ChatCommand::Unpin { message_id, by, now },
            11 => ChatCommand::Star { message_id, by, now },
            12 => ChatCommand::Unstar { message_id, by, now },
            _ => ChatCommand::Answer { message_id, by, answer: json!("yes"), now },
        }
    }

    fn setting(
        world: &World,
        dice: &mut Dice,
        by: AccountId,
        [one, other]: [AccountId; 2],
    ) -> ChatCommand {
        let now = world.now();
        let whom = if by == one { other } else { one };
        match dice.below(24) {
            0..=3 => ChatCommand::MarkRead { reader: by, up_to: dice.below(80), now },
            4 | 5 => ChatCommand::MarkDelivered { by, up_to: dice.below(80), now },
            6 => ChatCommand::MarkUnread { by, now },
            7 if dice.below(4) == 0 => ChatCommand::Clear { by, now },
            8 | 9 => ChatCommand::SaveDraft {
                by,
                text: (dice.below(3) > 0).then(|| format!("draft {}", dice.below(1_000))),
                reply_to: None,
                limits: LIMITS,
                now,
            },
            10 => {
                let choices = [None, Some(Disappearing::OneDay), Some(Disappearing::NinetyDays)];
                ChatCommand::SetDisappearing { by, after: *dice.pick(&choices), now }
            }
            11 => {
                let until = (dice.below(2) == 0).then(|| now + TimeDelta::days(1_000));
                ChatCommand::Mute { by, until, now }
            }
            12 => ChatCommand::Unmute { by, now },
            13 => ChatCommand::Archive { by, now },
            14 => ChatCommand::Unarchive { by, now },
            15 => ChatCommand::Block { by, whom, now },
            16..=18 => ChatCommand::Unblock { by, whom, now },
            19 if dice.below(3) == 0 => ChatCommand::Expire { now: now + TimeDelta::days(2) },
            20 if dice.below(4) == 0 => ChatCommand::Deactivate { now },
            21 => ChatCommand::Open { by, with: whom, now },
            _ => ChatCommand::Reactivate { now },
        }
    }

    fn any_message(&self, dice: &mut Dice) -> Option<Sent> {
        (!self.sent.is_empty()).then(|| *dice.pick(&self.sent))
    }

    /// One of the chat, or one that nobody knows.
    fn message(&self, dice: &mut Dice, chat: ChatId) -> Sent {
        let of_chat: Vec<_> = self.sent.iter().filter(|it| it.chat == chat).copied().collect();
        if of_chat.is_empty() {
            let (message_id, sender) = (MessageId(Uuid::nil()), AccountId(Uuid::nil()));
            return Sent { chat, message_id, number: 0, sender };
        }
        *dice.pick(&of_chat)
    }
}
