//! What holds for every resource: tokens, methods, media types, sizes, health, headers.

use serde_json::json;

use crate::support::{Ask, NOBODY, World, registration};

/// Every resource of the API that needs a token: method and path.
fn secured() -> Vec<(&'static str, String)> {
    let chat = format!("/v1/chats/{NOBODY}");
    let message = format!("{chat}/messages/{NOBODY}");
    let mut all = vec![
        ("GET", "/v1/me".to_owned()),
        ("PATCH", "/v1/me".to_owned()),
        ("GET", format!("/v1/accounts/{NOBODY}")),
        ("POST", "/v1/chats".to_owned()),
        ("GET", "/v1/chats".to_owned()),
        ("GET", "/v1/chats/unread".to_owned()),
        ("GET", "/v1/blocks".to_owned()),
        ("PUT", format!("/v1/blocks/{NOBODY}")),
        ("DELETE", format!("/v1/blocks/{NOBODY}")),
        ("GET", "/v1/starred".to_owned()),
        ("GET", chat.clone()),
        ("GET", message.clone()),
        ("PATCH", message.clone()),
        ("DELETE", format!("{message}?for=me")),
    ];
    let of_chat = [
        ("POST", "messages"),
        ("GET", "messages"),
        ("GET", "pins"),
        ("PUT", "read"),
        ("PUT", "delivered"),
        ("PUT", "unread"),
        ("POST", "clear"),
        ("PUT", "draft"),
        ("DELETE", "draft"),
        ("PUT", "disappearing"),
        ("PUT", "mute"),
        ("DELETE", "mute"),
        ("PUT", "archive"),
        ("DELETE", "archive"),
    ];
    let of_message = [
        ("GET", "history"),
        ("POST", "forward"),
        ("POST", "answer"),
        ("POST", "report"),
        ("PUT", "reaction"),
        ("DELETE", "reaction"),
        ("PUT", "pin"),
        ("DELETE", "pin"),
        ("PUT", "star"),
        ("DELETE", "star"),
    ];
    all.extend(of_chat.map(|(method, name)| (method, format!("{chat}/{name}"))));
    all.extend(of_message.map(|(method, name)| (method, format!("{message}/{name}"))));
    all
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let forged = format!("Bearer {}x", ada.token);
    let (head, _) = ada.token.rsplit_once('.').unwrap();
    let unsigned = format!("Bearer {head}.");
    for (method, path) in secured() {
        let ask = Ask::new(world.addr, method, &path);
        let answer = ask.clone().send().await;
        answer.refuses(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        for value in ["", "Bearer", "Basic YWRhOmFkYQ==", &ada.token] {
            let answer = ask.clone().header("authorization", value).send().await;
            answer.refuses(401, "unauthenticated");
        }
        for value in ["Bearer x", "Bearer a.b.c", forged.as_str(), unsigned.as_str()] {
            let answer = ask.clone().header("authorization", value).send().await;
            answer.refuses(401, "invalid-token");
            assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
        }
    }
}

#[tokio::test]
async fn a_token_of_another_installation_is_no_token() {
    let (world, elsewhere) = (World::new().await, World::new().await);
    let ada = elsewhere.person("ada").await;

    world.get("/v1/me").by(&ada).send().await.refuses(401, "invalid-token");
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let world = World::new().await;
    for path in ["/", "/v1", "/v1/chat", "/v2/me", "/v1/me/", "/docs/", "/v1/accounts/"] {
        world.get(path).send().await.refuses(404, "not-found");
    }
    world.post("/v1/nothing", &json!({})).send().await.refuses(404, "not-found");
}

#[tokio::test]
async fn an_unknown_method_is_told_which_there_are() {
    let world = World::new().await;
    let cases = [
        ("DELETE", "/v1/me", "GET,HEAD,PATCH"),
        ("GET", "/v1/auth/email/login", "POST"),
        ("PUT", "/v1/chats", "POST,GET,HEAD"),
        ("POST", "/health/live", "GET,HEAD"),
        ("TRACE", "/v1/me", "GET,HEAD,PATCH"),
        ("BREW", "/v1/me", "GET,HEAD,PATCH"),
        ("POST", "/openapi.json", "GET,HEAD"),
    ];
    for (method, path, allowed) in cases {
        let answer = Ask::new(world.addr, method, path).send().await;
        answer.refuses(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let post = |path: &str| Ask::new(world.addr, "POST", path).by(&ada).raw(b"{}");
    for path in ["/v1/auth/email/login", "/v1/chats"] {
        post(path).send().await.refuses(415, "unsupported-media-type");
        let form = "application/x-www-form-urlencoded";
        for kind in ["text/plain", form, "application/jsonp", "json"] {
            let answer = post(path).header("content-type", kind).send().await;
            answer.refuses(415, "unsupported-media-type");
        }
        for body in ["", "{", "[]", "null", "\"x\"", "{}{}", "{'a': 1}", "\u{feff}{}"] {
            let answer = post(path).header("content-type", "application/json");
            answer.raw(body.as_bytes()).send().await.refuses(400, "invalid-request");
        }
        let broken = post(path).header("content-type", "application/json").raw(b"{\"\xff\": 1}");
        broken.send().await.refuses(400, "invalid-request");
    }
    let body = registration("ben").to_string();
    let answer = Ask::new(world.addr, "POST", "/v1/auth/email/register")
        .header("content-type", "application/json; charset=utf-8")
        .raw(body.as_bytes());
    assert_eq!(answer.send().await.status, 201);
}

#[tokio::test]
async fn a_body_has_an_end() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let padded = |length: usize| {
        let body = json!({ "text": "short" }).to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    let send = |path: &str, length: usize| {
        let ask = Ask::new(world.addr, "POST", path).by(&ada);
        ask.header("content-type", "application/json").raw(padded(length).as_bytes()).send()
    };
    let messages = format!("/v1/chats/{chat}/messages");

    assert_eq!(send(&messages, 128 * 1024).await.status, 201);
    send(&messages, 128 * 1024 + 1).await.refuses(413, "body-too-large");
    send("/v1/chats", 64 * 1024).await.refuses(400, "invalid-request").blames("text");
    send("/v1/chats", 64 * 1024 + 1).await.refuses(413, "body-too-large");
    let delete = world.delete(&format!("{messages}/{NOBODY}?for=me")).by(&ada);
    delete.raw(&vec![b' '; 64 * 1024 + 1]).send().await.refuses(413, "body-too-large");
}

#[tokio::test]
async fn the_process_tells_its_health() {
    let world = World::new().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = world.get(path).send().await;
        assert_eq!((answer.status, &answer.body), (200, &json!({ "status": "ok" })));
    }

    let ada = world.person("ada").await;
    world.database.lose().await;

    assert_eq!(world.get("/health/live").send().await.status, 200);
    world.get("/health/ready").send().await.refuses(503, "unavailable");
    world.get("/v1/chats").by(&ada).send().await.refuses(503, "unavailable");
}

#[tokio::test]
async fn measurements_name_routes_and_nobody() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "measured").await;
    world.read(&ada, &format!("/v1/chats/{chat}"), said.position()).await;
    world.get("/v1/chats/x").by(&ada).send().await.refuses(400, "invalid-request");

    let answer = world.get("/metrics").send().await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let measured = |route: &str, status: &str| {
        text.lines().any(|line| {
            line.starts_with("http_server_request_duration_seconds_count")
                && line.contains(&format!("http_route=\"{route}\""))
                && line.contains(&format!("http_response_status_code=\"{status}\""))
        })
    };
    assert!(measured("/v1/chats/{id}/messages", "201"), "{text}");
    assert!(measured("/v1/chats/{id}", "200") && measured("/v1/chats/{id}", "400"), "{text}");
    for private in [&chat, &ada.id, &said.text("message_id"), &ada.email] {
        assert!(!text.contains(private.as_str()), "{private}");
    }
}

#[tokio::test]
async fn the_document_can_be_browsed_without_anything_from_outside() {
    let world = World::new().await;

    let answer = world.get("/docs").send().await;

    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/html"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && policy.contains("connect-src 'self'"));
    assert!(!policy.contains("unsafe"), "{policy}");
}
