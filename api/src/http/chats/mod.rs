//! `/v1/chats`: who chats with whom, and what they make of it.
//!
//! - [`opening`], [`list`]: which chats there are; [`body`]: how they look
//! - [`pointers`], [`settings`]: what a member sets

mod body;
pub(crate) mod list;
pub(crate) mod opening;
pub(crate) mod pointers;
pub(crate) mod settings;

use axum::http::StatusCode;
use commands::Context;
use domain::ChatId;
use domain::chat::{Chat, ChatCommand};
use serde::Deserialize;
use utoipa::IntoParams;

pub(crate) use self::body::ChatBody;
use super::App;
use super::consistency::At;
use super::error::ApiResult;
use super::extract::Id;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ChatPath {
    #[param(value_type = Uuid)]
    id: Id,
}

impl ChatPath {
    pub(crate) const fn chat_id(&self) -> ChatId {
        ChatId(self.id.0)
    }
}

/// Executes a command on a chat that answers no more than where it was recorded.
pub(crate) async fn act(
    app: &App,
    chat_id: ChatId,
    command: ChatCommand,
    context: &Context,
) -> ApiResult<(StatusCode, At)> {
    let id = chat_id.to_string();
    let executed = app.gateway.execute::<Chat>(&id, command, context).await?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}
