//! Connections.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use eventlog::database::{self, PgPool, Role};
use testing::TestDatabase;
use tokio::time::sleep;

/// Whoever gives up in the middle leaves no transaction behind for those who come next.
#[tokio::test]
async fn a_transaction_that_nobody_waits_for_any_more_is_not_left_open() {
    let database = TestDatabase::create().await;
    let options = database::options(&database.url()).expect("a URL");
    let db = database::pool(options, Role::App, 1);
    db.acquire().await.expect("a connection");
    for polls in 1..20 {
        sleep(Duration::from_millis(5)).await; // the connection goes back
        {
            let mut beginning = pin!(database::begin(&db));
            for _ in 0..polls {
                let polled = poll_fn(|cx| Poll::Ready(beginning.as_mut().poll(cx))).await;
                if polled.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // What is local to a transaction is gone with the next statement, unless one is open.
        sqlx::query("SELECT set_config('test.local', 'here', true)")
            .execute(&db)
            .await
            .expect("set");
        let local: Option<String> =
            sqlx::query_scalar("SELECT current_setting('test.local', true)")
                .fetch_one(&db)
                .await
                .expect("an answer");
        assert_ne!(local.as_deref(), Some("here"), "one was left open after {polls} polls");
    }
}

/// By default the first five times are each planned for what the parameters are, and so is every other
/// whenever that looks cheaper.
#[tokio::test]
async fn a_statement_that_serves_is_planned_once_whatever_its_parameters_are() {
    const STATEMENT: &str = "SELECT count(*) FROM events WHERE position > $1";
    let database = TestDatabase::create().await;
    let db = serving(&database);
    for position in 0..8_i64 {
        let counting = sqlx::query_scalar::<_, i64>(STATEMENT).bind(position);
        assert_eq!(counting.fetch_one(&db).await.expect("an answer"), 0);
    }
    let plans: (i64, i64) = sqlx::query_as(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1",
    )
    .bind(STATEMENT)
    .fetch_one(&db)
    .await
    .expect("it is prepared");
    assert_eq!(plans, (8, 0), "with one plan for all parameters, with plans of their own");
}

/// By default rows of an empty table are found by reading all of it, and go on to be while it grows.
#[tokio::test]
async fn a_statement_that_serves_finds_rows_by_index_while_tables_are_small() {
    let database = TestDatabase::create().await;
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT s.refreshed_at
         FROM unnest(ARRAY(SELECT gen_random_uuid())) AS k (id)
         JOIN sessions s ON s.session_id = k.id",
    )
    .fetch_all(&serving(&database))
    .await
    .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan using sessions_pkey"), "{plan}");
}

fn serving(database: &TestDatabase) -> PgPool {
    let options = database::options(&database.url()).expect("a URL");
    database::pool(database::serving(options), Role::App, 1)
}
