//! What one device does: one thing after the other, each until its fate is known.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::client::{Ask, Client};
use super::dice::Dice;
use super::people::{Chat, Sent};
use super::{PERSISTENCE, Shared};
use crate::history::{Action, Answer, Attempt, Command, History, OwnRead};

/// Before the second attempt; it doubles with each one.
const BACK_OFF: Duration = Duration::from_millis(20);
const BACK_OFF_MAX: Duration = Duration::from_millis(500);

const EMOJI: [&str; 3] = ["\u{1f44d}", "\u{2764}\u{fe0f}", "\u{1f602}"];

pub(super) struct Device {
    shared: Arc<Shared>,
    person: usize,
    client: Client,
    dice: Dice,
    history: History,
}

impl Device {
    pub(super) fn new(shared: Arc<Shared>, person: usize, client: Client, dice: Dice) -> Self {
        Self { shared, person, client, dice, history: History::default() }
    }

    pub(super) async fn run(mut self) -> History {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.do_something().await;
            let pause = self.dice.around(self.shared.pause);
            sleep(pause).await;
        }
        self.history
    }

    async fn do_something(&mut self) {
        let shared = Arc::clone(&self.shared);
        let chats = shared.people.busy_chats_of(self.person);
        // The first chat of the first two is the hot one: they are there half of the time.
        let hot = self.person < 2 && self.dice.below(2) == 0;
        let Some(chat) = (if hot { chats.first() } else { self.dice.pick(&chats) }) else {
            return;
        };
        match self.dice.below(100) {
            0..52 => self.send(chat).await,
            52..62 => self.mark_read(chat).await,
            62..70 => self.mark_delivered(chat).await,
            70..76 => self.edit(chat).await,
            76..82 => self.react(chat).await,
            82..87 => self.delete_for_me(chat).await,
            87..91 => self.delete_for_everyone(chat).await,
            91..94 => self.open_again(chat).await,
            _ => self.ask_for_too_much(chat).await,
        }
    }

    async fn send(&mut self, chat: &Chat) {
        let message_id = self.dice.uuid();
        let text = format!("{message_id} says: \u{1f44b} \"{}\"", self.dice.roll());
        let action = Action::SendText { chat: chat.id, message_id, text };
        // A message has an id of its own to be known by; half of them have a key as well.
        let key = (self.dice.below(2) == 0).then(|| self.dice.uuid().to_string());
        let Some(answer) = self.command(action, key.clone()).await else { return };
        let (Some(number), Some(position)) = (answer.number, answer.position) else { return };
        if !answer.is_success() {
            return;
        }
        chat.sent(self.person, number, message_id);
        if self.dice.below(8) == 0 {
            self.read_own(chat.id, message_id, number, position).await;
        }
        if self.dice.below(20) == 0 && key.is_some() {
            let (message_id, text) = (self.dice.uuid(), "Something else".to_owned());
            let another = Action::SendText { chat: chat.id, message_id, text };
            self.must_be_refused(another, key).await;
        }
    }

    async fn mark_read(&mut self, chat: &Chat) {
        let up_to = chat.last();
        self.keyed(Action::MarkRead { chat: chat.id, up_to }).await;
    }

    async fn mark_delivered(&mut self, chat: &Chat) {
        let up_to = chat.last();
        self.keyed(Action::MarkDelivered { chat: chat.id, up_to }).await;
    }

    async fn edit(&mut self, chat: &Chat) {
        let me = self.person;
        let may = |it: &Sent| it.by == me && !it.edited;
        let Some(message_id) = self.take_message(chat, may, |it| it.edited = true) else { return };
        let text = format!("{message_id} says instead: \u{270f} {}", self.dice.roll());
        self.keyed(Action::Edit { chat: chat.id, message_id, text }).await;
    }

    async fn react(&mut self, chat: &Chat) {
        let me = self.person;
        let may = |it: &Sent| !it.reacted.contains(&me);
        let taken = self.take_message(chat, may, |it| it.reacted.push(me));
        let Some(message_id) = taken else { return };
        let emoji = EMOJI[self.dice.below(EMOJI.len())];
        self.keyed(react(chat.id, message_id, emoji)).await;
    }

    async fn delete_for_me(&mut self, chat: &Chat) {
        let Some(message_id) = self.pick_message(chat, |_| true) else { return };
        self.keyed(Action::DeleteForMe { chat: chat.id, message_id }).await;
    }

    async fn delete_for_everyone(&mut self, chat: &Chat) {
        let me = self.person;
        let Some(message_id) = self.pick_message(chat, |it| it.by == me) else { return };
        self.keyed(Action::DeleteForEveryone { chat: chat.id, message_id }).await;
    }

    async fn open_again(&mut self, chat: &Chat) {
        let with = if chat.members[0] == self.person { chat.members[1] } else { chat.members[0] };
        let with = self.shared.people.all()[with].id;
        self.keyed(Action::OpenChat { with }).await;
    }

    /// Commands that break a rule, and must leave nothing behind.
    async fn ask_for_too_much(&mut self, chat: &Chat) {
        let message_id = self.dice.uuid();
        let me = self.person;
        let shared = Arc::clone(&self.shared);
        let action = match self.dice.below(6) {
            0 => Action::SendText { chat: chat.id, message_id, text: " ".to_owned() },
            1 => Action::MarkRead { chat: chat.id, up_to: 1_000_000_000 },
            2 => match shared.people.chat_of_others(me) {
                Some(other) => {
                    Action::SendText { chat: other.id, message_id, text: "Let me in".to_owned() }
                }
                None => return,
            },
            3 => match self.pick_message(chat, |it| it.by != me) {
                Some(message_id) => Action::DeleteForEveryone { chat: chat.id, message_id },
                None => return,
            },
            4 => match self.pick_message(chat, |it| it.by != me) {
                Some(message_id) => {
                    Action::Edit { chat: chat.id, message_id, text: "You said so".to_owned() }
                }
                None => return,
            },
            _ => match shared.people.chat_of_others(me) {
                Some(other) => match self.pick_message(other, |_| true) {
                    Some(message_id) => react(other.id, message_id, EMOJI[0]),
                    None => return,
                },
                None => return,
            },
        };
        let key = Some(self.dice.uuid().to_string());
        self.must_be_refused(action, key).await;
    }

    async fn must_be_refused(&mut self, action: Action, key: Option<String>) {
        let answer = self.command(action.clone(), key).await;
        let accepted = answer.is_some_and(|it| it.is_success());
        assert!(!accepted, "{action:?} was accepted");
    }

    /// A command that nothing but its key tells from the next one like it.
    async fn keyed(&mut self, action: Action) {
        let key = Some(self.dice.uuid().to_string());
        self.command(action, key).await;
    }

    fn pick_message(&mut self, chat: &Chat, which: impl Fn(&Sent) -> bool) -> Option<Uuid> {
        self.take_message(chat, which, |_| {})
    }

    /// Picks a recent message, and notes what is to become of it before anybody else picks it.
    fn take_message(
        &mut self,
        chat: &Chat,
        which: impl Fn(&Sent) -> bool,
        take: impl FnOnce(&mut Sent),
    ) -> Option<Uuid> {
        let mut messages = chat.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let from = messages.len().saturating_sub(50);
        let recent: Vec<_> = (from..messages.len()).filter(|it| which(&messages[*it])).collect();
        let sent = &mut messages[*self.dice.pick(&recent)?];
        take(sent);
        Some(sent.id)
    }

    /// Asks until the fate of the command is known, or persistence ends. Some give up at the first
    /// trouble: then nobody ever knows.
    async fn command(&mut self, action: Action, key: Option<String>) -> Option<Answer> {
        let shared = Arc::clone(&self.shared);
        let me = &shared.people.all()[self.person];
        let mut ask = request(&action);
        ask.idempotency_key = key;
        let gives_up = self.dice.below(10) == 0;
        let begun = Instant::now();
        let mut wait = BACK_OFF;
        let mut attempts = Vec::new();
        let mut last = None;
        loop {
            let reply = self.client.ask(&ask, &me.token()).await.ok();
            let answer = reply.map(|it| it.answer);
            let known = answer.as_ref().is_some_and(|it| !it.is_worth_a_retry());
            attempts.push(answer.clone().map_or(Attempt::Unanswered, Attempt::Answered));
            if let Some(answer) = answer {
                let expired = answer.code == "invalid-token";
                last = Some(answer);
                if expired && me.sign_in(&mut self.client).await {
                    continue;
                }
            }
            if known || gives_up || begun.elapsed() > PERSISTENCE {
                break;
            }
            let pause = self.dice.around(wait);
            sleep(pause).await;
            wait = (wait * 2).min(BACK_OFF_MAX);
        }
        let command = Command { by: me.id, action, attempts };
        if command.is_acknowledged() {
            self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        self.history.commands.push(command);
        last
    }

    /// Reads what was just written, and asks that it be shown.
    async fn read_own(&mut self, chat: Uuid, message_id: Uuid, number: i64, min_position: i64) {
        let shared = Arc::clone(&self.shared);
        let me = &shared.people.all()[self.person];
        let after = number - 1;
        let mut ask = Ask::get(format!("/v1/chats/{chat}/messages?after={after}&limit=1"));
        ask.min_position = Some(min_position);
        let Ok(reply) = self.client.ask(&ask, &me.token()).await else { return };
        if reply.answer.status != 200 {
            return; // the promise is: never silently stale
        }
        self.history.reads.push(OwnRead {
            by: me.id,
            chat,
            min_position,
            message_id,
            number,
            position: reply.answer.position.unwrap_or_default(),
            shown: first_message(&reply.body),
        });
    }
}

