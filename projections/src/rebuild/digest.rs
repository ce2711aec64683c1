use eventlog::Position;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use crate::{ReadModel, live_options};

/// What a read model holds, in two numbers that do not depend on the order of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub rows: i64,
    /// The sum of a 64-bit hash of each row.
    pub sum: String,
}

/// The digest of the tables that the search path of `db` leads to. Their names are known only here,
/// and so the statement is not checked at compile time.
pub(super) async fn digest(db: &mut PgConnection, model: ReadModel) -> sqlx::Result<Digest> {
    let rows: Vec<_> = model
        .tables()
        .iter()
        .map(|table| format!("SELECT hash_record_extended(t, 0) AS hash FROM {table} t"))
        .collect();
    let statement = format!(
        "SELECT count(*), coalesce(sum(hash), 0)::text FROM ({}) r",
        rows.join(" UNION ALL ")
    );
    let (rows, sum) = sqlx::query_as(&statement).fetch_one(db).await?;
    Ok(Digest { rows, sum })
}

/// The live read model as of one moment.
pub(super) struct Live {
    db: PgConnection,
    model: ReadModel,
    /// Its checkpoint at that moment.
    pub(super) position: Position,
}

impl Live {
    /// Fixes the moment.
    pub(super) async fn at_this_moment(
        options: &PgConnectOptions,
        model: ReadModel,
    ) -> sqlx::Result<Self> {
        let mut db = live_options(options.clone()).connect().await?;
        sqlx::query!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut db).await?;
        let position =
            sqlx::query_scalar!("SELECT position FROM checkpoints WHERE name = $1", model.name())
                .fetch_optional(&mut db)
                .await?;
        Ok(Self { db, model, position: Position(position.unwrap_or_default()) })
    }

    /// Its digest at that moment.
    pub(super) async fn digest(mut self) -> sqlx::Result<Digest> {
        let digest = digest(&mut self.db, self.model).await?;
        sqlx::query!("COMMIT").execute(&mut self.db).await?;
        Ok(digest)
    }
}
