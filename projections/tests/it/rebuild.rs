//! A rebuild beside the live read models, and the switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use projections::rebuild::{Progress, RebuildError, Rebuilt, rebuild};
use projections::{Filter, Range, ReadModel, chats, messages};

use crate::world::World;

/// Rebuilds everything.
pub async fn all(world: &World) -> Vec<Rebuilt> {
    rebuild(&world.options(), Arc::clone(&world.codec), &ReadModel::ALL, |_| {})
        .await
        .expect("rebuilt")
}

/// What PostgreSQL knows about the tables besides their rows.
async fn definitions(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT format('%s %s %s %s', relname, relkind, reloptions, relacl) FROM pg_class
         WHERE relnamespace = 'read'::regnamespace
         UNION ALL
         SELECT indexdef FROM pg_indexes WHERE schemaname = 'read'
         UNION ALL
         SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE connamespace = 'read'::regnamespace
         UNION ALL
         SELECT format('%s %s %s %s %s', table_name, column_name, column_default, is_nullable, data_type)
         FROM information_schema.columns WHERE table_schema = 'read'
         ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .expect("definitions")
}

#[tokio::test]
async fn a_rebuilt_read_model_equals_the_live_one_in_rows_and_definition() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    for number in 0..300 {
        let sent = world.send(chat, alice, &format!("message {number}")).await;
        if number % 7 == 0 {
            world.delete_for_me(chat, bob, sent).await;
        }
        if number % 11 == 0 {
            world.delete_for_everyone(chat, alice, sent).await;
        }
    }
    world.read(chat, bob, 100).await;
    world.project().await;
    let (rows, defined) = (world.all_rows().await, definitions(&world).await);
    let head = world.head().await;
    let mut seen = vec![];
    let rebuilt = rebuild(&world.options(), Arc::clone(&world.codec), &ReadModel::ALL, |it| {
        seen.push(it);
    })
    .await
    .expect("rebuilt");
    assert_eq!(rebuilt.iter().map(|it| it.model).collect::<Vec<_>>(), ReadModel::ALL);
    for one in &rebuilt {
        assert!(!one.had_drifted(), "{one:?}");
        assert_eq!((one.position, one.compared_at, one.held_streams), (head, head, 0));
    }
    assert_eq!(rebuilt.iter().map(|it| it.live.rows).collect::<Vec<_>>(), [2, 2, 343, 0, 0, 0]);
    assert_eq!(seen.first(), Some(&Progress { done: 0, total: head.0 }));
    assert_eq!(seen.last(), Some(&Progress { done: head.0, total: head.0 }));
    assert_eq!(world.all_rows().await, rows);
    assert_eq!(definitions(&world).await, defined);
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'rebuild'::regnamespace";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&world.db).await.expect("a count");
    assert_eq!(left, 0, "nothing is left behind");

    // The application can still read and write them.
    world.send(chat, bob, "after").await;
    world.project().await;
    world.check().await;
}

#[tokio::test]
async fn a_rebuild_repairs_what_had_drifted_and_says_so() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.send(chat, alice, "hello").await;
    world.project().await;
    let right = world.all_rows().await;
    assert_eq!(world.execute("UPDATE chats SET unread_count = 7").await, 2);
    assert_eq!(world.execute("UPDATE messages SET text = 'forged'").await, 1);
    let rebuilt = all(&world).await;
    let drifted: Vec<_> = rebuilt.iter().map(Rebuilt::had_drifted).collect();
    assert_eq!(drifted, [false, true, true, false, false, false]);
    assert_eq!(world.all_rows().await, right);
    world.check().await;
}

#[tokio::test]
async fn one_model_can_be_rebuilt_before_any_projector_ever_ran() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    world.open(alice, bob).await;
    let head = world.head().await;
    let rebuilt = rebuild(&world.options(), Arc::clone(&world.codec), &[ReadModel::Chats], |_| {})
        .await
        .expect("rebuilt");
    assert_eq!(rebuilt.len(), 1);
    assert_eq!(world.checkpoint(ReadModel::Chats).await, head.0);
    assert_eq!(world.rows(ReadModel::Chats).await.len(), 2);
    world.project().await;
    world.check().await;
}

