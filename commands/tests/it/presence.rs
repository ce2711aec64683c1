//! Who is connected: counted over all processes, gone with those that end, however they end.

use std::time::Duration;

use commands::{ConnectError, Connected, PER_PERSON_MAX, Presence, PresenceChanged};
use domain::AccountId;
use eventlog::bus::Listener;
use eventlog::{Bus, Clock, Ids};
use sqlx::PgPool;
use testing::TestDatabase;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::node::{ALICE, BOB};

const PATIENCE: Duration = Duration::from_secs(10);

/// A process that people connect to.
struct Process {
    presence: Presence,
    node: Uuid,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Process {
    fn start(db: &PgPool, bus: &Bus) -> Self {
        let (node, stop) = (Ids::random().next(), CancellationToken::new());
        let clock = Clock::system();
        let (presence, running) = Presence::new(db.clone(), bus.clone(), clock, node, stop.clone());
        Self { presence, node, stop, task: tokio::spawn(running) }
    }

    async fn connect(&self, account: AccountId) -> Result<Connected, ConnectError> {
        self.presence.connect(account, true).await
    }

    /// Ends in order.
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("it ends");
    }

    /// Ends without a word, and has been silent for longer than anybody waits.
    async fn die(self, db: &PgPool) {
        self.task.abort();
        let silent = "UPDATE nodes SET seen_at = seen_at - interval '16 s' WHERE node = $1";
        sqlx::query(silent).bind(self.node).execute(db).await.expect("it is silent");
    }
}

struct Scene {
    database: TestDatabase,
    db: PgPool,
    bus: Bus,
    heard: Listener<PresenceChanged>,
}

impl Scene {
    async fn set() -> Self {
        let database = TestDatabase::create().await;
        let (db, bus) = (database.app(), Bus::new(None, CancellationToken::new()).0);
        Self { heard: bus.listen(), database, db, bus }
    }

    fn process(&self) -> Process {
        Process::start(&self.db, &self.bus)
    }

    /// The next who comes or goes.
    async fn hears(&mut self, account: AccountId, online: bool) -> PresenceChanged {
        let told = timeout(PATIENCE, self.heard.next()).await.expect("somebody comes or goes");
        assert_eq!((told.account_id, told.online), (account, online));
        let row: (bool, chrono::DateTime<chrono::Utc>) =
            sqlx::query_as("SELECT online, since FROM presence WHERE account_id = $1")
                .bind(account.0)
                .fetch_one(&self.db)
                .await
                .expect("a row");
        assert_eq!(row, (told.online, told.since), "it is told once it is so");
        told
    }

    async fn hears_nothing(&mut self) {
        let told = timeout(Duration::from_millis(300), self.heard.next()).await;
        assert!(told.is_err(), "{told:?}");
    }

    async fn rows(&self) -> Vec<(Uuid, Uuid, i32, i32)> {
        let rows = "SELECT account_id, node, total, looking FROM connections ORDER BY 1, 2";
        sqlx::query_as(rows).fetch_all(&self.db).await.expect("rows")
    }

