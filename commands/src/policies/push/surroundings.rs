//! What is asked of the database for everything that is due together: who is looking, and which sessions
//! have ended.

use std::collections::HashSet;

use domain::AccountId;
use sqlx::PgPool;
use uuid::Uuid;

use super::candidate::Candidate;
use super::{Effect, News};
use crate::sign_in::alive_sessions;

/// A process that has not said for so long that it is there is not: three times as long as it lets pass
/// between.
const NODE_SILENT_SECONDS: f64 = 6.0;

pub(super) struct Surroundings {
    /// Who has an app in the foreground.
    pub(super) looking: HashSet<AccountId>,
    /// Sessions of devices that have ended.
    pub(super) ended: HashSet<(AccountId, Uuid)>,
}

impl Surroundings {
    pub(super) async fn of<'a>(
        db: &PgPool,
        candidates: impl Iterator<Item = &'a Candidate<'a>>,
        due: &[(News, Effect)],
    ) -> sqlx::Result<Self> {
        let (mut accounts, mut sessions) = (vec![], HashSet::new());
        for candidate in candidates {
            accounts.push(candidate.to.0);
            sessions.extend(candidate.devices.values().map(|it| (candidate.to, it.session_id)));
        }
        let Some((_, effect)) = due.first().filter(|_| !sessions.is_empty()) else {
            return Ok(Self { looking: HashSet::new(), ended: HashSet::new() });
        };
        let ids: Vec<_> = sessions.iter().map(|(_, it)| *it).collect();
        let (looking, alive) =
            tokio::try_join!(looking(db, &accounts), alive_sessions(db, &ids, effect.now))?;
        let ended = sessions.into_iter().filter(|(_, it)| !alive.contains(it)).collect();
        Ok(Self { looking, ended })
    }
}

/// Those of `accounts` who have an app in the foreground, of which a process says that is there.
async fn looking(db: &PgPool, accounts: &[Uuid]) -> sqlx::Result<HashSet<AccountId>> {
    let looking = sqlx::query_scalar!(
        "SELECT DISTINCT c.account_id
         FROM connections c
         JOIN nodes n USING (node)
         WHERE c.account_id = ANY ($1)
           AND c.looking > 0
           AND n.seen_at > clock_timestamp() - make_interval(secs => $2)",
        accounts,
        NODE_SILENT_SECONDS
    );
    Ok(looking.fetch_all(db).await?.into_iter().map(AccountId).collect())
}
