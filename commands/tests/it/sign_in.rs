//! Signing in: who has proved what, and for how long it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta};
use commands::{
    Caller, Context, PasswordError, Registration, SessionRevoked, SignIn, SignInError, SignedIn,
};
use eventlog::{Bus, Clock};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::SecretString;
use testing::TestDatabase;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

const PASSWORD: &str = "correct horse battery staple";

/// A clock that stands until it is moved.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000)))
    }

    fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Clock::from_fn(move || {
            DateTime::from_timestamp(seconds.load(Ordering::SeqCst), 0).expect("a time")
        })
    }

    fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

struct Scene {
    database: TestDatabase,
    hands: Hands,
    node: Node,
    sign_in: SignIn,
}

impl Scene {
    async fn set() -> Self {
        let (database, hands) = (TestDatabase::create().await, Hands::new());
        let node = Node::with_clock(&database, hands.clock());
        let sign_in = node.sign_in().await;
        Self { database, hands, node, sign_in }
    }

    async fn register(&self, name: &str, password: &str) -> Result<SignedIn, SignInError> {
        let registration = Registration {
            email: format!("{name}@example.com"),
            password: SecretString::from(password),
            username: name.to_owned(),
            display_name: name.to_owned(),
        };
        self.sign_in.register(registration, &Context::default()).await
    }

    async fn login(&self, email: &str, password: &str) -> Result<SignedIn, SignInError> {
        self.sign_in.login(email, SecretString::from(password)).await
    }
}

#[tokio::test]
async fn who_registered_is_signed_in_and_can_sign_in() {
    let scene = Scene::set().await;
    let registered = scene.register("Alice", PASSWORD).await.expect("registered");
    assert_eq!(registered.username, "alice");
    let caller = scene.sign_in.authenticate(&registered.access_token).expect("a good token");
    assert_eq!(caller.account_id, registered.account_id);
    let again = scene.login(" ALICE@example.com", PASSWORD).await.expect("signed in");
    assert_eq!(again.account_id, registered.account_id);
}

