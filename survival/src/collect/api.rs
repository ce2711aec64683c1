//! What people are shown, by HTTP.

use serde_json::Value;
use uuid::Uuid;

use crate::evidence::{ChatSeen, MessageSeen, Pointers};
use crate::load::{Ask, Client, People, Person, Reply};

/// Every chat from both sides, with all messages.
pub async fn chats(client: &mut Client, people: &People, position: i64) -> Vec<ChatSeen> {
    let mut seen = Vec::new();
    for chat in people.chats() {
        for member in chat.members {
            let person = &people.all()[member];
            seen.push(one_side(client, person, chat.id, position).await);
        }
    }
    seen
}

/// Everybody's list of chats, in its order.
pub async fn lists(client: &mut Client, people: &People, position: i64) -> Vec<(Uuid, Vec<Uuid>)> {
    let mut lists = Vec::new();
    for person in people.all() {
        let mut chats = Vec::new();
        let mut before = String::new();
        loop {
            // Small pages, so that there is more than one.
            let path = format!("/v1/chats?limit=2{before}");
            let page = get(client, person, path, position).await.body;
            chats.extend(items(&page).filter_map(|it| id(it, "chat_id")));
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        lists.push((person.id, chats));
    }
    lists
}

async fn one_side(client: &mut Client, person: &Person, chat: Uuid, position: i64) -> ChatSeen {
    let path = format!("/v1/chats/{chat}");
    let body = get(client, person, path.clone(), position).await.body;
    let number = |field: &str| body[field].as_i64().unwrap_or(-1);
    let flag = |field: &str| body[field].as_bool().unwrap_or_default();
    let mut messages = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let path = format!("{path}/messages?after={after}&limit=100");
        let page = get(client, person, path, position).await.body;
        messages.extend(items(&page).filter_map(message));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    ChatSeen {
        member: person.id,
        chat_id: id(&body, "chat_id").unwrap_or_default(),
        unread_count: number("unread_count"),
        pointers: Pointers {
            read: number("read_up_to"),
            delivered: number("delivered_up_to"),
            read_by_other: number("participant_read_up_to"),
            delivered_to_other: number("participant_delivered_up_to"),
        },
        total_messages: number("total_messages"),
        started: flag("started"),
        active: flag("active"),
        last_message: message(&body["last_message"]),
        messages,
    }
}

async fn get(client: &mut Client, person: &Person, path: String, position: i64) -> Reply {
    let mut ask = Ask::get(path);
    ask.min_position = Some(position);
    let mut reply = client.ask(&ask, &person.token()).await;
    if reply.as_ref().is_ok_and(|it| it.answer.status == 401) {
        assert!(person.sign_in(client).await, "{} cannot sign in again", person.id);
        reply = client.ask(&ask, &person.token()).await;
    }
    let reply = reply.unwrap_or_else(|error| panic!("{ask:?} was not answered: {error}"));
    assert_eq!(reply.answer.status, 200, "{ask:?} was answered {reply:?}");
    assert!(reply.answer.position >= Some(position), "{ask:?} was answered {reply:?}");
    reply
}

fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page["items"].as_array().into_iter().flatten()
}

fn id(of: &Value, field: &str) -> Option<Uuid> {
    of[field].as_str()?.parse().ok()
}

fn message(of: &Value) -> Option<MessageSeen> {
    Some(MessageSeen {
        number: of["number"].as_i64()?,
        message_id: id(of, "message_id")?,
        sender_id: id(of, "sender_id")?,
        text: of["text"].as_str().map(str::to_owned),
        sent_at: of["sent_at"].as_str()?.parse().ok()?,
        deleted: of["deleted"].as_bool()?,
        edited: !of["edited_at"].is_null(),
        reactions: reactions(&of["reactions"])?,
    })
}

fn reactions(of: &Value) -> Option<Vec<(Uuid, String)>> {
    let one = |it: &Value| Some((id(it, "account_id")?, it["emoji"].as_str()?.to_owned()));
    let mut reactions: Vec<_> = of.as_array()?.iter().map(one).collect::<Option<_>>()?;
    reactions.sort();
    Some(reactions)
}