    async fn until_rows(&self, expected: &[(Uuid, Uuid, i32, i32)]) {
        let same = async {
            while self.rows().await != expected {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(PATIENCE, same).await.is_err() {
            assert_eq!(self.rows().await, expected);
        }
    }
}

#[tokio::test]
async fn somebody_is_there_from_their_first_connection_to_their_last() {
    let mut scene = Scene::set().await;
    let process = scene.process();
    let first = process.connect(ALICE).await.expect("admitted");
    let came = scene.hears(ALICE, true).await;
    let second = process.connect(ALICE).await.expect("admitted");
    let _other = process.connect(BOB).await.expect("admitted");
    scene.hears(BOB, true).await;
    drop(first);
    scene.hears_nothing().await;
    drop(second);
    let left = scene.hears(ALICE, false).await;
    assert!(left.since > came.since);
    scene.until_rows(&[(BOB.0, process.node, 1, 1)]).await;
}

#[tokio::test]
async fn who_does_not_look_is_not_there() {
    let mut scene = Scene::set().await;
    let process = scene.process();
    let mut connected = process.presence.connect(ALICE, false).await.expect("admitted");
    scene.hears_nothing().await;
    scene.until_rows(&[(ALICE.0, process.node, 1, 0)]).await;
    connected.look(true);
    connected.look(true);
    scene.hears(ALICE, true).await;
    connected.look(false);
    scene.hears(ALICE, false).await;
    connected.look(true);
    scene.hears(ALICE, true).await;
    drop(connected);
    scene.hears(ALICE, false).await;
    scene.until_rows(&[]).await;
}

#[tokio::test]
async fn nobody_has_more_than_fifty_connections_to_all_processes_together() {
    let scene = Scene::set().await;
    let processes = [scene.process(), scene.process(), scene.process()];
    let mut attempts = vec![];
    for number in 0..120 {
        let presence = processes[number % 3].presence.clone();
        attempts.push(tokio::spawn(async move { presence.connect(ALICE, true).await }));
    }
    let mut admitted = vec![];
    for attempt in attempts {
        match attempt.await.expect("no panic") {
            Ok(connected) => admitted.push(connected),
            Err(error) => assert_eq!(error, ConnectError::TooMany),
        }
    }
    assert_eq!(admitted.len(), PER_PERSON_MAX as usize);
    assert!(processes[0].connect(BOB).await.is_ok(), "others have room");
    drop(admitted.split_off(49));
    let again = async {
        loop {
            if let Ok(connected) = processes[1].connect(ALICE).await {
                return connected;
            }
        }
    };
    let _fiftieth = timeout(PATIENCE, again).await.expect("there is room again");
}

#[tokio::test]
async fn who_waited_in_vain_is_not_counted() {
    let scene = Scene::set().await;
    let process = scene.process();
    for _ in 0..100 {
        let waiting = process.connect(ALICE);
        drop(timeout(Duration::from_micros(500), waiting).await);
    }
    scene.until_rows(&[]).await;
    assert!(process.connect(ALICE).await.is_ok());
}

#[tokio::test]
async fn a_process_that_ends_takes_its_people_with_it() {
    let mut scene = Scene::set().await;
    let (one, other) = (scene.process(), scene.process());
    let _alice = one.connect(ALICE).await.expect("admitted");
    scene.hears(ALICE, true).await;
    let _bob = one.connect(BOB).await.expect("admitted");
    scene.hears(BOB, true).await;
    let _bob_elsewhere = other.connect(BOB).await.expect("admitted");
    one.stop().await;
    scene.hears(ALICE, false).await;
    scene.until_rows(&[(BOB.0, other.node, 1, 1)]).await;
    scene.hears_nothing().await;
}

#[tokio::test]
async fn a_process_that_dies_is_found_to_be_gone_and_when_it_was_last() {
    let mut scene = Scene::set().await;
    let (one, other) = (scene.process(), scene.process());
    let _alice = one.connect(ALICE).await.expect("admitted");
    scene.hears(ALICE, true).await;
    let _bob = one.connect(BOB).await.expect("admitted");
    scene.hears(BOB, true).await;
    let _bob_elsewhere = other.connect(BOB).await.expect("admitted");
    let before = "UPDATE presence SET since = since - interval '1 minute'";
    sqlx::query(before).execute(&scene.db).await.expect("they came before");
    one.die(&scene.db).await;
    let now = Clock::system().now();
    let left = scene.hears(ALICE, false).await;
    assert!(left.since < now - chrono::TimeDelta::seconds(15), "as of its last sign of life");
    scene.until_rows(&[(BOB.0, other.node, 1, 1)]).await;
    scene.hears_nothing().await;
}

#[tokio::test]
async fn that_somebody_is_gone_is_news_however_soon_after_they_came() {
    let mut scene = Scene::set().await;
    let (one, _other) = (scene.process(), scene.process());
    let _alice = one.connect(ALICE).await.expect("admitted");
    let came = scene.hears(ALICE, true).await;
    one.die(&scene.db).await;
    let left = scene.hears(ALICE, false).await;
    assert!(left.since > came.since, "{left:?} after {came:?}");
}

#[tokio::test]
async fn a_process_that_was_taken_for_dead_says_all_again() {
    let mut scene = Scene::set().await;
    let process = scene.process();
    let _alice = process.connect(ALICE).await.expect("admitted");
    scene.hears(ALICE, true).await;
    // It was silent, and another has said that its people are gone.
    let taken = "WITH silent AS (UPDATE nodes SET seen_at = seen_at - interval '16 s')
                 UPDATE presence SET online = false";
    sqlx::query(taken).execute(&scene.db).await.expect("taken for dead");
    scene.hears(ALICE, true).await;
    scene.until_rows(&[(ALICE.0, process.node, 1, 1)]).await;
}

#[tokio::test]
async fn signs_of_life_are_given_however_many_come_and_go() {
    let scene = Scene::set().await;
    let process = scene.process();
    let (stop, mut coming) = (CancellationToken::new(), tokio::task::JoinSet::new());
    for number in 0..16 {
        let (presence, stop) = (process.presence.clone(), stop.clone());
        coming.spawn(async move {
            let account = AccountId(Uuid::from_u128(number));
            while !stop.is_cancelled() {
                drop(presence.connect(account, true).await);
            }
        });
    }
    sleep(Duration::from_secs(3)).await;
    let since = Clock::system().now();
    let seen = async {
        let seen = "SELECT seen_at > $1 FROM nodes WHERE node = $2";
        loop {
            let seen = sqlx::query_scalar(seen).bind(since).bind(process.node);
            if seen.fetch_one(&scene.db).await.expect("a row") {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let given = timeout(Duration::from_secs(4), seen).await;
    stop.cancel();
    coming.join_all().await;
    given.expect("a sign of life");
}

/// The tables are lost when PostgreSQL crashes; and a process may be taken for dead that was only slow.
#[tokio::test]
async fn what_the_database_forgets_is_said_again() {
    let mut scene = Scene::set().await;
    let (one, other) = (scene.process(), scene.process());
    let _alice = one.connect(ALICE).await.expect("admitted");
    scene.hears(ALICE, true).await;
    let _bob = other.connect(BOB).await.expect("admitted");
    scene.hears(BOB, true).await;
    let owner = scene.database.owner();
    sqlx::query("TRUNCATE nodes, connections").execute(&owner).await.expect("forgotten");
    let mut expected = [(ALICE.0, one.node, 1, 1), (BOB.0, other.node, 1, 1)];
    expected.sort_unstable();
    scene.until_rows(&expected).await;
    scene.hears_nothing().await;
}

#[tokio::test]
async fn while_the_database_is_away_nobody_is_admitted_and_nobody_forgotten() {
    let scene = Scene::set().await;
    let process = scene.process();
    let alice = process.connect(ALICE).await.expect("admitted");
    let owner = scene.database.owner();
    sqlx::query("ALTER TABLE presence RENAME TO away").execute(&owner).await.expect("away");
    assert_eq!(process.connect(BOB).await.err(), Some(ConnectError::Unavailable));
    drop(alice);
    sleep(Duration::from_millis(100)).await;
    sqlx::query("ALTER TABLE away RENAME TO presence").execute(&owner).await.expect("back");
    scene.until_rows(&[]).await;
    assert!(process.connect(BOB).await.is_ok());
}
