//! Who chats, and with whom.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{Ask, Client, Reply};
use crate::history::{Action, Attempt, Command, History};

/// A password costs some 30 ms: this many are registered in a moment.
const PEOPLE: usize = 8;

/// Long enough to be allowed.
const PASSWORD: &str = "correct horse battery staple";

pub struct Person {
    pub id: Uuid,
    email: String,
    token: Mutex<String>,
}

pub struct Chat {
    pub id: Uuid,
    /// Places in the list of people.
    pub members: [usize; 2],
    /// The highest number that anybody was told.
    last: AtomicI64,
    /// Messages that their senders know of.
    pub(super) messages: Mutex<Vec<Sent>>,
}

/// A message, and what was asked to become of it.
pub(super) struct Sent {
    pub(super) id: Uuid,
    /// The place of the sender.
    pub(super) by: usize,
    pub(super) edited: bool,
    /// The places of those who reacted.
    pub(super) reacted: Vec<usize>,
}

impl Chat {
    pub(super) fn last(&self) -> i64 {
        self.last.load(Ordering::Relaxed)
    }

    pub(super) fn sent(&self, by: usize, number: i64, message_id: Uuid) {
        self.last.fetch_max(number, Ordering::Relaxed);
        let sent = Sent { id: message_id, by, edited: false, reacted: vec![] };
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }
}

/// Everybody, and the chats between them. The first is the hot one; the last is left alone by the
/// load.
pub struct People {
    people: Vec<Person>,
    chats: Vec<Chat>,
}

impl People {
    /// Registers everybody, opens their chats and says the first words in each.
    pub async fn gather(client: &mut Client) -> (Self, History) {
        let mut history = History::default();
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(register(client, number, &mut history).await);
        }
        // A hot pair, a ring, and one across that nobody uses.
        let pairs = (0..PEOPLE).map(|it| [it, (it + 1) % PEOPLE]).chain([[2, 5]]);
        let mut chats = Vec::new();
        for members in pairs {
            chats.push(open(client, &people, members, &mut history).await);
        }
        (Self { people, chats }, history)
    }

    pub fn all(&self) -> &[Person] {
        &self.people
    }

    pub fn chats(&self) -> &[Chat] {
        &self.chats
    }

    /// The chat that the load does not touch.
    pub fn quiet_chat(&self) -> &Chat {
        self.chats.last().expect("there are chats")
    }

    /// The chats in which the load lets `person` write: the hot one first, when it is theirs.
    pub(super) fn busy_chats_of(&self, person: usize) -> Vec<&Chat> {
        let busy = &self.chats[..self.chats.len() - 1];
        busy.iter().filter(|it| it.members.contains(&person)).collect()
    }

    /// A chat that is none of `person`'s.
    pub(super) fn chat_of_others(&self, person: usize) -> Option<&Chat> {
        self.chats.iter().find(|it| !it.members.contains(&person))
    }
}

impl Person {
    pub fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs in anew: the token has expired. Whether it worked.
    pub async fn sign_in(&self, client: &mut Client) -> bool {
        let body = json!({ "email": self.email, "password": PASSWORD });
        let ask = Ask::new(hyper::Method::POST, "/v1/auth/email/login", body);
        let Ok(reply) = client.ask(&ask, "").await else {
            return false;
        };
        let Some(token) = reply.body["access_token"].as_str() else {
            return false;
        };
        token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
        true
    }
}

async fn register(client: &mut Client, number: usize, history: &mut History) -> Person {
    let email = format!("person{number}@example.org");
    let body = json!({
        "email": email,
        "password": PASSWORD,
        "username": format!("person{number}"),
        "display_name": format!("Person {number}"),
    });
    let ask = Ask::new(hyper::Method::POST, "/v1/auth/email/register", body);
    let reply = undisturbed(client, &ask, "").await;
    let id = reply.body["account_id"].as_str().and_then(|it| it.parse().ok());
    let id = id.expect("an account id is answered");
    let token = reply.body["access_token"].as_str().unwrap_or_default().to_owned();
    record(history, id, Action::Register, reply);
    Person { id, email, token: Mutex::new(token) }
}

async fn open(
    client: &mut Client,
    people: &[Person],
    members: [usize; 2],
    history: &mut History,
) -> Chat {
    let [by, with] = members.map(|it| &people[it]);
    let ask = Ask::new(hyper::Method::POST, "/v1/chats", json!({ "member_id": with.id }));
    let reply = undisturbed(client, &ask, &by.token()).await;
    let id = reply.answer.chat_id.expect("a chat id is answered");
    record(history, by.id, Action::OpenChat { with: with.id }, reply);

    let chat = Chat { id, members, last: AtomicI64::new(0), messages: Mutex::default() };
    let (message_id, text) = (Uuid::from_u128(id.as_u128() ^ 1), "Hello!".to_owned());
    let body = json!({ "message_id": message_id, "text": text });
    let ask = Ask::new(hyper::Method::POST, format!("/v1/chats/{id}/messages"), body);
    let reply = undisturbed(client, &ask, &by.token()).await;
    chat.sent(members[0], reply.answer.number.expect("a number is answered"), message_id);
    record(history, by.id, Action::SendText { chat: id, message_id, text }, reply);
    chat
}

/// Asks while nothing is broken yet. A server that has just started may not have all it needs.
async fn undisturbed(client: &mut Client, ask: &Ask, token: &str) -> Reply {
    for _ in 0..20 {
        match client.ask(ask, token).await {
            Ok(reply) if reply.answer.is_success() => return reply,
            Ok(reply) if reply.answer.status == 503 => sleep(Duration::from_millis(250)).await,
            Ok(reply) => panic!("{ask:?} was answered {reply:?}"),
            Err(error) => panic!("{ask:?} was not answered: {error}"),
        }
    }
    panic!("{ask:?} was answered 503 for too long");
}

fn record(history: &mut History, by: Uuid, action: Action, reply: Reply) {
    let attempts = vec![Attempt::Answered(reply.answer)];
    history.commands.push(Command { by, action, attempts });
}
