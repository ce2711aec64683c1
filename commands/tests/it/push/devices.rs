//! Whose device it is.

use chrono::TimeDelta;
use commands::RegisterDeviceError;
use domain::devices::{Address, Platform, Subscription};

use super::world::{AUTH, P256DH, fcm, titles};
use super::{BROWSER, PHONE, Pushing};
use crate::node::{ALICE, BOB, MALLORY};

#[tokio::test]
async fn a_device_that_somebody_else_signs_in_to_is_theirs() {
    let world = Pushing::new().await;
    world.phone("shared").await;
    world.register(MALLORY, PHONE, Platform::Android, fcm("shared")).await;
    assert!(world.devices(BOB).await.is_empty());
    assert_eq!(world.devices(MALLORY).await, [PHONE]);
    assert_eq!(world.removals().await, ["moved"]);
    let _policies = world.run_policies();
    world.say("for Bob alone").await;
    world.arrived("shared", 0).await;
    // And back.
    world.phone("shared").await;
    assert_eq!((world.devices(BOB).await.len(), world.devices(MALLORY).await.len()), (1, 0));
    world.say("for Bob alone").await;
    world.until_received("shared", 1).await;
}

#[tokio::test]
async fn many_who_want_one_address_leave_it_to_one() {
    let world = Pushing::new().await;
    let sessions =
        [world.session(ALICE).await, world.session(BOB).await, world.session(MALLORY).await];
    for _ in 0..5 {
        let racing = [ALICE, BOB, MALLORY].into_iter().zip(sessions).map(|(owner, session)| {
            world.register_in(session, owner, PHONE, Platform::Android, fcm("shared"))
        });
        for registered in futures_util::future::join_all(racing).await {
            let lost = matches!(registered, Err(RegisterDeviceError::Devices(_)));
            assert!(registered.is_ok() || lost, "{registered:?}");
        }
        let mut holders = 0;
        for account in [ALICE, BOB, MALLORY] {
            holders += world.devices(account).await.len();
        }
        assert_eq!(holders, 1);
        let claims = "SELECT count(*) FROM claims WHERE scope = 'push_address'";
        let claims: i64 = sqlx::query_scalar(claims).fetch_one(&world.db()).await.expect("a count");
        assert_eq!(claims, 1);
    }
}

#[tokio::test]
async fn a_device_goes_with_its_session() {
    let world = Pushing::new().await;
    let sign_in = world.node.sign_in().await;
    let registration = commands::Registration {
        email: "carol@example.org".to_owned(),
        password: "a quiet river under stars".to_owned().into(),
        username: "carol".to_owned(),
        display_name: "Carol".to_owned(),
    };
    let context = commands::Context::default();
    let carol = sign_in.register(registration, &context).await.expect("registered");
    let caller = sign_in.authenticate(&carol.access_token).expect("signed in");
    let (session, owner) = (caller.session_id, caller.account_id);
    world
        .register_in(session, owner, PHONE, Platform::Android, fcm("carols"))
        .await
        .expect("registered");
    sign_in.logout(&carol.refresh_token).await.expect("signed out");
    assert!(world.devices(owner).await.is_empty());
    assert_eq!(world.removals().await, ["signed_out"]);
}

/// The process that ended the session died before it removed the device.
#[tokio::test]
async fn a_session_that_has_ended_is_found_out_before_anything_is_pushed() {
    let world = Pushing::new().await;
    let session = world.phone("android").await;
    let _policies = world.run_policies();
    world
        .run(&format!("UPDATE sessions SET revoked_at = now() WHERE session_id = '{session}'"))
        .await;
    world.say("1").await;
    world.until("removed", async || world.devices(BOB).await.is_empty()).await;
    assert_eq!(world.removals().await, ["signed_out"]);
    world.arrived("android", 0).await;
}

#[tokio::test]
async fn a_device_that_nobody_has_used_for_a_month_is_signed_out() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    world.until_idle().await;
    world.pass(TimeDelta::days(31));
    world.say("1").await;
    world.until("removed", async || world.devices(BOB).await.is_empty()).await;
    world.arrived("android", 0).await;
}

#[tokio::test]
async fn a_browser_names_a_push_service_that_is_known() {
    let world = Pushing::new().await;
    let session = world.session(BOB).await;
    for endpoint in ["http://127.0.0.1:1/x", "https://internal.example/x"] {
        let address = Address::WebPush(Subscription {
            endpoint: endpoint.to_owned(),
            p256dh: P256DH.to_owned(),
            auth: AUTH.to_owned(),
        });
        let refused = world.register_in(session, BOB, BROWSER, Platform::Web, address).await;
        assert!(matches!(refused, Err(RegisterDeviceError::ForeignEndpoint)), "{refused:?}");
    }
    assert!(world.devices(BOB).await.is_empty());
    assert!(titles(&world.double.received()).is_empty());
}
