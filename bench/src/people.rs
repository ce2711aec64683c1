//! Who sends to whom over HTTP.

use std::net::SocketAddr;

use domain::AccountId;
use eventlog::Ids;
use serde_json::{Value, json};

use crate::Outcome;
use crate::http::{Connection, request, unexpected};
use crate::kinds::Kind;

/// Connections, each of one sender. As many as the clients of pgbench.
pub(crate) const SENDERS: usize = 32;

/// People each sender has a chat with.
const RECIPIENTS: usize = 32;

/// Chats that the load is spread over.
pub(crate) const CHATS: usize = SENDERS * RECIPIENTS;

/// What is said, again and again: as long as a usual message.
pub(crate) const TEXT: &str = "The quick brown fox jumps over the lazy dog, and the dog sleeps on.";

const UUID_LEN: usize = 36;

struct Person {
    account_id: String,
    access_token: String,
    refresh_token: String,
}

/// Everybody, signed in.
pub(crate) struct People {
    senders: Vec<Person>,
    recipients: Vec<Person>,
    /// Of each sender, the chats.
    chats: Vec<Vec<String>>,
}

impl People {
    /// Registers everybody and opens every chat.
    pub(crate) async fn register(addr: SocketAddr) -> Outcome<Self> {
        let mut connection = Connection::open(addr).await?;
        let mut everybody = Vec::new();
        for number in 0..SENDERS + RECIPIENTS {
            everybody.push(register(&mut connection, number).await?);
        }
        let recipients = everybody.split_off(SENDERS);
        let mut chats = Vec::new();
        for sender in &everybody {
            let mut own = Vec::new();
            for recipient in &recipients {
                let body = json!({ "member_id": recipient.account_id });
                let token = Some(sender.access_token.as_str());
                let answer = connection.json("POST", "/v1/chats", token, Some(&body)).await?;
                own.push(text(&answer, "chat_id")?);
            }
            chats.push(own);
        }
        Ok(Self { senders: everybody, recipients, chats })
    }

    /// Gives each recipient a phone.
    pub(crate) async fn register_phones(&self, addr: SocketAddr, ids: &Ids) -> Outcome<()> {
        let mut connection = Connection::open(addr).await?;
        for recipient in &self.recipients {
            let path = format!("/v1/devices/{}", ids.next());
            let body = json!({ "platform": "android", "token": recipient.account_id }).to_string();
            let token = Some(recipient.access_token.as_str());
            let answer = connection.call(&request("PUT", &path, token, "", &body)).await?;
            if answer.status != 204 {
                return Err(unexpected(&answer, "registering a phone"));
            }
        }
        Ok(())
    }

    /// Somebody who is signed in, and their access token.
    pub(crate) fn reader(&self) -> Outcome<(AccountId, &str)> {
        let first = self.senders.first().ok_or("nobody is signed in")?;
        Ok((AccountId(first.account_id.parse()?), &first.access_token))
    }

    /// The access tokens of those who send.
    pub(crate) fn senders(&self) -> impl Iterator<Item = &str> {
        self.senders.iter().map(|it| it.access_token.as_str())
    }

    /// Of those who are sent something.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = &str> {
        self.recipients.iter().map(|it| it.access_token.as_str())
    }

    /// New access tokens: the old ones end after ten minutes.
    pub(crate) async fn refresh(&mut self, addr: SocketAddr) -> Outcome<()> {
        let mut connection = Connection::open(addr).await?;
        for it in self.senders.iter_mut().chain(&mut self.recipients) {
            let body = json!({ "refresh_token": it.refresh_token });
            let answer = connection.json("POST", "/v1/auth/refresh", None, Some(&body)).await?;
            *it = person(&answer)?;
        }
        Ok(())
    }

    /// What each connection sends: its sender's messages to each of their chats in turn.
    pub(crate) fn lanes(&self, ids: &Ids) -> Vec<Lane> {
        let lane = |(sender, chats): (&Person, &Vec<String>)| {
            Lane::new(sender, chats.iter().map(String::as_str), &said(), ids)
        };
        self.senders.iter().zip(&self.chats).map(lane).collect()
    }

    /// The same, by the first `senders` alone, to the first `recipients` of each.
    pub(crate) fn lanes_of_few(&self, senders: usize, recipients: usize, ids: &Ids) -> Vec<Lane> {
        let lane = |(sender, chats): (&Person, &Vec<String>)| {
            Lane::new(sender, chats.iter().take(recipients).map(String::as_str), &said(), ids)
        };
        self.senders.iter().zip(&self.chats).take(senders).map(lane).collect()
    }

    /// The chats that those go to.
    pub(crate) fn chats_of_few(&self, senders: usize, recipients: usize) -> Vec<String> {
        self.chats.iter().take(senders).flat_map(|it| it.iter().take(recipients).cloned()).collect()
    }

    /// The same with messages of `kind`.
    pub(crate) async fn lanes_of(
        &self,
        kind: Kind,
        addr: SocketAddr,
        ids: &Ids,
    ) -> Outcome<Vec<Lane>> {
        let mut lanes = Vec::new();
        for (sender, chats) in self.senders.iter().zip(&self.chats) {
            let fields = kind.fields(addr, &sender.access_token).await?;
            lanes.push(Lane::new(sender, chats.iter().map(String::as_str), &fields, ids));
        }
        Ok(lanes)
    }

    /// The same, all into one chat, by one of its members over every connection.
    pub(crate) fn lanes_to_one(&self, ids: &Ids) -> Vec<Lane> {
        let first = self.senders.iter().zip(&self.chats).next();
        let lane = |_| {
            first.map(|(it, chats)| Lane::new(it, chats.first().map(String::as_str), &said(), ids))
        };
        (0..SENDERS).filter_map(lane).collect()
    }
}

