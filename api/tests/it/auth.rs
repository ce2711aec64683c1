//! Signing in and out.

use serde_json::{Value, json};

use crate::support::{PASSWORD, World, registration};

const REGISTER: &str = "/v1/auth/email/register";
const LOGIN: &str = "/v1/auth/email/login";
const REFRESH: &str = "/v1/auth/refresh";
const LOGOUT: &str = "/v1/auth/logout";

fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut body = registration("ada");
    body[member] = value.into();
    body
}

#[tokio::test]
async fn registering_signs_in() {
    let world = World::new().await;

    let answer = world.post(REGISTER, &registration("Ada.1")).send().await;

    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.text("username"), "ada.1");
    assert_eq!(answer.text("token_type"), "Bearer");
    assert_eq!(answer.body["expires_in"], 600);
    assert_eq!(answer.body.as_object().unwrap().len(), 6);
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = format!("Bearer {}", answer.text("access_token"));
    let me = world.get("/v1/me").header("authorization", &token).at(answer.position());
    assert_eq!(me.send().await.text("account_id"), answer.text("account_id"));
}

#[tokio::test]
async fn signing_in_answers_the_same_shape() {
    let world = World::new().await;
    let ada = world.person("ada").await;

    let body = json!({ "email": " ADA@example.org ", "password": PASSWORD });
    let answer = world.post(LOGIN, &body).send().await;

    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (answer.text("account_id"), answer.text("username")),
        (ada.id.clone(), ada.username)
    );
    assert!(answer.position() >= ada.position);
    assert_ne!(answer.text("refresh_token"), ada.refresh_token);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let world = World::new().await;
    world.person("ada").await;

    let mut bodies = Vec::new();
    for (email, password) in [
        ("ada@example.org", "some other password"),
        ("eve@example.org", PASSWORD),
        ("no address", PASSWORD),
    ] {
        let answer = world.post(LOGIN, &json!({ "email": email, "password": password }));
        let answer = answer.send().await;
        answer.refuses(401, "invalid-credentials");
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|it| it[0] == it[1]));
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_the_next() {
    let world = World::new().await;
    let ada = world.person("ada").await;

    let first = world.post(REFRESH, &json!({ "refresh_token": ada.refresh_token })).send().await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.text("account_id"), ada.id);
    let next = json!({ "refresh_token": first.text("refresh_token") });
    let second = world.post(REFRESH, &next).send().await;
    assert_eq!(second.status, 200, "{second:?}");

    // The first token has been used, and so has its successor: somebody else has a copy.
    world.pass(60);
    let stolen = world.post(REFRESH, &json!({ "refresh_token": ada.refresh_token })).send().await;
    stolen.refuses(401, "invalid-refresh-token");
    let newest = json!({ "refresh_token": second.text("refresh_token") });
    world.post(REFRESH, &newest).send().await.refuses(401, "invalid-refresh-token");
    world.get("/v1/me").by(&ada).send().await.refuses(401, "invalid-token");
}

#[tokio::test]
async fn signing_out_ends_both_tokens() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let body = json!({ "refresh_token": ada.refresh_token });

    let answer = world.post(LOGOUT, &body).send().await;
    assert_eq!((answer.status, answer.bytes.len()), (204, 0), "{answer:?}");

    world.get("/v1/me").by(&ada).send().await.refuses(401, "invalid-token");
    world.post(REFRESH, &body).send().await.refuses(401, "invalid-refresh-token");
    assert_eq!(world.post(LOGOUT, &body).send().await.status, 204);
    let other = json!({ "refresh_token": "no token of ours" });
    world.post(LOGOUT, &other).send().await.refuses(401, "invalid-refresh-token");
}

#[tokio::test]
async fn names_are_taken_once() {
    let world = World::new().await;
    world.person("ada").await;

    let answer = world.post(REGISTER, &with("email", "other@example.org")).send().await;
    answer.refuses(409, "already-taken").blames("username");
    let answer = world.post(REGISTER, &with("username", "other")).send().await;
    answer.refuses(409, "already-taken").blames("email");
    let mut body = with("email", "ADA@Example.org");
    body["username"] = "other".into();
    world.post(REGISTER, &body).send().await.refuses(409, "already-taken").blames("email");

    // Nothing of a refused registration is left: the names that were free still are.
    world.person("other").await;
}

#[tokio::test]
async fn a_registration_is_refused_for_each_field() {
    let world = World::new().await;
    let long = "x".repeat(51);
    let cases = [
        ("email", json!("ada"), 422, "invalid-email"),
        ("email", json!("ada@localhost"), 422, "invalid-email"),
        ("email", json!(format!("{}@example.org", "a".repeat(65))), 422, "invalid-email"),
        ("email", json!(1), 400, "invalid-request"),
        ("password", json!("fourteen chars"), 422, "weak-password"),
        ("password", json!("a".repeat(20)), 422, "weak-password"),
        ("password", json!("abcdefgh".repeat(40)), 422, "weak-password"),
        ("password", Value::Null, 400, "invalid-request"),
        ("username", json!("ab"), 422, "invalid-username"),
        ("username", json!("a".repeat(31)), 422, "invalid-username"),
        ("username", json!("ada lovelace"), 422, "invalid-username"),
        ("username", json!(["ada"]), 400, "invalid-request"),
        ("display_name", json!("  "), 422, "invalid-display-name"),
        ("display_name", json!(long), 422, "invalid-display-name"),
        ("display_name", json!("a\nb"), 422, "invalid-display-name"),
        ("display_name", json!({}), 400, "invalid-request"),
        ("role", json!("admin"), 400, "invalid-request"),
    ];
    for (field, value, status, code) in cases {
        let answer = world.post(REGISTER, &with(field, value)).send().await;
        answer.refuses(status, code).blames(field);
    }
    for field in ["email", "password", "username", "display_name"] {
        let mut body = registration("ada");
        body.as_object_mut().unwrap().remove(field);
        world.post(REGISTER, &body).send().await.refuses(400, "invalid-request").blames(field);
    }
    world.person("ada").await;
}

#[tokio::test]
async fn bad_bodies_of_the_others_name_their_field() {
    let world = World::new().await;
    let cases = [
        (LOGIN, json!({ "password": PASSWORD }), "email"),
        (LOGIN, json!({ "email": "ada@example.org" }), "password"),
        (LOGIN, json!({ "email": 1, "password": PASSWORD }), "email"),
        (REFRESH, json!({}), "refresh_token"),
        (REFRESH, json!({ "refresh_token": null }), "refresh_token"),
        (LOGOUT, json!({ "refresh_token": "x", "all": true }), "all"),
    ];
    for (path, body, field) in cases {
        world.post(path, &body).send().await.refuses(400, "invalid-request").blames(field);
    }
}

#[tokio::test]
async fn an_access_token_ends() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    world.read(&ada, "/v1/me", ada.position).await;

    world.pass(11 * 60);

    let answer = world.get("/v1/me").by(&ada).send().await;
    answer.refuses(401, "invalid-token");
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn the_keys_are_public() {
    let world = World::new().await;

    let answer = world.get("/.well-known/jwks.json").send().await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=600");
    let key = &answer.body["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"]),
        (&json!("EC"), &json!("P-256"), &json!("ES256"))
    );
    assert!(key.get("d").is_none(), "the private part stays here");
}