fn react(chat: Uuid, message_id: Uuid, emoji: &str) -> Action {
    Action::React { chat, message_id, emoji: emoji.to_owned() }
}

fn first_message(body: &Value) -> Option<(i64, Uuid)> {
    let first = body["items"].get(0)?;
    Some((first["number"].as_i64()?, first["message_id"].as_str()?.parse().ok()?))
}

fn request(action: &Action) -> Ask {
    match action {
        Action::Register => Ask::new(Method::POST, "/v1/auth/email/register", Value::Null),
        Action::OpenChat { with } => {
            Ask::new(Method::POST, "/v1/chats", json!({ "member_id": with }))
        }
        Action::SendText { chat, message_id, text } => {
            let body = json!({ "message_id": message_id, "text": text });
            Ask::new(Method::POST, format!("/v1/chats/{chat}/messages"), body)
        }
        Action::MarkRead { chat, up_to } => {
            Ask::new(Method::PUT, format!("/v1/chats/{chat}/read"), json!({ "up_to": up_to }))
        }
        Action::MarkDelivered { chat, up_to } => {
            Ask::new(Method::PUT, format!("/v1/chats/{chat}/delivered"), json!({ "up_to": up_to }))
        }
        Action::Edit { chat, message_id, text } => {
            let path = format!("/v1/chats/{chat}/messages/{message_id}");
            Ask::new(Method::PATCH, path, json!({ "text": text }))
        }
        Action::React { chat, message_id, emoji } => {
            let path = format!("/v1/chats/{chat}/messages/{message_id}/reaction");
            Ask::new(Method::PUT, path, json!({ "emoji": emoji }))
        }
        Action::DeleteForMe { chat, message_id } => delete(*chat, *message_id, "me"),
        Action::DeleteForEveryone { chat, message_id } => delete(*chat, *message_id, "everyone"),
    }
}

fn delete(chat: Uuid, message_id: Uuid, whom: &str) -> Ask {
    let path = format!("/v1/chats/{chat}/messages/{message_id}?for={whom}");
    Ask::new(Method::DELETE, path, Value::Null)
}
