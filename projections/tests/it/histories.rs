//! Random histories: however the log is cut into runs, and by whichever code it is folded, the read
//! models are the same.

use domain::chat::ChatCommand;
use domain::{AccountId, ChatId, MessageId};
use projections::ReadModel;
use projections::runner::Outcome;

use crate::world::World;

const STEPS: u64 = 400;

/// Commands drawn at random; those that the rules refuse record nothing.
async fn write_history(world: &mut World, dice: &mut Dice) {
    let mut people: Vec<AccountId> = vec![];
    let mut chats: Vec<(ChatId, AccountId, AccountId)> = vec![];
    let mut sent: Vec<(ChatId, MessageId)> = vec![];
    for step in 0..STEPS {
        let now = world.now();
        if people.len() < 2 || dice.below(40) == 0 {
            people.push(world.register(&format!("person_{step}")).await);
            continue;
        }
        if dice.below(40) == 0 {
            let account = *dice.pick(&people);
            world.rename(account, &format!("Renamed at {step}")).await;
            continue;
        }
        if chats.is_empty() || dice.below(30) == 0 {
            let (by, with) = (*dice.pick(&people), *dice.pick(&people));
            if by != with {
                chats.push((world.open(by, with).await, by, with));
            }
            continue;
        }
        let &(chat, one, other) = dice.pick(&chats);
        let member = *dice.pick(&[one, other]);
        let message_id = sent.iter().filter(|it| it.0 == chat).map(|it| it.1).collect::<Vec<_>>();
        let command = match dice.below(12) {
            0..=5 => {
                sent.push((chat, world.send(chat, member, &format!("text {step}")).await));
                continue;
            }
            6..=7 => ChatCommand::MarkRead {
                reader: member,
                up_to: dice.below(message_id.len() as u64 + 1),
                now,
            },
            8..=9 if !message_id.is_empty() => {
                ChatCommand::DeleteForMe { message_id: *dice.pick(&message_id), by: member, now }
            }
            10 if !message_id.is_empty() => ChatCommand::DeleteForEveryone {
                message_id: *dice.pick(&message_id),
                by: member,
                now,
            },
            _ if dice.below(4) == 0 => ChatCommand::Deactivate { now },
            _ => ChatCommand::Reactivate { now },
        };
        world.on_chat(chat, command).await;
    }
}

/// Applies the whole log in runs of random length, some of them delivered twice.
async fn project_in_random_runs(world: &mut World, dice: &mut Dice) {
    world.create_checkpoints().await;
    let head = world.head().await.0;
    let events = world.events(0, head).await;
    for model in ReadModel::ALL {
        let mut position = 0;
        while position < events.len() {
            let longest = *dice.pick(&[1, 3, 20, 200]);
            let end = events
                .len()
                .min(position + 1 + usize::try_from(dice.below(longest)).expect("small"));
            let start = position.saturating_sub(usize::try_from(dice.below(5)).expect("small"));
            match world.apply(model, &events[start..end]).await {
                Outcome::Applied { position: reached, held } => {
                    position = usize::try_from(reached.0).expect("small");
                    assert_eq!((position, held), (end, 0));
                }
                Outcome::Elsewhere(reached) => panic!("{model} stays at {reached}"),
            }
        }
    }
}

#[tokio::test]
async fn increments_a_rebuild_and_a_recount_agree() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut world = World::create().await;
        let mut dice = Dice(seed);
        write_history(&mut world, &mut dice).await;
        project_in_random_runs(&mut world, &mut dice).await;
        world.check().await;
        let incremental = world.all_rows().await;
        assert!(incremental.iter().all(|it| !it.is_empty()));
        let rebuilt = crate::rebuild::all(&world).await;
        assert!(rebuilt.iter().all(|it| !it.had_drifted()), "{rebuilt:?}");
        let rows = world.all_rows().await;
        for (one, other) in incremental.iter().zip(&rows) {
            assert_eq!(one, other);
        }
        world.check().await;
    }
}

/// Numbers that look random and are the same for the same seed (splitmix, 64 bits).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len() as u64);
        from.get(usize::try_from(index).expect("a small number")).expect("it is within")
    }
}
