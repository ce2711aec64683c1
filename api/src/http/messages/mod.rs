//! `/v1/chats/{id}/messages`: what is said.
//!
//! - [`sending`], [`forwarding`]: new messages, and how many are [`allowance`]d
//! - [`changing`], [`reactions`], [`marks`], [`reporting`]: what becomes of them
//! - [`page`]: reading them, also [`as_of`] another time; [`body`]: how they look

mod allowance;
mod as_of;
mod body;
pub(crate) mod changing;
pub(crate) mod forwarding;
pub(crate) mod marks;
pub(crate) mod page;
pub(crate) mod reactions;
pub(crate) mod reporting;
pub(crate) mod sending;

use domain::chat::ChatError;
use domain::{AccountId, ChatId, MessageId};
use projections::{MessageView, ReadModel};
use serde::Deserialize;
use utoipa::IntoParams;

pub(crate) use self::body::MessageBody;
use super::App;
use super::error::{ApiError, ApiResult};
use super::extract::Id;
use super::problem::Problem;

/// What messages are read from: whether the chat is the caller's, what was said, and what goes with
/// it.
const MODELS: [ReadModel; 3] = [ReadModel::Chats, ReadModel::Messages, ReadModel::Files];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MessagePath {
    #[param(value_type = Uuid)]
    id: Id,
    #[param(value_type = Uuid)]
    message_id: Id,
}

impl MessagePath {
    pub(crate) const fn chat_id(&self) -> ChatId {
        ChatId(self.id.0)
    }

    pub(crate) const fn message_id(&self) -> MessageId {
        MessageId(self.message_id.0)
    }
}

/// Whether the failure is about a message that is not there.
fn is_about_message(error: &ApiError) -> bool {
    error.is(Problem::MessageNotFound) || error.is(Problem::MessageDeleted)
}

/// The message as `caller` sees it.
async fn find(app: &App, caller: AccountId, path: &MessagePath) -> ApiResult<MessageView> {
    let (chat_id, message_id, now) = (path.chat_id(), path.message_id(), app.clock.now());
    let message = projections::messages::by_id(&app.db, caller, chat_id, message_id, now).await;
    if let Some(message) = message.map_err(ApiError::unavailable)? {
        return Ok(message);
    }
    let chat = projections::chats::by_id(&app.db, caller, chat_id, now).await;
    Err(match chat.map_err(ApiError::unavailable)? {
        Some(_) => ChatError::UnknownMessage(message_id).into(),
        None => ChatError::NotFound.into(),
    })
}
