//! Alice and Bob, who have a chat, and Bob's devices.

use std::ops::Deref;

use chrono::TimeDelta;
use commands::{
    Context, DeviceRegistration, FcmSettings, PushHosts, PushSettings, RegisterDeviceError,
    register_device,
};
use domain::account::{Account, AccountCommand};
use domain::chat::{Chat, ChatCommand, ChatEvent, Limits, Outgoing};
use domain::devices::{
    Address, Devices, DevicesCommand, Platform, PreferencesChange, Subscription,
};
use domain::{AccountId, ChatId, DeviceId, MessageId};
use serde_json::Value;
use testing::{PushDouble, Received};
use uuid::Uuid;

use crate::files::Storage;
use crate::node::{ALICE, BOB, MALLORY};
use crate::policies::World;

pub(crate) const PHONE: DeviceId = DeviceId(Uuid::from_u128(0xD1));
pub(crate) const TABLET: DeviceId = DeviceId(Uuid::from_u128(0xD2));
pub(crate) const BROWSER: DeviceId = DeviceId(Uuid::from_u128(0xD3));

/// The browser of RFC 8291, section 5; its private key is `q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94`.
pub(crate) const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub(crate) const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

pub(crate) struct Pushing {
    world: World,
    pub(crate) double: PushDouble,
}

impl Deref for Pushing {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Pushing {
    pub(crate) async fn new() -> Self {
        let mut world = World::on(Storage::Embedded).await;
        let double = PushDouble::start().await;
        let fcm = FcmSettings {
            credentials: double.credentials(),
            project_id: None,
            endpoint: Some(double.url()),
        };
        world
            .push_by(PushSettings {
                fcm: Some(fcm),
                web_push_contact: Some("mailto:operator@parlance.example".to_owned()),
                web_push_hosts: PushHosts::parse(&double.url(), true).expect("it is one"),
            })
            .await;
        let this = Self { world, double };
        for (account, name) in [(ALICE, "Alice"), (BOB, "Bob"), (MALLORY, "Mallory")] {
            this.register_account(account, name).await;
        }
        this.node.open().await;
        this
    }

    pub(crate) async fn register_account(&self, account_id: AccountId, name: &str) {
        let username = name.to_lowercase();
        let command = AccountCommand::Register {
            account_id,
            email: format!("{username}@example.org"),
            username,
            display_name: name.to_owned(),
            now: self.now(),
        };
        let (id, context) = (account_id.to_string(), Context::default());
        self.node.gateway.execute::<Account>(&id, command, &context).await.expect("registered");
    }

    /// A session of `account`, as signing in starts one.
    pub(crate) async fn session(&self, account: AccountId) -> Uuid {
        let session = eventlog::Ids::random().next();
        let (now, end) = (self.now(), self.now() + TimeDelta::days(90));
        let insert = "INSERT INTO sessions
                          (session_id, account_id, created_at, refreshed_at, expires_at)
                      VALUES ($1, $2, $3, $3, $4)";
        let insert = sqlx::query(insert).bind(session).bind(account.0).bind(now).bind(end);
        insert.execute(&self.db()).await.expect("a session");
        session
    }

    /// Registers a device of `owner`, in a session of its own.
    pub(crate) async fn register(
        &self,
        owner: AccountId,
        device_id: DeviceId,
        platform: Platform,
        address: Address,
    ) -> Uuid {
        let session_id = self.session(owner).await;
        let registered = self.register_in(session_id, owner, device_id, platform, address).await;
        registered.expect("registered");
        session_id
    }

    pub(crate) async fn register_in(
        &self,
        session_id: Uuid,
        owner: AccountId,
        device_id: DeviceId,
        platform: Platform,
        address: Address,
    ) -> Result<(), RegisterDeviceError> {
        let now = self.now();
        let registration =
            DeviceRegistration { owner, device_id, session_id, platform, address, now };
        let (gateway, context) = (&self.node.gateway, Context::default());
        register_device(gateway, &self.push, registration, &context).await.map(drop)
    }

    /// Registers an Android phone of Bob under a token. Returns its session.
    pub(crate) async fn phone(&self, token: &str) -> Uuid {
        self.register(BOB, PHONE, Platform::Android, fcm(token)).await
    }

    /// Registers a browser of Bob under a name.
    pub(crate) async fn browser(&self, name: &str) {
        let subscription = Subscription {
            endpoint: self.double.endpoint(name),
            p256dh: P256DH.to_owned(),
            auth: AUTH.to_owned(),
        };
        let address = Address::WebPush(subscription);
        self.register(BOB, BROWSER, Platform::Web, address).await;
    }

    pub(crate) async fn prefer(&self, account: AccountId, change: PreferencesChange) {
        let now = self.now();
        let command = DevicesCommand::ChangePreferences { owner: account, change, now };
        let (id, context) = (account.to_string(), Context::default());
        self.node.gateway.execute::<Devices>(&id, command, &context).await.expect("changed");
    }

