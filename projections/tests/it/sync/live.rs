//! Devices that are there: what they are told round by round is what a fresh read shows.

use std::collections::{BTreeMap, HashSet};

use domain::AccountId;
use domain::account::{AccountCommand, Audience};
use domain::chat::ChatCommand;
use eventlog::Position;
use projections::sync::{self, Acquaintances, Change, Item, Place, Touched};
use uuid::Uuid;

use super::device::{Kept, same};
use super::{Projecting, talk};
use crate::dice::Dice;
use crate::story::Story;
use crate::world::World;

/// Everybody who is there, as the hub of a process tells them.
struct Rounds {
    people: BTreeMap<Uuid, Watcher>,
    position: Position,
    acquaintances: Acquaintances,
}

#[derive(Default)]
struct Watcher {
    kept: Kept,
    /// What was told last.
    told: Option<Place>,
    items: Vec<Item>,
}

impl Rounds {
    async fn begin(world: &World, people: &[AccountId], position: Position) -> Self {
        let mut watchers = BTreeMap::new();
        for person in people {
            let kept = Kept::fresh(&world.db, *person, world.now()).await;
            watchers.insert(person.0, Watcher { kept, ..Watcher::default() });
        }
        Self { people: watchers, position, acquaintances: Acquaintances::default() }
    }

    /// Tells what changed up to `to`, which every read model has applied. Returns who has to page.
    async fn next(&mut self, world: &mut World, to: Position) -> HashSet<Uuid> {
        let mut touched = Touched::default();
        for event in world.events(self.position.0, to.0 - self.position.0).await {
            touched.add(&event);
            self.acquaintances.meet(&event);
        }
        let concerned = self.acquaintances.concerned(&world.db, &touched).await.expect("rows");
        let told = sync::live(&world.db, self.position, to, &concerned, world.now()).await;
        let told = told.expect("rows");
        for (viewer, item) in told.items {
            assert!(item.place > Place::after(self.position.0), "{item:?} was told before");
            assert!(item.place <= Place::after(to.0), "{item:?} is beyond {to}");
            let Some(watcher) = self.people.get_mut(&viewer) else { continue };
            assert!(watcher.told < Some(item.place), "{item:?} after {:?}", watcher.told);
            watcher.told = Some(item.place);
            watcher.kept.apply(item.change.clone());
            watcher.items.push(item);
        }
        self.position = to;
        told.overflown
    }
}

/// The read models lag at random behind the log and behind one another, and rounds come at random.
#[tokio::test]
async fn what_whoever_is_there_was_told_is_what_a_fresh_read_shows() {
    for seed in 0..8 {
        println!("seed {seed}");
        let mut world = World::create().await;
        let mut dice = Dice(1_000 + seed);
        let mut story = Story::begin(&mut world).await;
        let mut projecting = Projecting::begin(&world).await;
        let people = story.people.clone();
        let mut rounds = Rounds::begin(&world, &people, Position::START).await;
        for _ in 0..400 {
            story.step(&mut world, &mut dice).await;
            if dice.below(2) == 0 {
                projecting.some(&mut world, &mut dice).await;
            }
            if dice.below(3) == 0 {
                assert!(rounds.next(&mut world, projecting.reached()).await.is_empty());
            }
        }
        projecting.all(&mut world).await;
        rounds.next(&mut world, projecting.reached()).await;
        for (person, watcher) in &rounds.people {
            let fresh = Kept::fresh(&world.db, AccountId(*person), world.now()).await;
            assert!(!fresh.messages.is_empty());
            same(&watcher.kept, &fresh);
        }
    }
}

#[tokio::test]
async fn one_s_own_account_is_told_to_oneself_alone() {
    let mut talk = talk().await;
    let (alice, bob) = (talk.alice, talk.bob);
    let before = talk.world.head().await;
    let mut rounds = Rounds::begin(&talk.world, &[alice, bob], before).await;
    let now = talk.world.now();
    let show = AccountCommand::ShowPresence { to: Audience::Nobody, now };
    talk.world.on_account(alice, show).await;
    talk.world.project().await;
    let head = talk.world.head().await;
    rounds.next(&mut talk.world, head).await;
    let [told] = &rounds.people[&alice.0].items[..] else { panic!("not one") };
    let Change::Account(account) = &told.change else { panic!("{told:?}") };
    assert_eq!(account.presence_shown_to, Audience::Nobody);
    assert_eq!(told.place, Place { position: head.0, chat_id: Uuid::nil(), number: 0 });
    assert_eq!(rounds.people[&bob.0].items, []);

    // A name is also told to those who see it.
    talk.world.rename(alice, "Alice the Great").await;
    talk.world.project().await;
    let head = talk.world.head().await;
    rounds.next(&mut talk.world, head).await;
    let told = &rounds.people[&bob.0].items;
    let [Item { change: Change::Chat(chat), .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(chat.participant.display_name.as_deref(), Some("Alice the Great"));
}

#[tokio::test]
async fn whoever_has_too_much_to_be_told_pages_through_it() {
    let mut talk = talk().await;
    let (alice, bob, chat) = (talk.alice, talk.bob, talk.chat);
    let before = talk.world.head().await;
    let mut rounds = Rounds::begin(&talk.world, &[alice, bob], before).await;
    for number in 0..500 {
        talk.world.send(chat, alice, &format!("and {number}")).await;
    }
    talk.world.project().await;
    let head = talk.world.head().await;
    assert_eq!(rounds.next(&mut talk.world, head).await, HashSet::from([alice.0, bob.0]));
    assert_eq!(rounds.people[&alice.0].items, []);

    let now = talk.world.now();
    let hide = ChatCommand::DeleteForMe { message_id: talk.sent[0], by: bob, now };
    talk.world.on_chat(chat, hide).await;
    talk.world.project().await;
    let head = talk.world.head().await;
    assert!(rounds.next(&mut talk.world, head).await.is_empty());
    let told: Vec<_> = rounds.people[&bob.0].items.iter().map(|it| &it.change).collect();
    let gone = Change::MessageGone { chat_id: chat.0, number: 1 };
    assert!(told.contains(&&gone), "{told:?}");
    assert!(rounds.people[&alice.0].items.is_empty());
}
