//! What becomes of a message: edited, deleted, answered, reported.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::chat::{Chat, ChatCommand, ChatError, ChatEvent};
use domain::{AccountId, Personal};
use projections::messages::RevisionView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::count;
use super::{MODELS, MessagePath, find};
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller, Command};
use crate::http::chats::act;
use crate::http::consistency::{At, MinPosition};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{self, Path, Query};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditMessage {
    /// The text or caption as it is to read. `null`: the caption goes.
    #[serde(deserialize_with = "extract::nullable")]
    #[schema(
        required,
        pattern = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$",
        max_length = 10_000
    )]
    text: Option<String>,
    /// Besides those that stand as `#tag` in the text; in place of all there were.
    #[serde(default)]
    tags: Vec<String>,
}

/// A message's text at one time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revision)]
pub(crate) struct RevisionBody {
    /// 0 as it was sent, then from 1.
    #[schema(minimum = 0)]
    revision: u32,
    /// Text, or caption. `null` without a caption, or its sender erased.
    #[schema(required)]
    text: Option<String>,
    tags: Vec<String>,
    /// When it was sent, for the first.
    edited_at: DateTime<Utc>,
}

impl From<RevisionView> for RevisionBody {
    fn from(view: RevisionView) -> Self {
        Self {
            revision: count(view.revision),
            text: view.text,
            tags: view.tags,
            edited_at: view.edited_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    /// From the first to the present one.
    items: Vec<RevisionBody>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteFor {
    #[serde(rename = "for")]
    #[param(inline)]
    whom: Whom,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whom {
    Me,
    /// For its sender only.
    Everyone,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerMessage {
    /// Any JSON of at most 4,096 bytes.
    answer: Value,
}

/// Edits one's text or caption. The earlier ones stay in its history.
#[utoipa::path(
    patch, path = "/v1/chats/{id}/messages/{message_id}", tag = "messages",
    operation_id = "edit_message",
    params(MessagePath),
    request_body = EditMessage,
    responses(
        (status = 200, description = "As it reads now", body = RevisionBody),
        (status = 403, description = "Somebody else has sent it, or it was forwarded"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "The message is deleted or was edited too often, the chat \
            takes no messages, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn edit(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    Command { body, context }: Command<EditMessage>,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::Edit {
        message_id: path.message_id(),
        by: caller,
        text: body.text,
        tags: body.tags,
        limits: app.limits,
        now: app.clock.now(),
    };
    let id = path.chat_id().to_string();
    let executed = app.gateway.execute::<Chat>(&id, command, &context).await?;
    let position = executed.position;
    let edited = if let Some(edited) = executed.events.into_iter().find_map(edited) {
        edited
    } else {
        // It read so already.
        app.reads.wait(Some(position), &MODELS).await?;
        let mut items = revisions(&app, caller, &path).await?;
        items.pop().ok_or(ChatError::UnknownMessage(path.message_id()))?
    };
    Ok((At(position), Json(edited)))
}

/// The revision that an event says was made.
fn edited(event: ChatEvent) -> Option<RevisionBody> {
    if let ChatEvent::MessageEdited { revision, text, tags, edited_at, .. } = event {
        let text = text.and_then(Personal::into_value);
        let tags = tags.and_then(Personal::into_value).unwrap_or_default();
        Some(RevisionBody { revision, text, tags, edited_at })
    } else {
        None
    }
}

/// How a message read, from its sending to now.
#[utoipa::path(
    get, path = "/v1/chats/{id}/messages/{message_id}/history", tag = "messages",
    operation_id = "message_history",
    params(MessagePath),
    responses(
        (status = 200, description = "All of it", body = History),
        (status = 404, description = "The caller has no such chat, or it no such message"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let items = revisions(&app, caller, &path).await?;
    Ok((At(reached), Json(History { items })))
}

/// From the first to the present one. Nothing is left of a message that is deleted.
async fn revisions(
    app: &App,
    caller: AccountId,
    path: &MessagePath,
) -> ApiResult<Vec<RevisionBody>> {
    // Says why, when it is not the caller's to see.
    find(app, caller, path).await?;
    let (chat_id, message_id, now) = (path.chat_id(), path.message_id(), app.clock.now());
    let views = projections::messages::history(&app.db, caller, chat_id, message_id, now).await;
    let views = views.map_err(ApiError::unavailable)?.unwrap_or_default();
    Ok(views.into_iter().map(RevisionBody::from).collect())
}

/// Deletes a message for oneself, or one's own for everyone.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/messages/{message_id}", tag = "messages",
    operation_id = "delete_message",
    params(MessagePath, DeleteFor),
    responses(
        (status = 204, description = "Deleted, now or before"),
        (status = 403, description = "Somebody else has sent it"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    Query(query): Query<DeleteFor>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    let command = match query.whom {
        Whom::Me => ChatCommand::DeleteForMe { message_id, by, now },
        Whom::Everyone => ChatCommand::DeleteForEveryone { message_id, by, now },
    };
    act(&app, path.chat_id(), command, &context).await
}

/// Answers an actionable message of the other member. Once, and for good.
#[utoipa::path(
    post, path = "/v1/chats/{id}/messages/{message_id}/answer", tag = "messages",
    operation_id = "answer_message",
    params(MessagePath),
    request_body = AnswerMessage,
    responses(
        (status = 204, description = "Answered"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "It asks for no answer of the caller, is answered or deleted, \
            the chat takes no messages, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    Command { body, context }: Command<AnswerMessage>,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    let command = ChatCommand::Answer { message_id, by, answer: body.answer, now };
    act(&app, path.chat_id(), command, &context).await
}
