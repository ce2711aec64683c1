//! Connections.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use eventlog::database::{self, Role};
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
