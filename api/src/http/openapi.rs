//! The document of the API, for `/openapi.json`. Handlers describe what is theirs; what holds for every operation (its
//! problems, headers, the consistency token) is added here, once.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::consistency::{MIN_POSITION, POSITION};
use super::idempotency;
use super::middleware::REQUEST_ID;
use super::problem::ProblemBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parlance",
        description = "One-to-one chat. Every command answers the position at which it was \
            recorded; a read that carries this position shows it.",
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "sign-in", description = "Who somebody is"),
        (name = "accounts", description = "Who is who"),
        (name = "chats", description = "Who chats with whom"),
        (name = "messages", description = "What is said"),
        (name = "files", description = "What is too large for a message"),
        (name = "push", description = "What devices are told"),
        (name = "live", description = "What happens, as it happens"),
        (name = "operations", description = "For those who run it"),
    ),
)]
pub(crate) struct Document;

/// How many items a list shows.
pub(crate) mod limit {
    use serde::{Deserialize, Deserializer, de::Error};

    const MAX: i64 = 100;

    pub(crate) const fn default() -> i64 {
        50
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let limit = i64::deserialize(deserializer)?;
        let allowed = (1..=MAX).contains(&limit);
        if allowed { Ok(limit) } else { Err(D::Error::custom("must be a number from 1 to 100")) }
    }
}

/// `/openapi.json`
pub(crate) fn router(document: &Value) -> Router {
    let text = document.to_string();
    let answer =
        move || async move { ([(header::CONTENT_TYPE, "application/json")], text.clone()) };
    Router::new().route("/openapi.json", get(answer))
}

/// The document as it is served, made from what the handlers say.
pub(crate) fn complete(described: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
    });
    document["components"]["parameters"] = json!({
        "MinPosition": {
            "name": MIN_POSITION, "in": "header", "required": false,
            "description": "The answer must reflect this position, which a command has answered.",
            "schema": { "type": "integer", "format": "int64", "minimum": 0 },
        },
        "IdempotencyKey": {
            "name": idempotency::HEADER, "in": "header", "required": false,
            "description": "The same key with the same request has the effect and the answer of \
                the first, for ever.",
            "schema": { "type": "string", "pattern": idempotency::PATTERN },
        },
    });
    document["components"]["headers"] = json!({
        "Position": {
            "description": "Where a command was recorded, or what a read reflects.",
            "required": true,
            "schema": { "type": "integer", "format": "int64", "minimum": 0 },
        },
        "RequestId": {
            "description": "Stands in the server's log, too.",
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
        },
        "RetryAfter": {
            "description": "Seconds.",
            "required": true,
            "schema": { "type": "integer", "minimum": 0 },
        },
        "RateLimitPolicy": {
            "description": "How many messages (`q`) may be sent in how many seconds (`w`). Left out \
                when there is no limit.",
            "required": false,
            "schema": { "type": "string" },
        },
        "RateLimit": {
            "description": "How many may be sent now (`r`), and in how many seconds (`t`) it will be \
                all of them again.",
            "required": false,
            "schema": { "type": "string" },
        },
        "Authenticate": {
            "description": "RFC 6750.",
            "required": true,
            "schema": { "type": "string" },
        },
    });
    for (operation, status, target, parameters, body) in LINKS {
        add_link(&mut document, operation, status, target, parameters, body);
    }
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete_operation(path, method, operation);
        }
    }
    document
}

