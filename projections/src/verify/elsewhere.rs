//! What other streams say about the rows of a chat: they change when a member changes their profile,
//! picture or privacy, when a message of which they hold a copy is gone, and when a file that they
//! hold is published, rejected or removed.

use std::collections::HashMap;

use domain::chat::Attachment;
use domain::{AccountId, ChatId, FileId};
use sqlx::PgConnection;

use super::scope::Scope;
use crate::ReadModel;

/// The last positions at which accounts changed, as others see it and as they do themselves.
#[derive(Default)]
pub(super) struct AccountChanges(HashMap<AccountId, [i64; 2]>);

impl AccountChanges {
    pub(super) fn for_others(&self, account: AccountId) -> i64 {
        self.0.get(&account).map_or(0, |it| it[0])
    }

    pub(super) fn for_themselves(&self, account: AccountId) -> i64 {
        self.0.get(&account).map_or(0, |it| it[1])
    }
}

/// The changes of `accounts` that the read model of chats should reflect.
pub(super) async fn account_changes(
    db: &mut PgConnection,
    scope: &Scope,
    accounts: impl Iterator<Item = AccountId>,
) -> sqlx::Result<AccountChanges> {
    let ids: Vec<_> = accounts.map(|it| it.to_string()).collect();
    let rows = sqlx::query!(
        r#"SELECT e.aggregate_id,
                  max(e.position) AS "for_others!",
                  coalesce(max(e.position) FILTER (WHERE e.event_type = 'privacy_changed'), 0)
                      AS "for_themselves!"
           FROM events e
           WHERE e.aggregate_type IN ('account', 'library')
             AND e.aggregate_id = ANY ($1)
             AND e.event_type IN ('profile_changed', 'privacy_changed', 'avatar_set')
             AND e.position <= $2
             AND NOT EXISTS (
                 SELECT FROM parked_events p WHERE p.projector = $3 AND p.position = e.position
             )
           GROUP BY e.aggregate_id"#,
        &ids,
        scope.checkpoint(ReadModel::Chats),
        ReadModel::Chats.name()
    )
    .fetch_all(db)
    .await?;
    let changes = rows.into_iter().filter_map(|row| {
        let account = AccountId(row.aggregate_id.parse().ok()?);
        Some((account, [row.for_others, row.for_themselves]))
    });
    Ok(AccountChanges(changes.collect()))
}

/// At which position messages of other chats were deleted for everyone or expired, as far as `model`
/// should reflect it.
pub(super) async fn removed(
    db: &mut PgConnection,
    scope: &Scope,
    model: ReadModel,
    chats: impl Iterator<Item = ChatId>,
) -> sqlx::Result<HashMap<(ChatId, u64), i64>> {
    let ids: Vec<_> = chats.map(|it| it.to_string()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"SELECT e.aggregate_id,
                  e.position,
                  CASE e.event_type
                      WHEN 'messages_expired'
                      THEN ARRAY(SELECT json_array_elements_text(e.payload -> 'numbers')::bigint)
                      ELSE ARRAY[(e.payload ->> 'number')::bigint]
                  END AS "numbers!"
           FROM events e
           WHERE e.aggregate_type = 'chat'
             AND e.aggregate_id = ANY ($1)
             AND e.event_type IN ('message_deleted_for_everyone', 'messages_expired')
             AND NOT coalesce((e.payload ->> 'kept')::boolean, false)
             AND e.position <= $2
             AND NOT EXISTS (
                 SELECT FROM parked_events p WHERE p.projector = $3 AND p.position = e.position
             )"#,
        &ids,
        scope.checkpoint(model),
        model.name()
    )
    .fetch_all(db)
    .await?;
    let mut removed = HashMap::new();
    for row in rows {
        let Ok(chat) = row.aggregate_id.parse() else { continue };
        for number in row.numbers.into_iter().filter_map(|it| u64::try_from(it).ok()) {
            removed.insert((ChatId(chat), number), row.position);
        }
    }
    Ok(removed)
}

/// At which position files last began to show something else, as far as `model` should reflect it.
pub(super) async fn file_changes(
    db: &mut PgConnection,
    scope: &Scope,
    model: ReadModel,
    files: impl Iterator<Item = Attachment>,
) -> sqlx::Result<HashMap<FileId, i64>> {
    let (owners, ids): (Vec<_>, Vec<_>) =
        files.map(|it| (it.owner.to_string(), it.file_id.to_string())).unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"SELECT e.payload ->> 'file_id' AS "file_id!", max(e.position) AS "position!"
           FROM events e
           WHERE e.aggregate_type = 'library'
             AND e.aggregate_id = ANY ($1)
             AND e.event_type IN ('file_published', 'file_rejected', 'file_removed')
             AND e.payload ->> 'file_id' = ANY ($2)
             AND e.position <= $3
             AND NOT EXISTS (
                 SELECT FROM parked_events p WHERE p.projector = $4 AND p.position = e.position
             )
           GROUP BY 1"#,
        &owners,
        &ids,
        scope.checkpoint(model),
        model.name()
    )
    .fetch_all(db)
    .await?;
    let changes =
        rows.into_iter().filter_map(|it| Some((FileId(it.file_id.parse().ok()?), it.position)));
    Ok(changes.collect())
}
