//! A database of one's own, and what tests do to it behind Parlance's back.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tempfile::TempDir;
use testing::TestDatabase;

pub(crate) struct Database {
    pub(crate) url: String,
    /// Where files are: they belong to it, whoever serves them.
    pub(crate) files: TempDir,
    inner: TestDatabase,
}

impl Database {
    /// A new one, with every migration applied.
    pub(crate) async fn fresh() -> Self {
        let inner = TestDatabase::create().await;
        let files = TempDir::new().unwrap();
        Self { url: inner.url().expose_secret().to_owned(), files, inner }
    }

    /// A new one, with nothing in it.
    pub(crate) async fn empty() -> Self {
        let database = Self::fresh().await;
        database.run("DROP SCHEMA public, read CASCADE").await;
        database.run("CREATE SCHEMA public").await;
        database
    }

    /// Executes one statement in it, with the rights of its owner.
    pub(crate) async fn run(&self, statement: &str) {
        let mut connection = self.inner.options().connect().await.unwrap();
        connection.execute(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    /// How far the log goes.
    pub(crate) async fn head(&self) -> i64 {
        let mut connection = self.inner.options().connect().await.unwrap();
        let head = sqlx::query_scalar("SELECT position FROM public.log_head");
        head.fetch_one(&mut connection).await.unwrap()
    }

    /// Keeps everybody from `table` until what is returned is closed.
    pub(crate) async fn lock(&self, table: &str) -> PgConnection {
        let mut connection = self.inner.options().connect().await.unwrap();
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        connection.execute(lock.as_str()).await.unwrap();
        connection
    }

    /// Waits until the projector of this name has applied `position`.
    pub(crate) async fn until_applied(&self, projector: &str, position: i64) {
        let give_up = Instant::now() + Duration::from_secs(10);
        let mut connection = self.inner.options().connect().await.unwrap();
        let statement = "SELECT position FROM public.checkpoints WHERE name = $1";
        while Instant::now() < give_up {
            let reached: Option<i64> = sqlx::query_scalar(statement)
                .bind(projector)
                .fetch_optional(&mut connection)
                .await
                .unwrap();
            if reached.is_some_and(|it| it >= position) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{projector} has not come to {position}");
    }

    /// Takes it away from everybody who uses it.
    pub(crate) async fn lose(&self) {
        let options = self.inner.options();
        let name = options.get_database().unwrap();
        let statement = format!("DROP DATABASE {name} WITH (FORCE)");
        let elsewhere = options.clone().database("template1");
        let mut connection = elsewhere.connect().await.unwrap();
        connection.execute(statement.as_str()).await.unwrap();
        connection.close().await.unwrap();
    }
}
