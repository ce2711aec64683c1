use domain::{AccountId, ChatId};
use projections::{ChatView, MessageView, Range};

use super::out::Broken;
use crate::http::App;

/// Messages in memory at a time: of the longest texts, some 2 MB.
const PAGE: i64 = 50;

/// The messages of a chat from the first to what is the last when it begins, page by page.
pub(super) struct Pages<'a> {
    app: &'a App,
    caller: AccountId,
    chat: ChatId,
    after: i64,
    last: i64,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(app: &'a App, caller: AccountId, chat: &ChatView) -> Self {
        let (after, last) = (chat.cleared_up_to, chat.total_messages);
        Self { app, caller, chat: ChatId(chat.chat_id), after, last }
    }

    /// The next messages; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<MessageView>>, Broken> {
        if self.after >= self.last {
            return Ok(None);
        }
        let (db, now) = (&self.app.db, self.app.clock.now());
        let range = Range::After(self.after);
        let page = projections::messages::page(db, self.caller, self.chat, range, PAGE, now).await;
        let page = page.map_err(|error| Broken::Failed(error.into()))?;
        let mut messages = page.map(|it| it.items).unwrap_or_default();
        messages.retain(|it| it.number <= self.last);
        self.after = messages.last().map_or(self.last, |it| it.number);
        Ok(Some(messages).filter(|it| !it.is_empty()))
    }
}