/// Which answers hold what other requests need: operation, status, the other operation, its
/// parameters, its body.
#[expect(clippy::type_complexity, reason = "a table")]
const LINKS: [(&str, &str, &str, &[(&str, &str)], Option<(&str, &str)>); 28] = [
    ("register", "201", "open_chat", &[], Some(("member_id", "$response.body#/account_id"))),
    ("register", "201", "account", &[("id", "$response.body#/account_id")], None),
    ("register", "201", "block", &[("account_id", "$response.body#/account_id")], None),
    ("register", "201", "refresh", &[], Some(("refresh_token", "$response.body#/refresh_token"))),
    ("open_chat", "201", "chat", CHAT_ID, None),
    ("open_chat", "201", "messages", CHAT_ID, None),
    ("open_chat", "201", "send_message", CHAT_ID, None),
    ("open_chat", "201", "mark_read", CHAT_ID, None),
    ("chats", "200", "chats", &[("before", "$response.body#/next")], None),
    ("blocks", "200", "blocks", &[("before", "$response.body#/next")], None),
    ("starred", "200", "starred", &[("before", "$response.body#/next")], None),
    ("send_message", "201", "message", READ_MESSAGE, None),
    ("send_message", "201", "edit_message", MESSAGE, None),
    ("send_message", "201", "message_history", READ_MESSAGE, None),
    ("send_message", "201", "react", MESSAGE, None),
    ("send_message", "201", "pin_message", MESSAGE, None),
    ("send_message", "201", "star_message", MESSAGE, None),
    ("send_message", "201", "forward_message", READ_MESSAGE, None),
    ("send_message", "201", "delete_message", MESSAGE, None),
    ("send_message", "201", "mark_read", &[("id", "$request.path.id")], None),
    ("send_message", "201", "mark_delivered", &[("id", "$request.path.id")], None),
    ("request_upload", "201", "upload", FILE, None),
    ("request_upload", "201", "complete_upload", FILE, None),
    ("request_upload", "201", "request_parts", FILE, None),
    ("request_upload", "201", "arrived_parts", FILE, None),
    ("request_upload", "201", "file", FILE, None),
    ("request_upload", "201", "remove_file", FILE, None),
    ("register_device", "204", "remove_device", DEVICE, None),
];

/// What is not recorded, nor read from what is.
const PASSING: [&str; 8] = [
    "/v1/auth/firebase-token",
    "/v1/auth/logout",
    "/v1/stream",
    "/v1/socket",
    "/v1/stream/tickets",
    "/v1/chats/{id}/typing",
    "/v1/accounts/{id}/presence",
    "/v1/connections/{id}/watching",
];

const FILE: &[(&str, &str)] = &[("id", "$response.body#/file_id")];
const DEVICE: &[(&str, &str)] = &[("device_id", "$request.path.device_id")];
const CHAT_ID: &[(&str, &str)] = &[("id", "$response.body#/chat_id")];
const MESSAGE: &[(&str, &str)] =
    &[("id", "$request.path.id"), ("message_id", "$response.body#/message_id")];

/// To be read where it was recorded.
const READ_MESSAGE: &[(&str, &str)] = &[
    ("id", "$request.path.id"),
    ("message_id", "$response.body#/message_id"),
    ("header.Parlance-Min-Position", "$response.header.Parlance-Position"),
];

/// Commands that depend on what the caller has read.
const READING: [&str; 3] = ["forward_message", "report_message", "request_parts"];