    pub(crate) async fn allow_previews(&self) {
        let change = PreferencesChange { previews: Some(true), ..PreferencesChange::default() };
        self.prefer(BOB, change).await;
    }

    /// The ids of the devices of `account`, with the reasons why others have gone.
    pub(crate) async fn devices(&self, account: AccountId) -> Vec<DeviceId> {
        let ids = |it: &Devices| it.devices().keys().copied().collect();
        self.node.gateway.inspect(&account.to_string(), ids).await.expect("they load")
    }

    /// Why devices have gone, in the order in which they did.
    pub(crate) async fn removals(&self) -> Vec<String> {
        let reasons = "SELECT payload->>'reason' FROM events
                       WHERE event_type = 'device_removed' ORDER BY position";
        sqlx::query_scalar(reasons).fetch_all(&self.db()).await.expect("reasons")
    }

    /// Sends a message from Alice to Bob.
    pub(crate) async fn say(&self, text: &str) -> Message {
        self.say_as(ALICE, text).await
    }

    pub(crate) async fn say_as(&self, sender: AccountId, text: &str) -> Message {
        let id = MessageId(eventlog::Ids::random().next());
        let executed = self.node.send(sender, id, text, None).await.expect("sent");
        let number = executed.events.iter().find_map(|it| {
            let ChatEvent::MessageSent { number, .. } = it else { return None };
            Some(*number)
        });
        Message { id, number: number.expect("a message"), position: executed.position.0 }
    }

    /// Opens a chat of two, and sends a message there.
    pub(crate) async fn say_to(&self, by: AccountId, with: AccountId, text: &str) {
        let (id, now) = (ChatId::between(by, with).to_string(), self.now());
        let message_id = MessageId(eventlog::Ids::random().next());
        let message = Box::new(Outgoing::text(message_id, by, text.to_owned()));
        let limits = Limits::default();
        for command in
            [ChatCommand::Open { by, with, now }, ChatCommand::Send { message, limits, now }]
        {
            let (gateway, context) = (&self.node.gateway, Context::default());
            gateway.execute::<Chat>(&id, command, &context).await.expect("done");
        }
    }

    /// Does something in the chat.
    pub(crate) async fn act(&self, command: ChatCommand) {
        self.node.chat(command).await.expect("done");
    }

    /// Waits until `target` has been sent so many.
    pub(crate) async fn until_received(&self, target: &str, count: usize) -> Vec<Received> {
        self.until(&format!("{count} for {target}"), async || {
            self.double.received_by(target).len() >= count
        })
        .await;
        self.double.received_by(target)
    }

    /// Waits until nothing is due, and asserts how many messages have arrived for `target`.
    pub(crate) async fn arrived(&self, target: &str, count: usize) -> Vec<Received> {
        self.until_idle().await;
        let received = self.double.received_by(target);
        assert_eq!(received.len(), count, "{received:?}");
        received
    }

    /// How many effects are in this state.
    pub(crate) async fn effects(&self, state: &str) -> i64 {
        let count = "SELECT count(*) FROM push_effects WHERE state = $1";
        sqlx::query_scalar(count).bind(state).fetch_one(&self.db()).await.expect("a count")
    }

    /// Somebody has an app in the foreground, connected to a process that was there so long ago.
    pub(crate) async fn looks(&self, account: AccountId, silent_seconds: i32) -> Uuid {
        let node = eventlog::Ids::random().next();
        let insert = "INSERT INTO nodes (node, seen_at)
                      VALUES ($1, clock_timestamp() - make_interval(secs => $2))";
        let insert = sqlx::query(insert).bind(node).bind(f64::from(silent_seconds));
        insert.execute(&self.db()).await.expect("a node");
        let insert =
            "INSERT INTO connections (account_id, node, total, looking) VALUES ($1, $2, 2, 1)";
        let insert = sqlx::query(insert).bind(account.0).bind(node);
        insert.execute(&self.db()).await.expect("a connection");
        node
    }

    /// Executes one statement.
    pub(crate) async fn run(&self, statement: &str) {
        sqlx::query(statement).execute(&self.db()).await.expect("it runs");
    }
}

/// A message that was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) number: u64,
    pub(crate) position: i64,
}

pub(crate) fn fcm(token: &str) -> Address {
    Address::FcmToken { token: token.to_owned() }
}

/// The data of each.
pub(crate) fn data(received: &[Received]) -> Vec<Value> {
    received.iter().map(|it| it.message["data"].clone()).collect()
}

/// The titles of each.
pub(crate) fn titles(received: &[Received]) -> Vec<String> {
    let title = |it: &Value| it["title"].as_str().unwrap_or_default().to_owned();
    data(received).iter().map(title).collect()
}
