//! A chat as it was: the messages that were there at a position, with the words, reactions, pins and
//! stars of then. What was deleted for everyone or has disappeared since is as gone as it is now,
//! and so is what an erased person said.

mod then;
mod visible;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use eventlog::{Position, database};
use sqlx::{PgConnection, PgPool};

use super::{MessagePage, MessageView, QuoteView, Range, by_keys};
use then::Then;
use visible::Window;

/// Characters of a quoted message.
const QUOTE: usize = 200;

/// At most `limit` messages of `chat` as `caller` saw them at the position `then`, without what is
/// gone at the time `at`; nothing when it is not their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn page_as_of(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    range: Range,
    limit: i64,
    then: Position,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<MessagePage>> {
    let mut tx = database::snapshot(db).await?;
    let Some(window) = Window::of(&mut tx, caller, chat, then).await? else {
        return Ok(None);
    };
    let found = window.around(&mut tx, range, limit).await?;
    let items = views(&mut tx, &window, &found.numbers, at).await?;
    tx.commit().await?;
    Ok(Some(MessagePage { items, more_before: found.more_before, more_after: found.more_after }))
}

/// The messages of these numbers, as they were.
async fn views(
    db: &mut PgConnection,
    window: &Window,
    numbers: &[i64],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<MessageView>> {
    let mut views = hydrate(db, window, numbers, at).await?;
    let quoted: HashSet<i64> =
        views.iter().filter_map(|it| it.reply.as_ref()).map(|it| it.number).collect();
    if quoted.is_empty() {
        return Ok(views);
    }
    let quoted: Vec<_> = quoted.into_iter().collect();
    let seen: HashSet<i64> = window.seen(&mut *db, &quoted).await?.into_iter().collect();
    let quoted = hydrate(db, window, &quoted, at).await?;
    let quoted: HashMap<_, _> = quoted
        .iter()
        .filter(|it| seen.contains(&it.number) && !it.deleted)
        .map(|it| (it.number, it))
        .collect();
    for reply in views.iter_mut().filter_map(|it| it.reply.as_mut()) {
        quote(reply, quoted.get(&reply.number).copied());
    }
    Ok(views)
}

async fn hydrate(
    db: &mut PgConnection,
    window: &Window,
    numbers: &[i64],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<MessageView>> {
    if numbers.is_empty() {
        return Ok(vec![]);
    }
    let chat_ids = vec![window.chat.0; numbers.len()];
    let mut views = by_keys(&mut *db, window.caller, &chat_ids, numbers, at).await?;
    let mut then = Then::of(db, window, numbers).await?;
    for view in views.iter_mut().filter(|it| !it.deleted) {
        then.put_on(view);
    }
    Ok(views)
}

/// Makes a quote say what the message said, when it was to be seen and still is.
fn quote(reply: &mut QuoteView, quoted: Option<&MessageView>) {
    reply.deleted = quoted.is_none();
    reply.text = quoted.and_then(|it| it.text.as_ref()).map(|it| it.chars().take(QUOTE).collect());
}
