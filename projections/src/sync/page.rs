use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;
use sqlx::PgPool;

use super::items::{Item, items};
use super::keys::{self, Key};
use super::{MODELS, Place};
use crate::{ReadsError, reads};

/// So many changes are told one by one; more cost the device and the server more than the latest
/// page of each chat, which is how it started the first time.
const CHANGES_MAX: i64 = 20_000;

/// What a device that was away is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    Changes(Changes),
    /// Read everything anew, at this position or later, and go on from it.
    StartAfresh(Position),
}

/// Changes that follow one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// In the order of their places.
    pub items: Vec<Item>,
    /// Where to go on. Without `more`, everything up to its position has been told.
    pub next: Place,
    pub more: bool,
    /// What the read models reflect.
    pub reflects: Position,
}

/// At most `limit` changes after `since` of what `caller` sees, as they see it at the time
/// `at`. Without `since`: where to go on after reading everything.
///
/// `reached` is what [`Reads`](crate::Reads) has said that [`MODELS`] reflect: checkpoints in the
/// database may lag behind events that left nothing to write.
///
/// # Errors
///
/// When the database fails, and when one read model is so far behind another that the page would
/// lead nowhere.
pub async fn page(
    db: &PgPool,
    caller: AccountId,
    since: Option<Place>,
    limit: i64,
    reached: Position,
    at: DateTime<Utc>,
) -> Result<Delta, ReadsError> {
    let mut tx = db.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let reflects = reads::reached(&mut *tx, &MODELS).await?.max(reached);
    let Some(since) = since else {
        return Ok(Delta::StartAfresh(reflects));
    };
    // In the middle of what one event changed, the changes were counted a page or more ago.
    if since.is_after_position()
        && keys::are_more(&mut tx, caller, since.position, CHANGES_MAX).await?
    {
        return Ok(Delta::StartAfresh(reflects));
    }
    // One more than asked for tells whether there is a next page.
    let mut keys = keys::after(&mut tx, caller, since, limit.saturating_add(1)).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = keys.len() > shown;
    keys.truncate(shown);
    let next = next(since, reflects, keys.last().filter(|_| more))?;
    let items = items(&mut tx, keys, at).await?.into_iter().map(|(_, item)| item).collect();
    tx.commit().await?;
    Ok(Delta::Changes(Changes { items, next, more, reflects }))
}

/// Where to go on: never above what all read models reflect, since one that lags may yet write there.
fn next(since: Place, reflects: Position, last: Option<&Key>) -> Result<Place, ReadsError> {
    let complete = Place::after(reflects.0).max(since);
    let Some(last) = last.map(Key::place) else {
        return Ok(complete);
    };
    let next = last.min(complete);
    if next <= since {
        return Err(ReadsError::Behind { wanted: Position(last.position), reached: reflects });
    }
    Ok(next)
}