/// Registers `count` more, who know nobody, and signs them in.
pub(crate) async fn strangers(addr: SocketAddr, count: usize) -> Outcome<Vec<String>> {
    let mut connection = Connection::open(addr).await?;
    let mut tokens = Vec::new();
    for number in 0..count {
        tokens.push(register(&mut connection, SENDERS + RECIPIENTS + number).await?.access_token);
    }
    Ok(tokens)
}

async fn register(connection: &mut Connection, number: usize) -> Outcome<Person> {
    let body = json!({
        "email": format!("bench{number}@example.org"),
        "password": format!("a password for bench {number}"),
        "username": format!("bench_{number}"),
        "display_name": format!("Bench {number}"),
    });
    person(&connection.json("POST", "/v1/auth/email/register", None, Some(&body)).await?)
}

/// The fields of a text.
pub(crate) fn said() -> String {
    format!(r#""text":"{TEXT}""#)
}

fn person(answer: &Value) -> Outcome<Person> {
    Ok(Person {
        account_id: text(answer, "account_id")?,
        access_token: text(answer, "access_token")?,
        refresh_token: text(answer, "refresh_token")?,
    })
}

fn text(answer: &Value, field: &str) -> Outcome<String> {
    let value = answer.get(field).and_then(Value::as_str);
    Ok(value.ok_or_else(|| format!("the answer has no {field}"))?.to_owned())
}

/// The requests of one connection, made beforehand: only the message id changes from one to the
/// next.
pub(crate) struct Lane {
    chats: Vec<ChatRequests>,
    turn: usize,
    message_id: u128,
}

struct ChatRequests {
    send: Vec<u8>,
    /// Where the message id stands.
    id_at: usize,
    /// A read of the newest message, up to where the position goes, and from there on.
    read: (Vec<u8>, Vec<u8>),
}

impl Lane {
    /// `fields` are those of the message beside its id, as they stand in JSON.
    fn new<'a>(
        sender: &Person,
        chats: impl IntoIterator<Item = &'a str>,
        fields: &str,
        ids: &Ids,
    ) -> Self {
        let requests = |chat_id| ChatRequests::new(chat_id, &sender.access_token, fields);
        Self {
            chats: chats.into_iter().map(requests).collect(),
            turn: 0,
            message_id: ids.next().as_u128(),
        }
    }

    /// How many chats it sends to.
    pub(crate) const fn chats(&self) -> usize {
        self.chats.len()
    }

    /// The next message.
    pub(crate) fn send(&mut self) -> Outcome<&[u8]> {
        self.turn = (self.turn + 1) % self.chats.len().max(1);
        self.message_id = self.message_id.wrapping_add(1);
        let chat = self.chats.get_mut(self.turn).ok_or("the lane has no chat")?;
        let place = chat.send.get_mut(chat.id_at..chat.id_at + UUID_LEN);
        let id = uuid::Uuid::from_u128(self.message_id);
        id.hyphenated().encode_lower(place.ok_or("the request has no place for an id")?);
        Ok(&chat.send)
    }

    /// A read of the chat that was last sent to, as it is at `position` or later.
    pub(crate) fn read(&self, position: i64) -> Outcome<Vec<u8>> {
        let chat = self.chats.get(self.turn).ok_or("the lane has no chat")?;
        let (before, after) = &chat.read;
        Ok([before.as_slice(), position.to_string().as_bytes(), after].concat())
    }
}

impl ChatRequests {
    fn new(chat_id: &str, token: &str, fields: &str) -> Self {
        let id = "0".repeat(UUID_LEN);
        let body = format!(r#"{{"message_id":"{id}",{fields}}}"#);
        let path = format!("/v1/chats/{chat_id}/messages");
        let send = request("POST", &path, Some(token), "", &body);
        let id_at = send.len() - body.len() + r#"{"message_id":""#.len();
        let before = format!(
            "GET {path}?limit=1 HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             parlance-min-position: "
        );
        Self { send, id_at, read: (before.into_bytes(), b"\r\n\r\n".to_vec()) }
    }
}
