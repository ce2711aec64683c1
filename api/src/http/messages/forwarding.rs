//! Forwarding a message.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::{Executed, Forwarding, SendError, Target};
use domain::chat::{ChatError, ChatEvent, Forwarded, NewContent, Reference};
use domain::{AccountId, ChatId, MessageId};
use projections::MessageView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::allowance::Allowance;
use super::body::{Kind, attachment, count, sent};
use super::sending::sent_before;
use super::{MODELS, MessageBody, MessagePath, find};
use crate::http::App;
use crate::http::caller::{Caller, Command};
use crate::http::consistency::{At, MinPosition};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Id, Path};
use crate::http::problem::ProblemBody;

/// Chats that a message is forwarded to at once.
const TARGETS_MAX: usize = 20;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardMessage {
    /// Each chat once.
    #[schema(min_items = 1, max_items = 20)]
    to: Vec<ForwardTarget>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardTarget {
    #[schema(value_type = Uuid)]
    chat_id: Id,
    /// Of the message there. Chosen by the client: sending it again sends nothing new.
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<Id>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForwardList {
    /// What came of each, in the order in which they were asked for.
    items: Vec<ForwardItem>,
}

/// One of both.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForwardItem {
    chat_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

/// Forwards a message to up to 20 chats. Each gets a message of its own, which tells whose it was;
/// an `actionable` one becomes a text, because the question was not asked of others.
///
/// Some may be refused while others are sent. With the same message ids, or the same key, it can be
/// asked again. `RateLimit` is that of the chat in which the least is left.
#[utoipa::path(
    post, path = "/v1/chats/{id}/messages/{message_id}/forward", tag = "messages",
    operation_id = "forward_message",
    params(MessagePath),
    request_body = ForwardMessage,
    responses(
        (status = 200, description = "What came of each", body = ForwardList),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "The message is deleted, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn forward(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    min: MinPosition,
    Command { body, context }: Command<ForwardMessage>,
) -> ApiResult<impl IntoResponse> {
    let targets = body.targets(&app)?;
    let mut position = min.reached(&app, &MODELS).await?;
    let now = app.clock.now();
    let source = source(&app, caller, &path, now).await;
    let asked = source.as_ref().ok();
    let done = commands::forward(&app.gateway, asked, &targets, &context).await;
    if let Err(error) = source
        && !done.iter().any(|it| matches!(it, Some(Ok(_))))
    {
        return Err(error);
    }
    let allowances = done.iter().flatten().map(|it| Allowance::after(app.limits, it));
    let allowance = allowances.fold(Allowance::unknown(app.limits), Allowance::tighter);
    let mut items = Vec::with_capacity(targets.len());
    for (target, done) in targets.into_iter().zip(done) {
        if let Some(Ok(executed)) = &done {
            position = position.max(executed.position);
        }
        items.push(item(&app, target, path.message_id(), done).await);
    }
    Ok((At(position), allowance, Json(ForwardList { items })))
}

impl ForwardMessage {
    fn targets(&self, app: &App) -> ApiResult<Vec<Target>> {
        if !(1..=TARGETS_MAX).contains(&self.to.len()) {
            let detail = format!("must be 1 to {TARGETS_MAX} chats");
            return Err(ApiError::invalid("to", detail));
        }
        let mut chats = HashSet::new();
        let mut targets = Vec::with_capacity(self.to.len());
        for (index, target) in self.to.iter().enumerate() {
            let chat_id = ChatId(target.chat_id.0);
            if !chats.insert(chat_id) {
                let field = format!("to[{index}].chat_id");
                return Err(ApiError::invalid(field, "stands here twice"));
            }
            let message_id = target.message_id.map_or_else(|| app.ids.next(), |it| it.0);
            targets.push(Target { chat_id, message_id: MessageId(message_id) });
        }
        Ok(targets)
    }
}

/// What is to be sent. The chat that the message is in says whether it may be: what is read lags
/// behind it.
async fn source(
    app: &App,
    caller: AccountId,
    path: &MessagePath,
    now: DateTime<Utc>,
) -> ApiResult<Forwarding> {
    let (chat_id, message_id) = (path.chat_id(), path.message_id());
    let view = find(app, caller, path).await?;
    commands::may_forward(&app.gateway, chat_id, message_id, caller, now).await?;
    forwarding(app, caller, view, now)
}

/// What is to be sent: the message as `by` sees it, one hop further.
fn forwarding(
    app: &App,
    by: AccountId,
    view: MessageView,
    now: DateTime<Utc>,
) -> ApiResult<Forwarding> {
    if view.deleted {
        return Err(ChatError::Deleted.into());
    }
    let forwarded = match &view.forwarded {
        Some(before) => Forwarded {
            sender: AccountId(before.sender_id),
            sent_at: before.sent_at,
            hops: count(before.hops).saturating_add(1),
            origin_chat: ChatId(before.origin_chat),
            origin_number: before.origin_number.unsigned_abs(),
        },
        None => Forwarded {
            sender: AccountId(view.sender_id),
            sent_at: view.sent_at,
            hops: 1,
            origin_chat: ChatId(view.chat_id),
            origin_number: view.number.unsigned_abs(),
        },
    };
    let content = match (Kind::of(&view.kind), attachment(&view), view.text) {
        (Kind::File, Some(file), caption) => NewContent::File { file, caption },
        (Kind::Image, Some(file), caption) => NewContent::Image { file, caption },
        (Kind::Text | Kind::Actionable, _, Some(text)) => NewContent::Text { text },
        // Its sender is erased: nothing of it is left.
        (Kind::File | Kind::Image, None, _) | (Kind::Text | Kind::Actionable, _, None) => {
            return Err(ChatError::Deleted.into());
        }
    };
    Ok(Forwarding {
        by,
        content,
        reference: view.reference.map(|it| Reference { kind: it.kind, id: it.id }),
        tags: view.tags,
        forwarded,
        limits: app.limits,
        now,
    })
}

async fn item(
    app: &App,
    target: Target,
    source: MessageId,
    done: Option<Result<Executed<ChatEvent>, SendError>>,
) -> ForwardItem {
    let message = match done {
        Some(Ok(executed)) => match executed.events.into_iter().find_map(sent) {
            Some(message) => Ok(message),
            None => sent_before(app, target.chat_id, target.message_id, executed.position).await,
        },
        Some(Err(error)) => Err(error.into()),
        None => Err(ChatError::UnknownMessage(source).into()),
    };
    let chat_id = target.chat_id.0;
    match message {
        Ok(message) => ForwardItem { chat_id, message: Some(message), problem: None },
        Err(error) => ForwardItem { chat_id, message: None, problem: Some(error.tell()) },
    }
}
