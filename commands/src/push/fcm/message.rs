//! A notice as FCM takes it (firebase.google.com/docs/reference/fcm/rest/v1/projects.messages).

use chrono::{DateTime, TimeDelta, Utc};
use domain::devices::{Address, Platform};
use serde_json::{Value, json};

use crate::push::{Notice, Shown};

/// The body of `messages:send`. One section, for the platform that it goes to.
///
/// On Android and in browsers the app makes the notification of the data; iOS makes it of the alert,
/// which an extension of the app may change before it is shown.
pub(super) fn message(
    notice: &Notice,
    address: &Address,
    platform: Platform,
    now: DateTime<Utc>,
) -> Value {
    let mut message = match platform {
        Platform::Android => json!({ "data": notice.with_body(), "android": android(notice) }),
        Platform::Ios => json!({ "data": notice.data, "apns": apns(notice, now) }),
        Platform::Web => json!({ "data": notice.with_body(), "webpush": web(notice) }),
    };
    match address {
        Address::FcmToken { token } => message["token"] = json!(token),
        Address::FcmInstallation { installation_id } => message["fid"] = json!(installation_id),
        Address::WebPush(_) => {} // not one of FCM's
    }
    json!({ "message": message })
}

/// Without a collapse key while something is shown: those that have one are held back after 20, for
/// minutes, and only four of them wait for a device. The app replaces what it shows by chat.
fn android(notice: &Notice) -> Value {
    let ttl = format!("{}s", notice.ttl.as_secs());
    match notice.shown {
        Some(_) => json!({ "priority": "HIGH", "ttl": ttl }),
        None => json!({ "priority": "NORMAL", "ttl": ttl, "collapse_key": notice.replaces }),
    }
}

fn apns(notice: &Notice, now: DateTime<Utc>) -> Value {
    let ttl = TimeDelta::from_std(notice.ttl).unwrap_or_default();
    let expiration = (now + ttl).timestamp().to_string();
    let Some(Shown { title, body }) = &notice.shown else {
        return json!({
            "headers": {
                "apns-push-type": "background",
                "apns-priority": "5",
                "apns-expiration": expiration,
                "apns-collapse-id": notice.replaces,
            },
            "payload": { "aps": { "content-available": 1 } },
        });
    };
    let mut alert = json!({ "title": title });
    if let Some(body) = body {
        alert["body"] = json!(body);
    }
    json!({
        "headers": {
            "apns-push-type": "alert",
            "apns-priority": "10",
            "apns-expiration": expiration,
            "apns-collapse-id": notice.replaces,
        },
        "payload": {
            "aps": {
                "alert": alert,
                "sound": "default",
                "mutable-content": 1,
                "thread-id": notice.chat_id,
            },
        },
    })
}

fn web(notice: &Notice) -> Value {
    let urgency = if notice.shown.is_some() { "high" } else { "low" };
    json!({ "headers": { "TTL": notice.ttl.as_secs().to_string(), "Urgency": urgency } })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use domain::ChatId;
    use uuid::Uuid;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn notice(shown: Option<(&str, Option<&str>)>) -> Notice {
        let shown = shown
            .map(|(title, body)| Shown { title: title.to_owned(), body: body.map(str::to_owned) });
        Notice {
            data: BTreeMap::from([("type", "message".to_owned())]),
            shown,
            chat_id: ChatId(Uuid::nil()),
            replaces: "chat".to_owned(),
            ttl: Duration::from_mins(1),
        }
    }

    fn to(address: &Address, platform: Platform, notice: &Notice) -> Value {
        message(notice, address, platform, NOW)["message"].take()
    }

    fn token() -> Address {
        Address::FcmToken { token: "t".to_owned() }
    }

    #[test]
    fn android_gets_data_alone_with_what_was_said_if_that_is_allowed() {
        let quiet = to(&token(), Platform::Android, &notice(Some(("Ada", None))));
        let expected = json!({
            "token": "t",
            "data": { "type": "message" },
            "android": { "priority": "HIGH", "ttl": "60s" },
        });
        assert_eq!(quiet, expected);
        let loud = to(&token(), Platform::Android, &notice(Some(("Ada", Some("Hi")))));
        assert_eq!(loud["data"], json!({ "type": "message", "body": "Hi" }));
    }

    #[test]
    fn ios_gets_an_alert() {
        let loud = to(&token(), Platform::Ios, &notice(Some(("Ada", Some("Hi")))));
        let expected = json!({
            "token": "t",
            "data": { "type": "message" },
            "apns": {
                "headers": {
                    "apns-push-type": "alert",
                    "apns-priority": "10",
                    "apns-expiration": "1800000060",
                    "apns-collapse-id": "chat",
                },
                "payload": { "aps": {
                    "alert": { "title": "Ada", "body": "Hi" },
                    "sound": "default",
                    "mutable-content": 1,
                    "thread-id": "00000000-0000-0000-0000-000000000000",
                } },
            },
        });
        assert_eq!(loud, expected);
        let quiet = to(&token(), Platform::Ios, &notice(Some(("Ada", None))));
        assert_eq!(quiet["apns"]["payload"]["aps"]["alert"], json!({ "title": "Ada" }));
    }

    #[test]
    fn a_browser_gets_data_at_once() {
        let loud = to(&token(), Platform::Web, &notice(Some(("Ada", Some("Hi")))));
        let expected = json!({
            "token": "t",
            "data": { "type": "message", "body": "Hi" },
            "webpush": { "headers": { "TTL": "60", "Urgency": "high" } },
        });
        assert_eq!(loud, expected);
        let quiet = to(&token(), Platform::Web, &notice(Some(("Ada", None))));
        assert_eq!(quiet["data"], json!({ "type": "message" }));
    }

    #[test]
    fn what_nobody_sees_has_a_low_priority() {
        let unseen = notice(None);
        let android = to(&token(), Platform::Android, &unseen);
        let expected = json!({ "priority": "NORMAL", "ttl": "60s", "collapse_key": "chat" });
        assert_eq!(android["android"], expected);
        let ios = to(&token(), Platform::Ios, &unseen);
        assert_eq!(ios["apns"]["payload"], json!({ "aps": { "content-available": 1 } }));
        assert_eq!(ios["apns"]["headers"]["apns-push-type"], "background");
        assert_eq!(ios["apns"]["headers"]["apns-priority"], "5");
        let web = to(&token(), Platform::Web, &unseen);
        assert_eq!(web["webpush"]["headers"]["Urgency"], "low");
    }

    #[test]
    fn an_installation_is_reached_by_its_id() {
        let address = Address::FcmInstallation { installation_id: "i".to_owned() };
        let message = to(&address, Platform::Android, &notice(None));
        assert_eq!(message["fid"], "i");
        assert_eq!(message.get("token"), None);
    }
}
