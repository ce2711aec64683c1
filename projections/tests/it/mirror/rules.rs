//! The rules, evaluated by Google's emulator on what the mirror has written.

use std::process::Stdio;

use domain::AccountId;
use domain::account::{AccountCommand, Audience};
use domain::chat::ChatCommand;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::peers::{google, python};
use super::{settled, start, until};
use crate::world::World;

/// Far away.
const LATER: i64 = 4_000_000_000;

struct Asking {
    host: String,
    asked: Vec<(Value, u16)>,
}

impl Asking {
    fn ask(&mut self, who: Option<AccountId>, method: &str, path: &str, expected: u16) {
        self.ask_with(who, &json!({ "until": LATER }), (method, path, Value::Null), expected);
    }

    fn ask_with(
        &mut self,
        who: Option<AccountId>,
        claims: &Value,
        (method, path, body): (&str, &str, Value),
        expected: u16,
    ) {
        let who = who.map(|it| it.to_string());
        self.asked.push((json!([who, claims, method, path, body]), expected));
    }

    /// All at once, each with the answer it should get.
    async fn answers(self) {
        let ask: Vec<_> = self.asked.iter().map(|(ask, _)| ask).collect();
        let input = json!({ "host": self.host, "ask": ask }).to_string();
        let mut python = python(&self.host, include_str!("rules.py"));
        let mut python =
            python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = python.stdin.take().expect("its input");
        stdin.write_all(input.as_bytes()).await.expect("it listens");
        drop(stdin);
        let output = python.wait_with_output().await.expect("it ends");
        let answers: Vec<u16> = serde_json::from_slice(&output.stdout).expect("it is JSON");
        assert_eq!(answers.len(), self.asked.len());
        for ((ask, expected), answer) in self.asked.iter().zip(answers) {
            assert_eq!(answer, *expected, "{ask}");
        }
    }
}

fn chats_of(whom: AccountId) -> Value {
    let whom = json!({ "stringValue": whom.to_string() });
    let field = json!({ "fieldPath": "participants" });
    json!({ "structuredQuery": {
        "from": [{ "collectionId": "chats" }],
        "where": { "fieldFilter": { "field": field, "op": "ARRAY_CONTAINS", "value": whom } },
    }})
}

/// Alice and Bob talk, Alice has blocked Carol, with whom she has a chat as well, Eve, whom she has one
/// with too, shows her presence to nobody, and Dave knows nobody.
#[tokio::test]
async fn everybody_reads_what_the_api_would_show_them_and_nobody_writes() {
    let Some(google) = google().await else { return };
    let mut world = World::create().await;
    let mut people = vec![];
    for name in ["alice", "bob", "carol", "dave", "eve"] {
        people.push(world.register(name).await);
    }
    let [alice, bob, carol, dave, eve] = people[..] else { panic!("five people") };
    let chat = world.open(alice, bob).await;
    let blocked = world.open(carol, alice).await;
    let now = world.now();
    world.on_chat(blocked, ChatCommand::Block { by: alice, whom: carol, now }).await;
    world.open(eve, alice).await;
    let hide = AccountCommand::ShowPresence { to: Audience::Nobody, now };
    world.on_account(eve, hide).await;
    for person in &people {
        world.execute(&format!("INSERT INTO presence VALUES ('{person}', true, now())")).await;
    }
    let mirror = start(&world, google.host());
    settled(&mut world).await;
    until("presence is told", async || {
        super::count(&world, "SELECT count(*) FROM presence WHERE NOT mirrored").await == 0
    })
    .await;

    let mut asking = Asking { host: google.host(), asked: vec![] };
    let allowed = |it: bool| if it { 200 } else { 403 };
    for who in people.iter().copied() {
        let of_two = [alice, bob].contains(&who);
        asking.ask(Some(who), "GET", &format!("/chats/{chat}"), allowed(of_two));
        let of_blocked = [alice, carol].contains(&who);
        asking.ask(Some(who), "GET", &format!("/chats/{blocked}"), allowed(of_blocked));
        for whose in people.iter().copied() {
            let own = who == whose;
            let events = format!("/users-external-event/{whose}");
            asking.ask(Some(who), "GET", &events, allowed(own));
            asking.ask(Some(who), "GET", &format!("/users/{whose}"), 200);
            let may_see = own || [[alice, bob], [bob, alice]].contains(&[who, whose]);
            asking.ask(Some(who), "GET", &format!("/presence/{whose}"), allowed(may_see));
            let query = ("POST", ":runQuery", chats_of(whose));
            asking.ask_with(Some(who), &json!({ "until": LATER }), query, allowed(own));
        }
        for closed in ["/chats", "/users", "/presence", "/users-external-event", "/pairs"] {
            asking.ask(Some(who), "GET", closed, 403);
        }
        asking.ask(Some(who), "GET", &format!("/pairs/{alice}_{bob}"), 403);
        asking.ask(Some(who), "GET", "/chats/none", 403);
        asking.ask(Some(who), "GET", "/orders/17", 403);
        for path in [format!("/chats/{chat}"), format!("/users/{who}"), format!("/presence/{who}")]
        {
            asking.ask(Some(who), "DELETE", &path, 403);
            let write = ("PATCH", path.as_str(), json!({ "fields": {} }));
            asking.ask_with(Some(who), &json!({ "until": LATER }), write, 403);
        }
    }
    // Without a token, with one that has ended, and with one that is not from us.
    let own = format!("/users-external-event/{alice}");
    asking.ask(None, "GET", &own, 403);
    asking.ask(None, "GET", &format!("/users/{dave}"), 403);
    for claims in [json!({ "until": 1_700_000_000 }), json!({}), json!({ "until": "4000000000" })] {
        for path in [&own, &format!("/chats/{chat}"), &format!("/users/{bob}")] {
            asking.ask_with(Some(alice), &claims, ("GET", path, Value::Null), 403);
        }
    }
    asking.answers().await;
    mirror.stop().await;
}
