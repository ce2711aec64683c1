//! Who is who.

use serde_json::{Value, json};

use crate::support::{NOBODY, World};

#[tokio::test]
async fn ones_own_account_has_the_address() {
    let world = World::new().await;
    let ada = world.person("ada").await;

    let me = world.read(&ada, "/v1/me", ada.position).await;

    assert_eq!(me["account_id"], json!(ada.id));
    assert_eq!(me["username"], "ada");
    assert_eq!(me["display_name"], "The ada");
    assert_eq!(me["email"], json!(ada.email));
    assert!(me["registered_at"].as_str().unwrap().ends_with('Z'), "{me}");
    assert_eq!(me["read_receipts"], true);
    assert_eq!(me["presence_shown_to"], "chats");
    assert_eq!(me.as_object().unwrap().len(), 7);
    assert_eq!(world.read(&ada, &format!("/v1/accounts/{}", ada.id), 0).await, me);
}

#[tokio::test]
async fn somebody_elses_account_has_none() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);

    let account = world.read(&ada, &format!("/v1/accounts/{}", ben.id), ben.position).await;

    assert_eq!(account["username"], "ben");
    assert_eq!(account.get("email"), None);
    let answer = world.get(&format!("/v1/accounts/{NOBODY}")).by(&ada).send().await;
    answer.refuses(404, "account-not-found");
    for id in ["ada", "0190f6f47c1e7b1a8f7e0123456789ab", "%FF"] {
        let answer = world.get(&format!("/v1/accounts/{id}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames("id");
    }
}

#[tokio::test]
async fn a_profile_is_changed_in_part() {
    let world = World::new().await;
    let ada = world.person("ada").await;

    let answer = world.patch("/v1/me", &json!({ "display_name": " Ada L. " })).by(&ada);
    let answer = answer.send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (&answer.body["username"], &answer.body["display_name"]),
        (&json!("ada"), &json!("Ada L."))
    );
    assert!(answer.position() > ada.position);

    let answer = world.patch("/v1/me", &json!({ "username": "Ada_2" })).by(&ada).send().await;
    assert_eq!(answer.text("username"), "ada_2");
    assert_eq!(answer.text("display_name"), "Ada L.");
    assert_eq!(world.read(&ada, "/v1/me", answer.position()).await, answer.body);

    // The name that was given up is free.
    let again = world.patch("/v1/me", &json!({})).by(&ada).send().await;
    assert_eq!((again.status, &again.body), (200, &answer.body));
    let other = world.person("someone").await;
    let answer = world.patch("/v1/me", &json!({ "username": "ada" })).by(&other).send().await;
    assert_eq!(answer.text("username"), "ada");
    let answer = world.patch("/v1/me", &json!({ "username": "ADA_2" })).by(&other).send().await;
    answer.refuses(409, "already-taken").blames("username");
}

#[tokio::test]
async fn a_change_is_refused_for_each_field() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let cases = [
        ("username", json!("a"), 422, "invalid-username"),
        ("username", json!(7), 400, "invalid-request"),
        ("display_name", json!("\t"), 422, "invalid-display-name"),
        ("display_name", json!([]), 400, "invalid-request"),
        ("email", json!("new@example.org"), 400, "invalid-request"),
    ];
    for (field, value, status, code) in cases {
        let body = Value::Object([(field.to_owned(), value)].into_iter().collect());
        let answer = world.patch("/v1/me", &body).by(&ada).send().await;
        answer.refuses(status, code).blames(field);
    }
}
