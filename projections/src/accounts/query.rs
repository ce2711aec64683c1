use chrono::{DateTime, Utc};
use domain::AccountId;
use domain::account::Audience;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::audience;

/// An account as it reads now. What is `None` has been erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub account_id: Uuid,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub registered_at: DateTime<Utc>,
    /// Whether others see how far this person has read, and this person how far they have.
    pub read_receipts: bool,
    /// Who is shown whether this person is there.
    pub presence_shown_to: Audience,
}

/// The account of this id.
///
/// # Errors
///
/// When the database fails.
pub async fn by_id(db: &PgPool, account: AccountId) -> sqlx::Result<Option<AccountView>> {
    Ok(by_ids(db, &[account.0]).await?.pop())
}

/// The accounts of these ids, in no order.
///
/// # Errors
///
/// When the database fails.
pub(crate) async fn by_ids(
    db: impl PgExecutor<'_>,
    accounts: &[Uuid],
) -> sqlx::Result<Vec<AccountView>> {
    let rows = sqlx::query!(
        "SELECT account_id, username, display_name, email, registered_at, read_receipts,
                presence_shown_to
         FROM accounts
         WHERE account_id = ANY ($1)",
        accounts
    )
    .fetch_all(db)
    .await?;
    let views = rows.into_iter().map(|row| AccountView {
        account_id: row.account_id,
        username: row.username,
        display_name: row.display_name,
        email: row.email,
        registered_at: row.registered_at,
        read_receipts: row.read_receipts,
        presence_shown_to: audience::of(Some(&row.presence_shown_to)),
    });
    Ok(views.collect())
}
