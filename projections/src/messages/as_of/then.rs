use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::super::{MessageView, ReactionView};
use super::visible::Window;

/// What messages had that may have changed since.
pub(super) struct Then {
    wordings: HashMap<i64, Wording>,
    reactions: HashMap<i64, Vec<ReactionView>>,
    pinned: HashSet<i64>,
    starred: HashSet<i64>,
    /// Answered only later.
    unanswered: HashSet<i64>,
}

/// The words of a message that was ever edited.
struct Wording {
    number: i64,
    revision: i32,
    text: Option<String>,
    tags: Option<Vec<String>>,
    edited_at: DateTime<Utc>,
}

impl Then {
    /// Of the messages of these numbers.
    pub(super) async fn of(
        db: &mut PgConnection,
        window: &Window,
        numbers: &[i64],
    ) -> sqlx::Result<Self> {
        let wordings = wordings(&mut *db, window, numbers).await?;
        Ok(Self {
            wordings: wordings.into_iter().map(|it| (it.number, it)).collect(),
            reactions: reactions(&mut *db, window, numbers).await?,
            pinned: pinned(&mut *db, window, numbers).await?.into_iter().collect(),
            starred: starred(&mut *db, window, numbers).await?.into_iter().collect(),
            unanswered: unanswered(&mut *db, window, numbers).await?.into_iter().collect(),
        })
    }

    /// Makes a message that is not gone what it was.
    pub(super) fn put_on(&mut self, view: &mut MessageView) {
        if let Some(wording) = self.wordings.remove(&view.number) {
            view.text = wording.text;
            view.tags = wording.tags.unwrap_or_default();
            view.revision = wording.revision;
            view.edited_at = Some(wording.edited_at).filter(|_| wording.revision > 0);
        }
        view.reactions = self.reactions.remove(&view.number).unwrap_or_default();
        view.pinned = self.pinned.contains(&view.number);
        view.starred = self.starred.contains(&view.number);
        if self.unanswered.contains(&view.number) {
            view.answer = None;
        }
    }
}

async fn wordings(
    db: &mut PgConnection,
    window: &Window,
    numbers: &[i64],
) -> sqlx::Result<Vec<Wording>> {
    sqlx::query_as!(
        Wording,
        r#"SELECT DISTINCT ON (r.number) r.number, r.revision, r.text, r.tags, r.edited_at
           FROM message_revisions r
           JOIN messages m ON m.chat_id = r.chat_id AND m.number = r.number
           WHERE r.chat_id = $2
             AND r.number = ANY ($3)
             AND r.position <= $4
             AND (NOT r.withheld OR m.sender_id = $1)
           ORDER BY r.number, r.revision DESC"#,
        window.caller.0,
        window.chat.0,
        numbers,
        window.then.0
    )
    .fetch_all(db)
    .await
}

async fn reactions(
    db: &mut PgConnection,
    window: &Window,
    numbers: &[i64],
) -> sqlx::Result<HashMap<i64, Vec<ReactionView>>> {
    let rows = sqlx::query!(
        r#"SELECT number, account_id, emoji AS "emoji!", reacted_at
           FROM reactions
           WHERE chat_id = $2
             AND number = ANY ($3)
             AND position <= $4
             AND coalesce(CASE WHEN account_id = $1 THEN until ELSE shown_until END > $4, true)
             AND emoji IS NOT NULL
           ORDER BY position"#,
        window.caller.0,
        window.chat.0,
        numbers,
        window.then.0
    )
    .fetch_all(db)
    .await?;
    let mut reactions: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        reactions.entry(row.number).or_default().push(ReactionView {
            account_id: row.account_id,
            emoji: row.emoji,
            reacted_at: row.reacted_at,
        });
    }
    Ok(reactions)
}

async fn pinned(db: &mut PgConnection, window: &Window, numbers: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT number
         FROM pins
         WHERE chat_id = $1
           AND number = ANY ($2)
           AND position <= $3
           AND coalesce(CASE WHEN pinned_by = $4 THEN until ELSE shown_until END > $3, true)",
        window.chat.0,
        numbers,
        window.then.0,
        window.caller.0
    )
    .fetch_all(db)
    .await
}

/// Those that were starred by then and are still: when a star was taken away is not kept.
async fn starred(
    db: &mut PgConnection,
    window: &Window,
    numbers: &[i64],
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT number
         FROM message_marks
         WHERE chat_id = $2 AND account_id = $1 AND number = ANY ($3) AND starred <= $4",
        window.caller.0,
        window.chat.0,
        numbers,
        window.then.0
    )
    .fetch_all(db)
    .await
}

async fn unanswered(
    db: &mut PgConnection,
    window: &Window,
    numbers: &[i64],
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT number
         FROM messages
         WHERE chat_id = $1 AND number = ANY ($2) AND answer_position > $3",
        window.chat.0,
        numbers,
        window.then.0
    )
    .fetch_all(db)
    .await
}
