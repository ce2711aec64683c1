//! A chat, to keep.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use serde_json::{Value, json};

use crate::support::{Answer, NOBODY, World};

fn lines(answer: &Answer) -> Vec<Value> {
    let text = std::str::from_utf8(&answer.bytes).unwrap();
    text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[tokio::test]
async fn every_message_is_a_line() {
    let world = World::with(&[("PARLANCE_MESSAGE_INTERVAL_MS", "0")]).await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    // More than a page of the export.
    for number in 1..=120 {
        let by = if number % 2 == 0 { &ada } else { &ben };
        world.say(by, &chat, &format!("text {number}\nin two lines")).await;
    }
    let said = world.say(&ada, &chat, "gone").await;
    let path = format!("{messages}/{}?for=me", said.text("message_id"));
    let position = world.delete(&path).by(&ada).send().await.position();

    let export = world.get(&format!("/v1/chats/{chat}/export")).by(&ada).at(position).send().await;

    assert_eq!(export.status, 200, "{export:?}");
    assert_eq!(export.header("content-type"), "application/jsonl; charset=utf-8");
    let name = format!("attachment; filename=\"chat-{chat}.jsonl\"");
    assert_eq!(export.header("content-disposition"), name);
    let lines = lines(&export);
    let mut expected =
        world.read(&ada, &format!("{messages}?limit=60"), position).await["items"].clone();
    let latest = expected.as_array_mut().unwrap();
    assert_eq!(&lines[60..], latest.as_slice());
    assert_eq!(lines.len(), 120);
    let numbers: Vec<_> = lines.iter().map(|it| it["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_page_has_no_markup_but_its_own() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let bad = r#"<script>alert("1")</script> & <img src=x onerror='alert(2)'>"#;
    world.patch("/v1/me", &json!({ "display_name": "<b>Ada</b>" })).by(&ada).send().await;
    let said = world.say(&ada, &chat, bad).await;
    let reply = json!({ "text": "what?", "reply_to": said.text("message_id") });
    let reply = world.post(&messages, &reply).by(&ben).send().await;
    assert_eq!(reply.status, 201, "{reply:?}");

    let path = format!("/v1/chats/{chat}/export?format=html");
    let export = world.get(&path).by(&ben).at(reply.position()).send().await;

    assert_eq!(export.header("content-type"), "text/html; charset=utf-8");
    let page = std::str::from_utf8(&export.bytes).unwrap();
    for forbidden in ["<script", "<img", "<b>Ada"] {
        assert!(!page.contains(forbidden), "{forbidden} in {page}");
    }
    let escaped = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &lt;img src=x onerror=&#39;alert(2)&#39;&gt;";
    assert_eq!(page.matches(escaped).count(), 2, "once said, once quoted: {page}");
    assert!(page.contains("<h1>Chat with &lt;b&gt;Ada&lt;/b&gt;</h1>"), "{page}");
    assert!(page.contains("<article id=\"m2\" class=\"own\">"), "{page}");
    assert!(page.ends_with("</html>\n"));
}

/// The entries of an archive, by name.
fn entries(archive: &Answer) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(&archive.bytes)).unwrap();
    let count = archive.len();
    let entry = |index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap(); // and its checksum is right
        (entry.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(entry).collect()
}

#[tokio::test]
async fn the_archive_has_the_messages_and_each_file_once() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let letter = b"Dear Ben, <b>this</b> is no picture.";
    let file_id = world.upload(&ada, "letter <1>.txt", "text/plain", letter).await;
    world.published(&ada, &file_id).await;
    let messages = format!("/v1/chats/{chat}/messages");
    let unsent = world.upload(&ada, "unsent.txt", "text/plain", b"for later").await;
    world.published(&ada, &unsent).await;
    let mut position = 0;
    for _ in 0..2 {
        let message = json!({ "type": "file", "file_id": file_id, "caption": "for you" });
        position = world.post(&messages, &message).by(&ada).send().await.position();
    }

    let export = async |format: &str| {
        let path = format!("/v1/chats/{chat}/export?format={format}");
        let export = world.get(&path).by(&ben).at(position).send().await;
        assert_eq!(export.status, 200, "{export:?}");
        export
    };
    let archive = export("zip").await;

    assert_eq!(archive.header("content-type"), "application/zip");
    let entries = entries(&archive);
    let file = format!("files/{file_id}");
    let names: Vec<_> = entries.keys().map(String::as_str).collect();
    assert_eq!(names, [file.as_str(), "messages.html", "messages.jsonl"]);
    assert_eq!(entries[&file], letter);
    assert_eq!(entries["messages.jsonl"], export("jsonl").await.bytes);
    assert_eq!(entries["messages.html"], export("html").await.bytes);
    let page = std::str::from_utf8(&entries["messages.html"]).unwrap();
    let link = format!("<a href=\"{file}\" download=\"letter &lt;1&gt;.txt\">");
    assert_eq!(page.matches(&link).count(), 2, "{page}");
}

#[tokio::test]
async fn it_is_the_members_alone() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "between us").await;
    let eve = world.person("eve").await;
    for (by, id) in [(&eve, chat.as_str()), (&ada, NOBODY)] {
        for format in ["jsonl", "html", "zip"] {
            let path = format!("/v1/chats/{id}/export?format={format}");
            let answer = world.get(&path).by(by).at(said.position()).send().await;
            answer.refuses(404, "chat-not-found");
        }
    }
    let answer = world.get(&format!("/v1/chats/{chat}/export?format=pdf")).by(&ada).send().await;
    answer.refuses(400, "invalid-request").blames("format");
}

#[tokio::test]
async fn an_empty_chat_is_an_empty_export() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let answer = world.get(&format!("/v1/chats/{chat}/export")).by(&ada).send().await;
    assert_eq!((answer.status, answer.bytes.len()), (200, 0), "{answer:?}");
    let answer = world.get(&format!("/v1/chats/{chat}/export?format=html")).by(&ada).send().await;
    assert_eq!(answer.status, 200);
    assert!(!std::str::from_utf8(&answer.bytes).unwrap().contains("<article"));
}

/// One after the other is no trouble: there is room again before the body ends.
#[tokio::test]
async fn a_person_exports_one_chat_after_the_other() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    world.say(&ada, &chat, "kept").await;
    for _ in 0..20 {
        let export = world.get(&format!("/v1/chats/{chat}/export")).by(&ada).send().await;
        assert_eq!(export.status, 200, "{export:?}");
    }
}
