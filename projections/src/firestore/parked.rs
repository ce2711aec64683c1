//! Documents that Firestore refuses: shown with parked events, and tried again or let go.

use domain::AccountId;
use sqlx::PgPool;
use uuid::Uuid;

use super::document::{Collection, Key};
use super::marks::NAME;
use crate::parked::{ParkedError, ParkedEvent};

/// Documents that are shown. Who has more has one reason for all of them.
const LISTED_MAX: i64 = 1_000;

/// An account or a chat of which documents are parked.
#[derive(Debug, Clone, Copy)]
pub struct ParkedDocuments<'a> {
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
}

/// Those that are parked, at most 1,000, by position.
pub(crate) async fn list(db: &PgPool) -> sqlx::Result<Vec<ParkedEvent>> {
    let rows = sqlx::query!(
        r#"SELECT collection, id, position, attempts, coalesce(error, '') AS "error!",
                  parked_at AS "parked_at!"
           FROM firestore_documents
           WHERE parked_at IS NOT NULL
           ORDER BY position, collection, id
           LIMIT $1"#,
        LISTED_MAX
    )
    .fetch_all(db)
    .await?;
    let parked = rows.into_iter().filter_map(|row| {
        let key = Key { collection: Collection::of(&row.collection)?, id: row.id };
        let (aggregate_type, aggregate_id) = key.aggregate();
        Some(ParkedEvent {
            projector: NAME.to_owned(),
            position: row.position,
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id,
            attempts: row.attempts,
            error: format!("{key}: {}", row.error),
            parked_at: row.parked_at,
            skipped_at: None,
        })
    });
    Ok(parked.collect())
}

/// Makes the parked documents of an account or a chat due again. Returns how many.
///
/// # Errors
///
/// When none is parked, or the database fails.
pub async fn retry(db: &PgPool, of: ParkedDocuments<'_>) -> Result<u64, ParkedError> {
    let keys = keys(db, of).await?;
    let (collections, ids) = arrays(&keys);
    let woken = sqlx::query!(
        "UPDATE firestore_documents d
         SET marks = d.marks + 1, due_at = clock_timestamp(), attempts = 0, parked_at = NULL
         FROM unnest($1::text[], $2::text[]) AS k (collection, id)
         WHERE d.collection = k.collection AND d.id = k.id AND d.parked_at IS NOT NULL",
        &collections,
        &ids
    )
    .execute(db)
    .await?;
    some(woken.rows_affected())
}

/// Lets the parked documents of an account or a chat be as they are, until something marks them again.
/// Returns how many.
///
/// # Errors
///
/// When none is parked, or the database fails.
pub async fn skip(db: &PgPool, of: ParkedDocuments<'_>) -> Result<u64, ParkedError> {
    let keys = keys(db, of).await?;
    let (collections, ids) = arrays(&keys);
    let skipped = sqlx::query!(
        "UPDATE firestore_documents d
         SET forced = false, attempts = 0, error = NULL, parked_at = NULL
         FROM unnest($1::text[], $2::text[]) AS k (collection, id)
         WHERE d.collection = k.collection AND d.id = k.id AND d.parked_at IS NOT NULL",
        &collections,
        &ids
    )
    .execute(db)
    .await?;
    some(skipped.rows_affected())
}

fn some(documents: u64) -> Result<u64, ParkedError> {
    if documents == 0 { Err(ParkedError::NotParked) } else { Ok(documents) }
}

/// The documents that are made from an account or a chat.
async fn keys(db: &PgPool, of: ParkedDocuments<'_>) -> sqlx::Result<Vec<Key>> {
    let key = |collection| Key { collection, id: of.aggregate_id.to_owned() };
    Ok(match of.aggregate_type {
        "account" => {
            [Collection::Presence, Collection::Users, Collection::ExternalEvents].map(key).to_vec()
        }
        "chat" => {
            let chat: Uuid = of.aggregate_id.parse().unwrap_or_default();
            let members = sqlx::query!(
                "SELECT account_id, participant_id FROM chats WHERE chat_id = $1 LIMIT 1",
                chat
            );
            let members = members.fetch_optional(db).await?;
            let pair =
                members.map(|it| Key::pair(AccountId(it.account_id), AccountId(it.participant_id)));
            pair.into_iter().chain([key(Collection::Chats)]).collect()
        }
        _ => vec![],
    })
}

fn arrays(keys: &[Key]) -> (Vec<String>, Vec<String>) {
    keys.iter().map(|it| (it.collection.name().to_owned(), it.id.clone())).unzip()
}
