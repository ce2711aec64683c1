//! The tables that a rebuild fills: like the live ones in everything, names of indexes, storage
//! settings and grants included.

use sqlx::{Connection, Executor, PgConnection};

use crate::ReadModel;

/// Makes the tables of `model` in the schema `rebuild`, empty, and its checkpoint at the start of
/// the log. What an earlier rebuild left is dropped.
pub(super) async fn create(db: &mut PgConnection, model: ReadModel) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    // Two rebuilds of different models may begin at once.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('parlance rebuild schema', 0))")
        .execute(&mut *tx)
        .await?;
    sqlx::query!("CREATE SCHEMA IF NOT EXISTS rebuild").execute(&mut *tx).await?;
    for table in model.tables() {
        for statement in blueprint(&mut tx, table).await? {
            tx.execute(statement.as_str()).await?;
        }
    }
    forget(&mut tx, model).await?;
    sqlx::query!("INSERT INTO checkpoints (name) VALUES ($1)", name(model))
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "INSERT INTO parked_events (
             projector, position, aggregate_type, aggregate_id, attempts, error, parked_at, skipped_at
         )
         SELECT $2, position, aggregate_type, aggregate_id, attempts, error, parked_at, skipped_at
         FROM parked_events
         WHERE projector = $1 AND skipped_at IS NOT NULL",
        model.name(),
        name(model)
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Under which the checkpoint and the parked events of a rebuild stand.
pub(super) fn name(model: ReadModel) -> String {
    format!("rebuild:{model}")
}

/// Deletes the checkpoint and the parked events of a rebuild.
pub(super) async fn forget(db: &mut PgConnection, model: ReadModel) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM checkpoints WHERE name = $1", name(model)).execute(&mut *db).await?;
    sqlx::query!("DELETE FROM parked_events WHERE projector = $1", name(model)).execute(db).await?;
    Ok(())
}

/// The statements that make a table, read off the live one. `LIKE` alone would give its indexes
/// other names, and leave out its storage settings, owner and grants.
async fn blueprint(db: &mut PgConnection, table: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"WITH live AS (
               SELECT c.oid, c.relname, c.relowner, c.relacl, c.reloptions
               FROM pg_class c
               JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'read' AND c.relname = $1
           )
           SELECT statement AS "statement!"
           FROM (
               SELECT 1 AS step, format('DROP TABLE IF EXISTS rebuild.%I', relname) AS statement
               FROM live
               UNION ALL
               SELECT 2,
                      format(
                          'CREATE TABLE rebuild.%1$I (LIKE read.%1$I INCLUDING ALL EXCLUDING INDEXES)',
                          relname
                      )
               FROM live
               UNION ALL
               SELECT 3, format('ALTER TABLE rebuild.%I OWNER TO %s', relname, relowner::regrole)
               FROM live
               UNION ALL
               SELECT 4,
                      format(
                          'ALTER TABLE rebuild.%I SET (%s)', relname, array_to_string(reloptions, ', ')
                      )
               FROM live
               WHERE reloptions IS NOT NULL
               UNION ALL
               SELECT 5,
                      format(
                          'ALTER TABLE rebuild.%I ADD CONSTRAINT %I %s',
                          relname, conname, pg_get_constraintdef(k.oid)
                      )
               FROM live
               JOIN pg_constraint k ON k.conrelid = live.oid AND k.contype IN ('p', 'u', 'x')
               UNION ALL
               SELECT 6, replace(pg_get_indexdef(i.indexrelid), ' ON read.', ' ON rebuild.')
               FROM live
               JOIN pg_index i ON i.indrelid = live.oid
               WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
               UNION ALL
               SELECT 7,
                      format(
                          'GRANT %s ON rebuild.%I TO %s',
                          g.privilege_type,
                          relname,
                          CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END
                      )
               FROM live
               CROSS JOIN aclexplode(relacl) g
               WHERE g.grantee <> relowner
           ) s
           ORDER BY step, statement"#,
        table
    )
    .fetch_all(db)
    .await
}
