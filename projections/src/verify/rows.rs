//! The rows of the read models, in a form in which any two can be compared.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Difference, Findings, accounts, blocks, chats, files, messages};
use crate::ReadModel;

/// Rows without a stream that are reported of each read model.
const STRAYS: i64 = 100;

/// Fields with their values, by key.
pub(super) type Rows = BTreeMap<String, Vec<(&'static str, String)>>;
pub(super) type Entry = (String, Vec<(&'static str, String)>);

pub(super) fn shown(value: Option<impl Display>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |it| it.to_string())
}

/// What a person wrote, as something that differs when it differs, and tells nothing.
pub(crate) fn veiled(value: Option<&str>) -> String {
    shown(value.map(|it| {
        let mut hasher = DefaultHasher::new();
        it.hash(&mut hasher);
        format!("{} characters ({:016x})", it.chars().count(), hasher.finish())
    }))
}

/// A count of the domain as PostgreSQL keeps it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The rows of `model` that belong to these streams.
pub(super) async fn read(
    db: &mut PgConnection,
    model: ReadModel,
    aggregate_type: &str,
    ids: &[Uuid],
) -> sqlx::Result<Rows> {
    match (model, aggregate_type) {
        (ReadModel::Accounts, "account") => accounts::read(db, ids).await,
        (ReadModel::Chats, "chat") => chats::read(db, ids).await,
        (ReadModel::Messages, "chat") => messages::read(db, ids).await,
        (ReadModel::Blocks, "chat") => blocks::read(db, ids).await,
        (ReadModel::Reports, "chat") => blocks::read_reports(db, ids).await,
        (ReadModel::Files, "library") => files::read(db, ids).await,
        (
            ReadModel::Accounts
            | ReadModel::Chats
            | ReadModel::Messages
            | ReadModel::Blocks
            | ReadModel::Reports
            | ReadModel::Files,
            _,
        ) => Ok(Rows::new()),
    }
}

/// Finds rows of which the log knows nothing at all.
pub(super) async fn check_strays(
    db: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        r#"SELECT place AS "place!", id AS "id!"
           FROM (
               SELECT DISTINCT 'accounts' AS place, 'account' AS type, account_id AS id FROM accounts
               UNION ALL
               SELECT DISTINCT 'chats', 'chat', chat_id FROM chats
               UNION ALL
               SELECT DISTINCT 'chats', 'chat', chat_id FROM clears
               UNION ALL
               SELECT DISTINCT 'chats', 'chat', chat_id FROM expiring
               UNION ALL
               SELECT DISTINCT 'chats', 'chat', chat_id FROM forwards
               UNION ALL
               SELECT DISTINCT 'chats', 'chat', chat_id FROM attachments
               UNION ALL
               SELECT DISTINCT 'messages', 'chat', chat_id FROM messages
               UNION ALL
               SELECT DISTINCT 'messages', 'chat', chat_id FROM message_marks
               UNION ALL
               SELECT DISTINCT 'messages', 'chat', chat_id FROM message_revisions
               UNION ALL
               SELECT DISTINCT 'messages', 'chat', chat_id FROM reactions
               UNION ALL
               SELECT DISTINCT 'messages', 'chat', chat_id FROM pins
               UNION ALL
               SELECT DISTINCT 'blocks', 'chat', chat_id FROM blocks
               UNION ALL
               SELECT DISTINCT 'reports', 'chat', chat_id FROM reports
               UNION ALL
               SELECT DISTINCT 'files', 'library', owner_id FROM files
           ) r
           WHERE NOT EXISTS (
               SELECT FROM streams WHERE aggregate_type = r.type AND aggregate_id = r.id::text
           )
           LIMIT $1"#,
        STRAYS
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let model: Option<ReadModel> = row.place.parse().ok();
        findings.add(Difference {
            place: model.map_or("log", ReadModel::name),
            key: row.id.to_string(),
            field: "stream",
            expected: "events".to_owned(),
            found: "none".to_owned(),
        });
    }
    Ok(())
}
