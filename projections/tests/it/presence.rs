//! Who is shown whether somebody is there.

use chrono::{DateTime, Utc};
use domain::account::{AccountCommand, Audience};
use domain::chat::ChatCommand;
use domain::{AccountId, ChatId};
use projections::presence::{self, Seen, Typing};

use crate::world::World;

const CAME: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");

struct Scene {
    world: World,
    alice: AccountId,
    bob: AccountId,
    /// Has a chat with neither.
    carol: AccountId,
    chat: ChatId,
}

impl Scene {
    /// Alice and Bob have a chat, and Alice is there.
    async fn set() -> Self {
        let mut world = World::create().await;
        let (alice, bob) = (world.register("alice").await, world.register("bob").await);
        let carol = world.register("carol").await;
        let chat = world.open(alice, bob).await;
        world.project().await;
        let there = "INSERT INTO presence (account_id, online, since) VALUES ($1, true, $2)";
        sqlx::query(there).bind(alice.0).bind(CAME).execute(&world.db).await.expect("there");
        Self { world, alice, bob, carol, chat }
    }

    /// What Bob and Carol, and somebody who has not registered, are shown of Alice.
    async fn shown(&self) -> [Option<Seen>; 3] {
        let nobody = AccountId(uuid::Uuid::from_u128(0xBAD));
        let pairs = [self.bob, self.carol, nobody].map(|it| (it, self.alice));
        let views = presence::seen(&self.world.app(), &pairs).await.expect("views");
        let asked: Vec<_> = views.iter().map(|it| (it.viewer, it.account)).collect();
        assert_eq!(asked, pairs);
        [views[0].seen, views[1].seen, views[2].seen]
    }

    async fn show(&mut self, by: AccountId, to: Audience) {
        let now = self.world.now();
        self.world.on_account(by, AccountCommand::ShowPresence { to, now }).await;
        self.world.project().await;
    }

    async fn on(&mut self, command: ChatCommand) {
        self.world.on_chat(self.chat, command).await;
        self.world.project().await;
    }
}

const THERE: Option<Seen> = Some(Seen { online: true, since: Some(CAME) });

#[tokio::test]
async fn it_is_shown_to_whom_they_chose() {
    let mut scene = Scene::set().await;
    assert_eq!(scene.shown().await, [THERE, None, None]);
    let alice = scene.alice;
    scene.show(alice, Audience::Everyone).await;
    assert_eq!(scene.shown().await, [THERE, THERE, None], "who is nobody sees nobody");
    scene.show(alice, Audience::Nobody).await;
    assert_eq!(scene.shown().await, [None; 3]);
}

#[tokio::test]
async fn who_shows_it_to_nobody_is_shown_nobody() {
    let mut scene = Scene::set().await;
    let bob = scene.bob;
    scene.show(bob, Audience::Nobody).await;
    assert_eq!(scene.shown().await, [None; 3]);
    scene.show(bob, Audience::Chats).await;
    assert_eq!(scene.shown().await, [THERE, None, None]);
}

#[tokio::test]
async fn a_block_hides_each_from_the_other() {
    let mut scene = Scene::set().await;
    for (by, whom) in [(scene.alice, scene.bob), (scene.bob, scene.alice)] {
        let now = scene.world.now();
        scene.on(ChatCommand::Block { by, whom, now }).await;
        assert_eq!(scene.shown().await, [None; 3]);
        scene.on(ChatCommand::Unblock { by, whom, now }).await;
        assert_eq!(scene.shown().await, [THERE, None, None]);
    }
}

#[tokio::test]
async fn who_never_was_there_is_not_there() {
    let scene = Scene::set().await;
    let (alice, bob) = (scene.alice, scene.bob);
    let views = presence::seen(&scene.world.db, &[(alice, bob)]).await.expect("views");
    assert_eq!(views[0].seen, Some(Seen { online: false, since: None }));
    assert_eq!(presence::seen(&scene.world.db, &[]).await.expect("none"), []);
    let standing = presence::standing(&scene.world.db, &[alice.0, bob.0]).await.expect("rows");
    assert_eq!(standing, [(alice.0, THERE.expect("there"))]);
}

#[tokio::test]
async fn typing_is_heard_by_the_other_member_unless_one_has_blocked_the_other() {
    let mut scene = Scene::set().await;
    let (alice, bob, chat) = (scene.alice, scene.bob, scene.chat);
    let heard = async |scene: &Scene, by| {
        presence::hears_typing(&scene.world.app(), by, chat).await.expect("an answer")
    };
    assert_eq!(heard(&scene, alice).await, Some(Typing { to: bob, is_heard: true }));
    assert_eq!(heard(&scene, bob).await, Some(Typing { to: alice, is_heard: true }));
    assert_eq!(heard(&scene, scene.carol).await, None);
    let now = scene.world.now();
    scene.on(ChatCommand::Block { by: bob, whom: alice, now }).await;
    for (by, to) in [(alice, bob), (bob, alice)] {
        assert_eq!(heard(&scene, by).await, Some(Typing { to, is_heard: false }));
    }
    scene.on(ChatCommand::Unblock { by: bob, whom: alice, now }).await;
    scene.on(ChatCommand::Deactivate { now }).await;
    assert_eq!(heard(&scene, alice).await, Some(Typing { to: bob, is_heard: false }));
}