fn add_link(
    document: &mut Value,
    operation: &str,
    status: &str,
    target: &str,
    parameters: &[(&str, &str)],
    body: Option<(&str, &str)>,
) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let mut operations = paths.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
    let found = operations.find(|(_, it)| it["operationId"] == operation);
    let Some(response) = found.and_then(|(_, it)| it["responses"].get_mut(status)) else {
        return;
    };
    let mut link = json!({ "operationId": target });
    if !parameters.is_empty() {
        link["parameters"] = parameters.iter().copied().collect();
    }
    if let Some((member, value)) = body {
        link["requestBody"] = json!({ member: value });
    }
    response["links"][target] = link;
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let is_api = path.starts_with("/v1/");
    let is_secured = operation.get("security").is_some();
    let has_body = operation.get("requestBody").is_some();
    let has_input = has_body || operation.get("parameters").is_some() || is_secured;

    let reads = method == "get" || READING.iter().any(|it| operation["operationId"] == *it);
    let passes = PASSING.contains(&path);
    if is_secured && reads && !passes {
        add_parameter(operation, "MinPosition");
    }
    let is_command = is_secured && method != "get" && !passes;
    if is_command {
        add_parameter(operation, "IdempotencyKey");
    }

    let mut problems = vec![("500", "Something went wrong here")];
    if is_api || path == "/health/ready" {
        problems.push(("503", "Come back later: something is away, behind or too slow"));
    }
    if is_api {
        problems.push(("429", "Too many requests are waiting"));
    }
    if has_input {
        problems.push(("400", "The request cannot be read"));
    }
    if is_secured {
        problems.push(("401", "No valid access token"));
    }
    if has_body {
        problems.push(("415", "The body is not JSON"));
    }
    if has_body || is_command {
        problems.push(("413", "The body is too large"));
        problems.push(("422", "A rule was broken, or the idempotency key used before"));
    }
    if is_command {
        problems.push(("409", "The first request with this idempotency key is under way"));
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
        return;
    };
    for (status, description) in problems {
        let missing = || json!({ "description": description });
        responses.entry(status).or_insert_with(missing);
    }
    // What records nothing has no position.
    let has_position = is_api && !passes;
    let limited = match path {
        "/v1/chats/{id}/messages" if method == "post" => "201",
        "/v1/chats/{id}/messages/{message_id}/forward" => "200",
        _ => "",
    };
    for (status, response) in responses {
        complete_response(status, has_position, response);
        if !limited.is_empty() && (status == limited || status == "429") {
            for (name, component) in
                [("RateLimit-Policy", "RateLimitPolicy"), ("RateLimit", "RateLimit")]
            {
                let header = json!({ "$ref": format!("#/components/headers/{component}") });
                response["headers"][name] = header;
            }
        }
    }
}

fn add_parameter(operation: &mut Value, name: &str) {
    let parameter = json!({ "$ref": format!("#/components/parameters/{name}") });
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = json!([parameter]),
    }
}

fn complete_response(status: &str, has_position: bool, response: &mut Value) {
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let mut headers = Map::new();
    headers.insert(REQUEST_ID.to_owned(), header("RequestId"));
    if status.starts_with('2') {
        if has_position {
            headers.insert(POSITION.to_owned(), header("Position"));
        }
    } else {
        let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        response["content"] = json!({ "application/problem+json": problem });
    }
    match status {
        "401" => _ = headers.insert("WWW-Authenticate".to_owned(), header("Authenticate")),
        "429" | "503" => _ = headers.insert("Retry-After".to_owned(), header("RetryAfter")),
        _ => {}
    }
    response["headers"] = Value::Object(headers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = super::super::document();
        let mut references = Vec::new();
        collect(&document, &mut references);

        assert!(references.len() > 50, "{}", references.len());
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_link_is_there() {
        let document = super::super::document();
        let paths = document["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|it| it.as_object().unwrap().values());
        let answers = operations.flat_map(|it| it["responses"].as_object().unwrap().values());
        let found: usize = answers.filter_map(|it| Some(it.get("links")?.as_object()?.len())).sum();

        assert_eq!(found, LINKS.len());
    }

    #[test]
    fn every_operation_says_what_can_go_wrong() {
        let document = super::super::document();
        let mut operations = 0;
        for item in document["paths"].as_object().unwrap().values() {
            for (method, operation) in item.as_object().unwrap() {
                operations += 1;
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.contains_key("500"));
                assert!(operation["operationId"].is_string());
                if operation.get("security").is_some() {
                    assert!(responses.contains_key("401"), "{method} {operation}");
                }
                for (status, response) in responses.iter().filter(|(it, _)| it.as_str() >= "400") {
                    let content = &response["content"]["application/problem+json"];
                    assert!(content.is_object(), "{status} {operation}");
                }
            }
        }
        assert_eq!(operations, 70);
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references.push(reference.clone());
                }
                members.values().for_each(|it| collect(it, references));
            }
            Value::Array(items) => items.iter().for_each(|it| collect(it, references)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
