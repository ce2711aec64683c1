use chrono::{DateTime, Utc};
use domain::AccountId;
use sqlx::PgPool;
use uuid::Uuid;

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
}

/// The account of this id.
///
/// # Errors
///
/// When the database fails.
pub async fn by_id(db: &PgPool, account: AccountId) -> sqlx::Result<Option<AccountView>> {
    sqlx::query_as!(
        AccountView,
        "SELECT account_id, username, display_name, email, registered_at, read_receipts
         FROM accounts
         WHERE account_id = $1",
        account.0
    )
    .fetch_optional(db)
    .await
}