#[tokio::test]
async fn what_a_killed_rebuild_left_does_not_matter() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    world.rename(alice, "Alice").await;
    world.project().await;
    world.execute("CREATE SCHEMA rebuild").await;
    world.execute("CREATE TABLE rebuild.accounts (nothing text)").await;
    world.execute("INSERT INTO checkpoints VALUES ('rebuild:accounts', 1)").await;
    let rebuilt = all(&world).await;
    assert!(rebuilt.iter().all(|it| !it.had_drifted()), "{rebuilt:?}");
    world.check().await;
}

#[tokio::test]
async fn a_second_rebuild_of_the_same_model_is_refused() {
    let mut world = World::create().await;
    world.register("alice").await;
    world.project().await;
    let mut other = world.db.acquire().await.expect("a connection");
    sqlx::query("SELECT pg_advisory_lock(hashtextextended('parlance rebuild chats', 0))")
        .execute(&mut *other)
        .await
        .expect("locked");
    let refused =
        rebuild(&world.options(), Arc::clone(&world.codec), &ReadModel::ALL, |_| {}).await;
    assert!(matches!(refused, Err(RebuildError::AlreadyRunning(ReadModel::Chats))), "{refused:?}");
    let stream = projections::parked::ParkedStream {
        projector: ReadModel::Chats,
        aggregate_type: "chat",
        aggregate_id: "any",
    };
    let retried = projections::parked::retry(&world.db, &world.codec, stream).await;
    assert!(matches!(retried, Err(projections::parked::ParkedError::Rebuilding(_))), "{retried:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_never_fail_and_never_go_back_while_everything_is_rebuilt_under_load() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    for number in 0..2_000 {
        world.send(chat, alice, &format!("message {number}")).await;
    }
    let running = world.start();
    running.until(world.head().await).await;

    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (db, done, at) = (world.app(), Arc::clone(&done), world.now());
            tokio::spawn(async move {
                let (mut reads, mut last) = (0, 2_000);
                while !done.load(Ordering::Relaxed) {
                    let chats =
                        chats::list(&db, bob, Filter::Active, None, 10, at).await.expect("a list");
                    let seen = chats.first().expect("the chat is always there");
                    assert!(seen.total_messages >= last, "{} after {last}", seen.total_messages);
                    assert_eq!(seen.unread_count, seen.total_messages);
                    last = seen.total_messages;
                    let page = messages::page(&db, bob, chat, Range::Latest, 1, at).await;
                    let page = page.expect("a page").expect("the chat is always there");
                    assert!(page.items.first().is_some_and(|it| it.number >= 2_000));
                    let known = projections::accounts::by_id(&db, alice).await.expect("a row");
                    assert!(known.is_some());
                    reads += 1;
                }
                reads
            })
        })
        .collect();

    let (options, codec) = (world.options(), Arc::clone(&world.codec));
    let rebuilding = tokio::spawn(async move {
        let mut rebuilt = vec![];
        for _ in 0..3 {
            rebuilt.extend(
                rebuild(&options, Arc::clone(&codec), &ReadModel::ALL, |_| {})
                    .await
                    .expect("rebuilt"),
            );
        }
        rebuilt
    });
    let mut sent = 0;
    while !rebuilding.is_finished() {
        world.send(chat, alice, "meanwhile").await;
        sent += 1;
        if sent % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let rebuilt = rebuilding.await.expect("rebuilt");
    running.until(world.head().await).await;
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.expect("no read failed") > 10);
    }
    running.stop().await;
    assert_eq!(rebuilt.len(), 3 * ReadModel::ALL.len());
    for one in rebuilt {
        assert!(!one.had_drifted(), "{one:?}");
        assert!(one.position >= one.compared_at);
    }
    world.check().await;
}
