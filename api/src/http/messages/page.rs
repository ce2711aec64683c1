//! Reading messages: a page of them, or one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use domain::AccountId;
use domain::chat::ChatError;
use projections::{Range, messages};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::as_of::AsOf;
use super::{MODELS, MessageBody, MessagePath, find};
use crate::http::App;
use crate::http::caller::Caller;
use crate::http::chats::ChatPath;
use crate::http::consistency::{At, MinPosition};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Id, Path, Query, Time};
use crate::http::openapi::limit;

/// Where in a chat: at one place, or between two bounds.
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
    /// Messages around this number: half of a page before it, the other half from it on. Alone.
    #[param(minimum = 0)]
    around: Option<i64>,
    /// Messages around the first that was sent at this time or later. Alone.
    #[param(value_type = Option<String>, format = DateTime)]
    date: Option<Time>,
    /// Messages around this one. Alone.
    #[param(value_type = Option<Uuid>)]
    message: Option<Id>,
    /// The chat as it was at this position, or this time, to the caller; without what was deleted for
    /// everyone or has disappeared since.
    #[param(value_type = Option<String>, example = "2026-11-23T08:30:00Z")]
    as_of: Option<AsOf>,
    /// At most so many.
    #[serde(default = "limit::default", deserialize_with = "limit::deserialize")]
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    limit: i64,
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

/// Messages of a chat: the latest, or those around a number, a time or a message. With both bounds,
/// those between.
#[utoipa::path(
    get, path = "/v1/chats/{id}/messages", tag = "messages", operation_id = "messages",
    params(ChatPath, PageOfMessages),
    responses(
        (status = 200, description = "Some of them", body = MessageList),
        (status = 404, description = "The caller has no such chat, or it no such message"),
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
    query.check()?;
    let then = match query.as_of {
        Some(as_of) => Some(as_of.position(&app).await?),
        None => None,
    };
    let reached = MinPosition(min.0.max(then)).reached(&app, &MODELS).await?;
    let range = query.range(&app, caller, &path).await?;
    let (db, chat_id, limit, now) = (&app.db, path.chat_id(), query.limit, app.clock.now());
    let page = match then {
        Some(then) => messages::page_as_of(db, caller, chat_id, range, limit, then, now).await,
        None => messages::page(db, caller, chat_id, range, limit, now).await,
    };
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
    fn check(&self) -> ApiResult<()> {
        for (field, bound) in
            [("before", self.before), ("after", self.after), ("around", self.around)]
        {
            if bound.is_some_and(|it| it < 0) {
                return Err(ApiError::invalid(field, "must be a number from 0"));
            }
        }
        let places = [
            ("around", self.around.is_some()),
            ("date", self.date.is_some()),
            ("message", self.message.is_some()),
        ];
        let mut given = places.into_iter().filter(|(_, is_given)| *is_given).map(|it| it.0);
        let is_bounded = self.before.is_some() || self.after.is_some();
        match (given.next(), given.next()) {
            (Some(first), _) if is_bounded => {
                Err(ApiError::invalid(first, "cannot go with before or after"))
            }
            (Some(first), Some(second)) => {
                Err(ApiError::invalid(second, format!("cannot go with {first}")))
            }
            _ => Ok(()),
        }
    }

    async fn range(&self, app: &App, caller: AccountId, path: &ChatPath) -> ApiResult<Range> {
        if let Some(number) = self.around {
            return Ok(Range::Around(number));
        }
        if let Some(Time(date)) = self.date {
            let number =
                projections::messages::number_at(&app.db, caller, path.chat_id(), date).await;
            let number = number.map_err(ApiError::unavailable)?;
            return Ok(number.map_or(Range::Latest, Range::Around));
        }
        if let Some(message_id) = self.message {
            let path = MessagePath { id: Id(path.chat_id().0), message_id };
            return Ok(Range::Around(find(app, caller, &path).await?.number));
        }
        Ok(match (self.before, self.after) {
            (_, Some(after)) => Range::After(after),
            (Some(before), None) => Range::Before(before),
            (None, None) => Range::Latest,
        })
    }
}

/// One message.
#[utoipa::path(
    get, path = "/v1/chats/{id}/messages/{message_id}", tag = "messages", operation_id = "message",
    params(MessagePath),
    responses(
        (status = 200, description = "The message", body = MessageBody),
        (status = 404, description = "The caller has no such chat, or it no such message"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn message(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let message = find(&app, caller, &path).await?;
    Ok((At(reached), Json(MessageBody::from(message))))
}
