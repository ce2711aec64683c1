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
        "post /v1/auth/firebase-token",
        "get /v1/me",
        "patch /v1/me",
        "get /v1/accounts/{id}",
        "get /v1/me/push",
        "patch /v1/me/push",
        "get /v1/devices",
        "put /v1/devices/{device_id}",
        "delete /v1/devices/{device_id}",
        "get /v1/accounts/{id}/presence",
        "get /v1/stream",
        "get /v1/socket",
        "post /v1/stream/tickets",
        "put /v1/connections/{id}/watching",
        "put /v1/chats/{id}/typing",
        "put /v1/me/avatar",
        "delete /v1/me/avatar",
        "post /v1/files",
        "get /v1/files/usage",
        "get /v1/files/{id}",
        "delete /v1/files/{id}",
        "get /v1/files/{id}/upload",
        "post /v1/files/{id}/parts",
        "get /v1/files/{id}/parts",
        "post /v1/files/{id}/complete",
        "post /v1/chats",
        "get /v1/chats",
        "get /v1/chats/{id}",
        "get /v1/chats/unread",
        "put /v1/chats/{id}/read",
        "put /v1/chats/{id}/delivered",
        "put /v1/chats/{id}/unread",
        "post /v1/chats/{id}/clear",
        "put /v1/chats/{id}/draft",
        "delete /v1/chats/{id}/draft",
        "put /v1/chats/{id}/disappearing",
        "put /v1/chats/{id}/mute",
        "delete /v1/chats/{id}/mute",
        "put /v1/chats/{id}/archive",
        "delete /v1/chats/{id}/archive",
        "get /v1/chats/{id}/pins",
        "get /v1/chats/{id}/messages",
        "post /v1/chats/{id}/messages",
        "get /v1/chats/{id}/messages/{message_id}",
        "patch /v1/chats/{id}/messages/{message_id}",
        "delete /v1/chats/{id}/messages/{message_id}",
        "get /v1/chats/{id}/messages/{message_id}/history",
        "post /v1/chats/{id}/messages/{message_id}/forward",
        "post /v1/chats/{id}/messages/{message_id}/answer",
        "post /v1/chats/{id}/messages/{message_id}/report",
        "put /v1/chats/{id}/messages/{message_id}/reaction",
        "delete /v1/chats/{id}/messages/{message_id}/reaction",
        "put /v1/chats/{id}/messages/{message_id}/pin",
        "delete /v1/chats/{id}/messages/{message_id}/pin",
        "put /v1/chats/{id}/messages/{message_id}/star",
        "delete /v1/chats/{id}/messages/{message_id}/star",
        "get /v1/sync",
        "get /v1/chats/{id}/export",
        "get /v1/starred",
        "get /v1/blocks",
        "put /v1/blocks/{account_id}",
        "delete /v1/blocks/{account_id}",
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
            let path = ["{id}", "{message_id}", "{account_id}", "{device_id}"]
                .iter()
                .fold(path.clone(), |path, parameter| path.replace(parameter, NOBODY));
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
        "MarkUpTo",
        "SaveDraft",
        "SetDisappearing",
        "Mute",
        "SendMessage",
        "Reference",
        "EditMessage",
        "ForwardMessage",
        "ForwardTarget",
        "AnswerMessage",
        "ReportMessage",
        "React",
        "RegisterDevice",
        "PushSubscription",
        "PushSubscriptionKeys",
        "ChangePushPreferences",
        "QuietHours",
    ];
    for name in requests {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
    }
}
