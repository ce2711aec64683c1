//! The double, as Google's own client sees it.

use serde_json::json;
use testing::PushDouble;

use super::web::python;

/// `FCM_URL` and the batch URL are what the client would call; all else is as it is.
const CLIENT: &str = r#"
import json, sys
import firebase_admin
from firebase_admin import credentials, exceptions, messaging

given = json.load(sys.stdin)
service = messaging._MessagingService
service.FCM_URL = given["url"] + "/v1/projects/{0}/messages:send"
app = firebase_admin.initialize_app(credentials.Certificate(given["credentials"]))
client = messaging._get_messaging_service(app)
client._client.session.mount("http://", __import__("requests").adapters.HTTPAdapter())

def send(token, **more):
    message = messaging.Message(token=token, data={"title": "Ada sent you a new message"},
        android=messaging.AndroidConfig(priority="high", ttl=3600), **more)
    try:
        return messaging.send(message)
    except exceptions.FirebaseError as error:
        response = error.http_response
        return {"error": type(error).__name__, "code": error.code,
                "status": response.status_code if response is not None else None,
                "retry_after": response.headers.get("Retry-After") if response is not None else None}

results = {token: send(token) for token in given["tokens"]}
results["too large"] = send("anybody", notification=messaging.Notification("x", "y" * 5000))
print(json.dumps(results))
"#;

#[tokio::test]
async fn googles_own_client_sees_each_answer_as_what_it_is() {
    let double = PushDouble::start().await;
    let tokens = [
        "anybody",
        "gone",
        "mismatch",
        "invalid",
        "invalid-field",
        "third-party",
        "quota",
        "internal",
        "unavailable",
    ];
    let given = json!({
        "url": double.url(),
        "credentials": double.credentials(),
        "tokens": tokens,
    });
    let seen = python(CLIENT, &given).await;
    assert_eq!(seen["anybody"], "projects/parlance-test/messages/0:1");
    let errors = [
        ("gone", "UnregisteredError", 404),
        ("mismatch", "SenderIdMismatchError", 403),
        ("invalid", "InvalidArgumentError", 400),
        ("invalid-field", "InvalidArgumentError", 400),
        ("third-party", "ThirdPartyAuthError", 401),
        ("quota", "QuotaExceededError", 429),
        ("internal", "InternalError", 500),
        ("unavailable", "UnavailableError", 503),
        ("too large", "InvalidArgumentError", 400),
    ];
    for (token, error, status) in errors {
        let answer = &seen[token];
        assert_eq!(
            (&answer["error"], &answer["status"]),
            (&json!(error), &json!(status)),
            "{token}"
        );
    }
    assert_eq!(seen["quota"]["retry_after"], "7");
    // It asks for another access token after a 401, and is told the same.
    assert_eq!((double.granted(), double.received_by("third-party").len()), (3, 3));
    let sent = double.received_by("anybody");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].message["data"]["title"], "Ada sent you a new message");
}
