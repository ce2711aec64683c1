//! The API's document against what is served.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Ask, NOBODY, World};

#[tokio::test]
async fn the_document_is_openapi_3_1_and_describes_every_route() {
    let world = World::new().await;

    let answer = world.get("/openapi.json").send().await;

    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let document = answer.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{method} {path}"));
        }
    }
    let expected = [
        "get /.well-known/jwks.json",
        "get /health/live",
        "get /health/ready",
        "get /metrics",
        "post /v1/auth/email/register",
        "post /v1/auth/email/login",
        "post /v1/auth/refresh",
        "post /v1/auth/logout",
        "get /v1/me",
        "patch /v1/me",
        "get /v1/accounts/{id}",
        "post /v1/chats",
        "get /v1/chats",
        "get /v1/chats/{id}",
        "put /v1/chats/{id}/read",
        "get /v1/chats/{id}/messages",
        "post /v1/chats/{id}/messages",
        "delete /v1/chats/{id}/messages/{message_id}",
    ];
    assert_eq!(described, expected.iter().map(|it| (*it).to_owned()).collect());
}

/// What the document says needs a token does, and nothing else.
#[tokio::test]
async fn what_is_secured_is_so_in_the_document() {
    let world = World::new().await;
    let document = world.get("/openapi.json").send().await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", NOBODY).replace("{message_id}", NOBODY);
            let answer = Ask::new(world.addr, &method.to_uppercase(), &path).send().await;
            let refused = answer.body["code"] == "unauthenticated";
            assert_eq!(refused, operation.get("security").is_some(), "{method} {path}");
            let status = answer.status.to_string();
            assert!(operation["responses"].get(&status).is_some(), "{method} {path} {status}");
        }
    }
}

#[tokio::test]
async fn every_shape_is_closed_or_an_answer() {
    let world = World::new().await;
    let document = world.get("/openapi.json").send().await.body;
    let requests = [
        "Register",
        "Login",
        "RefreshToken",
        "ChangeProfile",
        "OpenChat",
        "MarkRead",
        "SendMessage",
    ];
    for name in requests {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
    }
}
