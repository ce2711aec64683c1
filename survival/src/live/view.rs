//! What a device keeps: rows, replaced by what it is told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read;
use crate::load::{Client, Person};

/// Everything that one person sees.
#[derive(Debug, Default, Clone)]
pub struct View {
    chats: BTreeMap<String, Value>,
    messages: BTreeMap<(String, i64), Value>,
}

impl View {
    /// As anybody reads it, at `position` or later.
    ///
    /// # Panics
    ///
    /// When it cannot be read, though nothing is broken.
    pub async fn read(client: &mut Client, person: &Person, position: i64) -> Self {
        for _ in 0..50 {
            if let Some(view) = Self::try_read(client, person, position).await {
                return view;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        panic!("{} cannot read what they see", person.id);
    }

    pub(super) async fn try_read(
        client: &mut Client,
        person: &Person,
        position: i64,
    ) -> Option<Self> {
        let mut view = Self::default();
        let chats = read(client, person, "/v1/chats?limit=100".to_owned(), position).await?;
        for chat in chats["items"].as_array()? {
            let id = chat["chat_id"].as_str()?.to_owned();
            let mut after = "0".to_owned();
            loop {
                let path = format!("/v1/chats/{id}/messages?after={after}&limit=100");
                let page = read(client, person, path, position).await?;
                for message in page["items"].as_array()? {
                    let key = (id.clone(), message["number"].as_i64()?);
                    view.messages.insert(key, message.clone());
                }
                match page["next"].as_str() {
                    Some(next) => next.clone_into(&mut after),
                    None => break,
                }
            }
            view.chats.insert(id, chat.clone());
        }
        Some(view)
    }

    /// Takes in what was told; whether it was a change at all.
    pub(super) fn apply(&mut self, told: &Value) -> bool {
        match told["type"].as_str() {
            Some("chat") => {
                let chat = &told["chat"];
                let id = chat["chat_id"].as_str().unwrap_or_default().to_owned();
                self.chats.insert(id, chat.clone());
            }
            Some("message") => {
                let message = &told["message"];
                let id = message["chat_id"].as_str().unwrap_or_default().to_owned();
                let number = message["number"].as_i64().unwrap_or_default();
                self.messages.insert((id, number), message.clone());
            }
            Some("message_gone") => {
                let id = told["chat_id"].as_str().unwrap_or_default().to_owned();
                self.messages.remove(&(id, told["number"].as_i64().unwrap_or_default()));
            }
            Some("account") => {}
            _ => return false,
        }
        true
    }

    /// What differs from `fresh`.
    pub(super) fn differences(&self, fresh: &Self) -> Vec<String> {
        let mut differences = vec![];
        compare("chat", &self.chats, &fresh.chats, &mut differences);
        compare("message", &self.messages, &fresh.messages, &mut differences);
        differences
    }
}

fn compare<K: Ord + std::fmt::Debug>(
    what: &str,
    kept: &BTreeMap<K, Value>,
    fresh: &BTreeMap<K, Value>,
    differences: &mut Vec<String>,
) {
    for (key, expected) in fresh {
        match kept.get(key) {
            None => differences.push(format!("{what} {key:?} was never told")),
            Some(found) if found != expected => {
                differences.push(format!("{what} {key:?} is {found} and reads {expected}"));
            }
            Some(_) => {}
        }
    }
    for key in kept.keys().filter(|it| !fresh.contains_key(it)) {
        differences.push(format!("{what} {key:?} is not there any more"));
    }
}
