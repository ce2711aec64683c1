//! A database of one's own, and what tests do to it behind Parlance's back.

use secrecy::ExposeSecret;
use sqlx::{ConnectOptions, Connection, Executor};
use testing::TestDatabase;

pub(crate) struct Database {
    pub(crate) url: String,
    inner: TestDatabase,
}

impl Database {
    /// A new one, with every migration applied.
    pub(crate) async fn fresh() -> Self {
        let inner = TestDatabase::create().await;
        Self { url: inner.url().expose_secret().to_owned(), inner }
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
