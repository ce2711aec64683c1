//! Random histories: however the log is cut into runs, and by whichever code it is folded, the read
//! models are the same.

use projections::ReadModel;
use projections::runner::Outcome;

use crate::dice::Dice;
use crate::story::Story;
use crate::world::World;

const STEPS: u64 = 400;

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
        let mut story = Story::begin(&mut world).await;
        for _ in 0..STEPS {
            story.step(&mut world, &mut dice).await;
        }
        project_in_random_runs(&mut world, &mut dice).await;
        world.check().await;
        let incremental = world.all_rows().await;
        assert!(incremental[..3].iter().all(|it| !it.is_empty()));
        let rebuilt = crate::rebuild::all(&world).await;
        assert!(rebuilt.iter().all(|it| !it.had_drifted()), "{rebuilt:?}");
        let rows = world.all_rows().await;
        for (one, other) in incremental.iter().zip(&rows) {
            assert_eq!(one, other);
        }
        world.check().await;
    }
}
