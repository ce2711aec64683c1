//! Claims as the log stores them: keyed hashes, so that the table names nobody.

use aws_lc_rs::hmac;
use domain::{Claim, ClaimChange};
use eventlog::MasterKey;
use eventlog::append::ClaimRow;
use sqlx::PgPool;
use uuid::Uuid;

/// Hashes claims under a key of their own.
#[derive(Clone)]
pub(crate) struct Claims(hmac::Key);

impl Claims {
    pub(crate) fn new(master: &MasterKey) -> Self {
        Self(master.derive("claims"))
    }

    pub(crate) fn row(&self, change: &ClaimChange) -> ClaimRow {
        let (claim, take) = match change {
            ClaimChange::Take(claim) => (claim, true),
            ClaimChange::Release(claim) => (claim, false),
        };
        ClaimRow { scope: claim.scope, value: self.hash(claim), take }
    }

    /// The account that holds `claim`.
    pub(crate) async fn owner(&self, db: &PgPool, claim: &Claim) -> sqlx::Result<Option<Uuid>> {
        let owner = sqlx::query_scalar!(
            "SELECT owner FROM claims WHERE scope = $1 AND value = $2",
            claim.scope,
            self.hash(claim)
        )
        .fetch_optional(db)
        .await?;
        Ok(owner.and_then(|it| it.parse().ok()))
    }

    fn hash(&self, claim: &Claim) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(claim.scope.as_bytes());
        context.update(&[0]);
        context.update(claim.value.as_bytes());
        context.sign().as_ref().to_vec()
    }
}