#[tokio::test]
async fn a_refused_registration_leaves_no_password() {
    let scene = Scene::set().await;
    scene.register("alice", PASSWORD).await.expect("registered");
    assert!(matches!(scene.register("alice", PASSWORD).await, Err(SignInError::Command(_))));
    assert!(matches!(scene.register("x", PASSWORD).await, Err(SignInError::Command(_))));
    let short = scene.register("bob", "fourteen chars").await;
    assert!(matches!(short, Err(SignInError::Password(PasswordError::TooShort))));
    let plain = scene.register("bob", "aaaaaaaaaaaaaaaaaaaa").await;
    assert!(matches!(plain, Err(SignInError::Password(PasswordError::TooPlain))));
    let passwords: i64 = sqlx::query_scalar("SELECT count(*) FROM passwords")
        .fetch_one(&scene.node.db)
        .await
        .expect("a count");
    assert_eq!(passwords, 1);
    assert_eq!(scene.node.events().await, 1);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_the_same() {
    let scene = Scene::set().await;
    scene.register("alice", PASSWORD).await.expect("registered");
    for (email, password) in [
        ("alice@example.com", "correct horse battery stable"),
        ("nobody@example.com", PASSWORD),
        ("nobody@example.com", "nobody's password"),
        ("no address at all", PASSWORD),
    ] {
        let refused = scene.login(email, password).await;
        assert!(matches!(refused, Err(SignInError::InvalidCredentials)), "{email}");
    }
}

#[tokio::test]
async fn nothing_secret_is_stored_in_the_clear() {
    let scene = Scene::set().await;
    let signed_in = scene.register("alice", PASSWORD).await.expect("registered");
    for table in ["events", "passwords", "sessions", "claims", "signing_keys", "subject_keys"] {
        let rows: Vec<String> = sqlx::query_scalar(&format!("SELECT t::text FROM {table} t"))
            .fetch_all(&scene.node.db)
            .await
            .expect("rows");
        assert!(!rows.is_empty(), "{table}");
        for row in rows {
            for secret in [PASSWORD, "alice", &signed_in.refresh_token, &signed_in.access_token] {
                assert!(!row.contains(secret), "{table} holds {secret}: {row}");
            }
        }
    }
}

#[tokio::test]
async fn an_access_token_is_what_rfc_9068_says_and_ends_in_time() {
    let scene = Scene::set().await;
    let signed_in = scene.register("alice", PASSWORD).await.expect("registered");
    let header = jsonwebtoken::decode_header(&signed_in.access_token).expect("a header");
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::ES256));
    let jwks = scene.sign_in.jwks();
    let jwk = serde_json::from_value(jwks["keys"][0].clone()).expect("a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["parlance"]);
    validation.set_issuer(&["https://parlance.example"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(&jwk).expect("a public key");
    let token =
        jsonwebtoken::decode::<serde_json::Value>(&signed_in.access_token, &key, &validation);
    let claims = token.expect("signed by the published key").claims;
    for claim in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti", "sid"] {
        assert!(!claims[claim].is_null(), "{claim}");
    }
    assert!(jwks["keys"][0]["d"].is_null(), "the private part is not published");

    scene.hands.advance(TimeDelta::seconds(629));
    assert!(scene.sign_in.authenticate(&signed_in.access_token).is_ok());
    scene.hands.advance(TimeDelta::seconds(1));
    assert!(scene.sign_in.authenticate(&signed_in.access_token).is_err());
}

#[tokio::test]
async fn a_token_that_is_not_ours_proves_nothing() {
    let scene = Scene::set().await;
    let token = scene.register("alice", PASSWORD).await.expect("registered").access_token;
    let (body, _) = token.rsplit_once('.').expect("three parts");
    let none = jsonwebtoken::Header { kid: None, ..jsonwebtoken::Header::default() };
    let forged = jsonwebtoken::encode(
        &none,
        &serde_json::json!({"sub": "x"}),
        &jsonwebtoken::EncodingKey::from_secret(b"x"),
    );
    let flipped = token.replacen("ey", "eZ", 1);
    let forged = forged.expect("a forgery");
    for bad in ["", "x", "a.b.c", body, &format!("{body}."), &forged, &flipped, &"x".repeat(5_000)]
    {
        assert!(scene.sign_in.authenticate(bad).is_err(), "{bad}");
    }
    // Another node with the same keys accepts it.
    let other = Node::with_clock(&scene.database, scene.hands.clock()).sign_in().await;
    assert!(other.authenticate(&token).is_ok());
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let scene = Scene::set().await;
    let first = scene.register("alice", PASSWORD).await.expect("registered");
    let second = scene.sign_in.refresh(&first.refresh_token).await.expect("exchanged");
    assert_ne!(second.refresh_token, first.refresh_token);
    let retried = scene.sign_in.refresh(&first.refresh_token).await.expect("a lost answer");
    assert_eq!(retried.refresh_token, second.refresh_token);
    let third = scene.sign_in.refresh(&second.refresh_token).await.expect("exchanged");

    // Whoever still has the first one has copied it: the session ends, for both.
    let copied = scene.sign_in.refresh(&first.refresh_token).await;
    assert!(matches!(copied, Err(SignInError::InvalidRefreshToken)));
    assert!(scene.sign_in.refresh(&third.refresh_token).await.is_err());
    assert!(scene.sign_in.authenticate(&third.access_token).is_err());
    assert!(scene.login("alice@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn fifty_refreshes_at_once_lock_nobody_out() {
    let scene = Scene::set().await;
    let first = scene.register("alice", PASSWORD).await.expect("registered");
    let attempts = (0..50).map(|_| {
        let (sign_in, token) = (scene.sign_in.clone(), first.refresh_token.clone());
        tokio::spawn(async move { sign_in.refresh(&token).await.map(|it| it.refresh_token) })
    });
    let mut successors = std::collections::BTreeSet::new();
    for attempt in attempts.collect::<Vec<_>>() {
        successors.insert(attempt.await.expect("no panic").expect("exchanged"));
    }
    assert_eq!(successors.len(), 1, "one family, one successor");
    let successor = successors.pop_first().expect("one");
    assert!(scene.sign_in.refresh(&successor).await.is_ok());
}

#[tokio::test]
async fn logging_out_ends_access_here_and_elsewhere() {
    let scene = Scene::set().await;
    let other = Node::with_clock(&scene.database, scene.hands.clock()).sign_in().await;
    let stop = CancellationToken::new();
    let following = {
        let (other, stop) = (other.clone(), stop.clone());
        tokio::spawn(async move { other.follow_revocations(stop).await })
    };
    let signed_in = scene.register("alice", PASSWORD).await.expect("registered");
    assert!(other.authenticate(&signed_in.access_token).is_ok());
    scene.sign_in.logout(&signed_in.refresh_token).await.expect("logged out");
    scene.sign_in.logout(&signed_in.refresh_token).await.expect("twice is harmless");
    assert!(scene.sign_in.authenticate(&signed_in.access_token).is_err());
    assert!(scene.sign_in.refresh(&signed_in.refresh_token).await.is_err());
    let refused = async {
        while other.authenticate(&signed_in.access_token).is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(5);
    tokio::time::timeout(patience, refused).await.expect("the other node learns of it");
    stop.cancel();
    following.await.expect("it ends");
    for bad in ["", "x", &signed_in.access_token] {
        assert!(matches!(scene.sign_in.logout(bad).await, Err(SignInError::InvalidRefreshToken)));
    }
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_ends() {
    let scene = Scene::set().await;
    let first = scene.register("alice", PASSWORD).await.expect("registered");
    scene.hands.advance(TimeDelta::seconds(1));
    for _ in 0..19 {
        scene.login("alice@example.com", PASSWORD).await.expect("signed in");
    }
    assert!(scene.sign_in.authenticate(&first.access_token).is_ok(), "20 are allowed");
    scene.login("alice@example.com", PASSWORD).await.expect("signed in");
    assert!(scene.sign_in.authenticate(&first.access_token).is_err());
}

/// What the bus loses, the database tells: whoever has something open under the session hears of it.
#[tokio::test]
async fn a_revocation_that_the_bus_has_lost_is_told_here() {
    let scene = Scene::set().await;
    let node = Node::with_clock(&scene.database, scene.hands.clock());
    let bus = Bus::new(None, CancellationToken::new()).0;
    let other = node.sign_in_over(bus.clone()).await;
    let stop = CancellationToken::new();
    let mut heard = bus.listen::<SessionRevoked>();
    let following = {
        let (other, stop) = (other.clone(), stop.clone());
        tokio::spawn(async move { other.follow_revocations(stop).await })
    };
    let signed_in = scene.register("alice", PASSWORD).await.expect("registered");
    let caller = other.authenticate(&signed_in.access_token).expect("it is good");
    scene.sign_in.logout(&signed_in.refresh_token).await.expect("logged out");
    let patience = std::time::Duration::from_secs(5);
    let told = tokio::time::timeout(patience, heard.next()).await.expect("it is told");
    let Caller { account_id, session_id, .. } = caller;
    assert_eq!(told, SessionRevoked { account_id, session_id });
    assert!(other.authenticate(&signed_in.access_token).is_err());
    stop.cancel();
    following.await.expect("it ends");
}

#[tokio::test]
async fn a_ticket_is_good_once_and_soon() {
    let scene = Scene::set().await;
    let signed_in = scene.register("alice", PASSWORD).await.expect("registered");
    let caller = scene.sign_in.authenticate(&signed_in.access_token).expect("it is good");
    let redeem = async |ticket: &str| scene.sign_in.redeem_ticket(ticket).await.expect("an answer");

    let ticket = scene.sign_in.issue_ticket(caller).await.expect("a ticket");
    assert_eq!(ticket.expires_in, 30);
    let (one, other) = tokio::join!(redeem(&ticket.ticket), redeem(&ticket.ticket));
    assert_eq!([one, other].into_iter().flatten().collect::<Vec<_>>(), [caller], "once");
    assert_eq!(redeem(&ticket.ticket).await, None);
    for bad in ["", "x", &"A".repeat(43), &"A".repeat(10_000)] {
        assert_eq!(redeem(bad).await, None);
    }

    let late = scene.sign_in.issue_ticket(caller).await.expect("a ticket");
    scene.hands.advance(TimeDelta::seconds(30));
    assert_eq!(redeem(&late.ticket).await, None);

    let orphaned = scene.sign_in.issue_ticket(caller).await.expect("a ticket");
    scene.sign_in.logout(&signed_in.refresh_token).await.expect("logged out");
    assert_eq!(redeem(&orphaned.ticket).await, None, "its session has ended");
}
