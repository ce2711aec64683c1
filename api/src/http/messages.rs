//! `/v1/chats/{id}/messages`: what is said.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::chat::{Chat, ChatCommand, ChatError, ChatEvent};
use domain::{AccountId, ChatId, MessageId};
use eventlog::Position;
use projections::{MessageView, Range, ReadModel};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::App;
use super::caller::{BodilessCommand, Caller, Command};
use super::chats::ChatPath;
use super::consistency::{At, MinPosition};
use super::error::{ApiError, ApiResult};
use super::extract::{Id, Path, Query};
use super::openapi::limit;

/// What messages are read from: whether the chat is the caller's, and what was said.
const MODELS: [ReadModel; 2] = [ReadModel::Chats, ReadModel::Messages];

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody {
    message_id: Uuid,
    chat_id: Uuid,
    /// From 1, without a gap.
    #[schema(minimum = 1)]
    number: i64,
    sender_id: Uuid,
    /// `text`
    #[serde(rename = "type")]
    kind: &'static str,
    /// `null` once deleted for everyone, or its sender erased.
    #[schema(required)]
    text: Option<String>,
    sent_at: DateTime<Utc>,
    /// For everyone.
    deleted: bool,
}

impl From<MessageView> for MessageBody {
    fn from(view: MessageView) -> Self {
        Self {
            message_id: view.message_id,
            chat_id: view.chat_id,
            number: view.number,
            sender_id: view.sender_id,
            kind: "text",
            text: view.text,
            sent_at: view.sent_at,
            deleted: view.deleted,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMessage {
    /// Chosen by the client: sending it again sends nothing new. Without one, the server makes one.
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<Id>,
    /// At most 10,000 characters after trimming.
    #[schema(
        pattern = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$",
        max_length = 10_000
    )]
    text: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MessagePath {
    #[param(value_type = Uuid)]
    id: Id,
    #[param(value_type = Uuid)]
    message_id: Id,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageOfMessages {
    /// Only messages with lower numbers.
    #[param(minimum = 0)]
    before: Option<i64>,
    /// Only messages with higher numbers, and the nearest of them first to be shown.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// At most so many.
    #[serde(default = "limit::default", deserialize_with = "limit::deserialize")]
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    limit: i64,
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

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageList {
    /// By ascending number.
    items: Vec<MessageBody>,
    /// For `after`, when there are later ones.
    #[schema(required)]
    next: Option<String>,
    /// For `before`, when there are earlier ones.
    #[schema(required)]
    prev: Option<String>,
}

/// Sends a text.
#[utoipa::path(
    post, path = "/v1/chats/{id}/messages", tag = "messages", operation_id = "send_message",
    params(ChatPath),
    request_body = SendMessage,
    responses(
        (status = 201, description = "Sent, now or by an earlier request", body = MessageBody),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "The chat takes no messages, the message id belongs to \
            another message, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<SendMessage>,
) -> ApiResult<Response> {
    let chat_id = path.chat_id();
    let message_id = MessageId(body.message_id.map_or_else(|| app.ids.next(), |it| it.0));
    let command =
        ChatCommand::SendText { message_id, sender: caller, text: body.text, now: app.clock.now() };
    let executed = app.gateway.execute::<Chat>(&chat_id.to_string(), command, &context).await?;
    let position = executed.position;
    let message = match executed.events.into_iter().find_map(sent) {
        Some(message) => message,
        None => sent_before(&app, caller, chat_id, message_id, position).await?,
    };
    Ok((StatusCode::CREATED, At(position), Json(message)).into_response())
}

/// The message that an event says was sent.
fn sent(event: ChatEvent) -> Option<MessageBody> {
    match event {
        ChatEvent::TextSent { chat_id, message_id, number, sender, text, sent_at, .. } => {
            Some(MessageBody {
                message_id: message_id.0,
                chat_id: chat_id.0,
                number: i64::try_from(number).unwrap_or(i64::MAX),
                sender_id: sender.0,
                kind: "text",
                text: text.into_value(),
                sent_at,
                deleted: false,
            })
        }
        ChatEvent::Opened { .. }
        | ChatEvent::MessagesRead { .. }
        | ChatEvent::MessageDeletedForMe { .. }
        | ChatEvent::MessageDeletedForEveryone { .. }
        | ChatEvent::Deactivated { .. }
        | ChatEvent::Reactivated { .. } => None,
    }
}

/// The message that an earlier request sent under this id.
async fn sent_before(
    app: &App,
    caller: AccountId,
    chat_id: ChatId,
    message_id: MessageId,
    position: Position,
) -> ApiResult<MessageBody> {
    let number = |chat: &Chat| chat.number_of(message_id);
    let number = app.gateway.inspect(&chat_id.to_string(), number).await?;
    let number = number.and_then(|it| i64::try_from(it).ok());
    let number = number.ok_or(ChatError::UnknownMessage(message_id))?;
    app.reads.wait(Some(position), &MODELS).await?;
    let message = projections::messages::by_number(&app.db, caller, chat_id, number).await;
    let message = message.map_err(ApiError::unavailable)?;
    // One that the caller has deleted for themselves is gone for them.
    Ok(message.ok_or(ChatError::UnknownMessage(message_id))?.into())
}

/// Messages of a chat: the latest, or those around a number. With both bounds, those between.
#[utoipa::path(
    get, path = "/v1/chats/{id}/messages", tag = "messages", operation_id = "messages",
    params(ChatPath, PageOfMessages),
    responses(
        (status = 200, description = "Some of them", body = MessageList),
        (status = 404, description = "The caller has no such chat"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Query(query): Query<PageOfMessages>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let range = query.range()?;
    let reached = min.reached(&app, &MODELS).await?;
    let page =
        projections::messages::page(&app.db, caller, path.chat_id(), range, query.limit).await;
    let mut page = page.map_err(ApiError::unavailable)?.ok_or(ChatError::NotFound)?;
    if let (Some(before), Range::After(_)) = (query.before, range) {
        let found = page.items.len();
        page.items.retain(|it| it.number < before);
        page.more_after &= page.items.len() == found;
    }
    let next = page.items.last().filter(|_| page.more_after).map(|it| it.number.to_string());
    let prev = page.items.first().filter(|_| page.more_before).map(|it| it.number.to_string());
    let items = page.items.into_iter().map(MessageBody::from).collect();
    Ok((At(reached), Json(MessageList { items, next, prev })))
}

impl PageOfMessages {
    fn range(&self) -> ApiResult<Range> {
        for (field, bound) in [("before", self.before), ("after", self.after)] {
            if bound.is_some_and(|it| it < 0) {
                return Err(ApiError::invalid(field, "must be a number from 0"));
            }
        }
        Ok(match (self.before, self.after) {
            (_, Some(after)) => Range::After(after),
            (Some(before), None) => Range::Before(before),
            (None, None) => Range::Latest,
        })
    }
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
    let (message_id, by, now) = (MessageId(path.message_id.0), caller, app.clock.now());
    let command = match query.whom {
        Whom::Me => ChatCommand::DeleteForMe { message_id, by, now },
        Whom::Everyone => ChatCommand::DeleteForEveryone { message_id, by, now },
    };
    let id = ChatId(path.id.0).to_string();
    let executed = app.gateway.execute::<Chat>(&id, command, &context).await?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}
