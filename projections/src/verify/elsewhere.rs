//! What other streams say about the rows of an account or a chat: they change when a member changes their profile,
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

/// When `accounts` last changed their pictures, as the read model of accounts should reflect it.
pub(super) async fn picture_changes(
    db: &mut PgConnection,
    scope: &Scope,
    accounts: impl Iterator<Item = AccountId>,
) -> sqlx::Result<Vec<(AccountId, i64)>> {
    let ids: Vec<_> = accounts.map(|it| it.to_string()).collect();
    let rows = sqlx::query!(
        r#"SELECT e.aggregate_id, max(e.position) AS "position!"
           FROM events e
           WHERE e.aggregate_type = 'library'
             AND e.aggregate_id = ANY ($1)
             AND e.event_type = 'avatar_set'
             AND e.position <= $2
             AND NOT EXISTS (
                 SELECT FROM parked_events p WHERE p.projector = $3 AND p.position = e.position
             )
           GROUP BY e.aggregate_id"#,
        &ids,
        scope.checkpoint(ReadModel::Accounts),
        ReadModel::Accounts.name()
    )
    .fetch_all(db)
    .await?;
    let changes = rows
        .into_iter()
        .filter_map(|row| Some((AccountId(row.aggregate_id.parse().ok()?), row.position)));
    Ok(changes.collect())
}

/// At which position messages of other chats were deleted for everyone or expired, and at which their
/// senders, and for whom, deleted those that their recipients kept.
#[derive(Default)]
pub(super) struct Removed {
    for_everyone: HashMap<(ChatId, u64), i64>,
    taken_back: HashMap<(ChatId, u64), (AccountId, i64)>,
}

impl Removed {
    /// The last of it that concerns anybody.
    pub(super) fn for_anybody(&self, message: (ChatId, u64)) -> i64 {
        let taken_back = self.taken_back.get(&message).map_or(0, |it| it.1);
        self.for_everyone.get(&message).map_or(taken_back, |it| taken_back.max(*it))
    }

    /// What of it concerns `account`.
    pub(super) fn concerning(
        &self,
        account: AccountId,
        message: (ChatId, u64),
    ) -> impl Iterator<Item = i64> {
        let taken_back = self.taken_back.get(&message).filter(|it| it.0 == account);
        self.for_everyone.get(&message).copied().into_iter().chain(taken_back.map(|it| it.1))
    }
}

/// What of these `chats` was removed, as far as `model` should reflect it.
pub(super) async fn removed(
    db: &mut PgConnection,
    scope: &Scope,
    model: ReadModel,
    chats: impl Iterator<Item = ChatId>,
) -> sqlx::Result<Removed> {
    let ids: Vec<_> = chats.map(|it| it.to_string()).collect();
    let mut removed = Removed::default();
    if ids.is_empty() {
        return Ok(removed);
    }
    let rows = sqlx::query!(
        r#"SELECT e.aggregate_id,
                  e.position,
                  CASE WHEN (e.payload ->> 'kept')::boolean
                       THEN (e.payload ->> 'by')::uuid END AS "kept_by?",
                  CASE e.event_type
                      WHEN 'messages_expired'
                      THEN ARRAY(SELECT json_array_elements_text(e.payload -> 'numbers')::bigint)
                      ELSE ARRAY[(e.payload ->> 'number')::bigint]
                  END AS "numbers!"
           FROM events e
           WHERE e.aggregate_type = 'chat'
             AND e.aggregate_id = ANY ($1)
             AND e.event_type IN ('message_deleted_for_everyone', 'messages_expired')
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
    for row in rows {
        let Ok(chat) = row.aggregate_id.parse() else { continue };
        for number in row.numbers.into_iter().filter_map(|it| u64::try_from(it).ok()) {
            let message = (ChatId(chat), number);
            match row.kept_by {
                Some(by) => _ = removed.taken_back.insert(message, (AccountId(by), row.position)),
                None => _ = removed.for_everyone.insert(message, row.position),
            }
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
