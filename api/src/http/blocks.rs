//! `/v1/blocks`: whom the caller has blocked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::chat::ChatCommand;
use domain::{AccountId, ChatId};
use projections::ReadModel;
use projections::blocks::BlockView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::accounts::AccountBody;
use super::caller::{BodilessCommand, Caller};
use super::chats::act;
use super::consistency::{At, MinPosition};
use super::cursor::{self, Cursor, PageBefore};
use super::error::{ApiError, ApiResult};
use super::extract::{Id, Path, Query};

/// The field of `same-member` and `account-not-found` here; a chat that is opened has another.
const WHOM: &str = "account_id";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct BlockPath {
    #[param(value_type = Uuid)]
    account_id: Id,
}

/// Somebody whom the caller has blocked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Block {
    account: AccountBody,
    blocked_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlockList {
    /// The latest first.
    items: Vec<Block>,
    /// For `before`, when there is more.
    #[schema(required, value_type = Option<String>)]
    next: Option<Cursor>,
    /// Always `null`: new ones come to the top.
    #[schema(required, value_type = Option<String>)]
    prev: Option<Cursor>,
}

/// Blocks somebody: nothing that they write from now on reaches the caller, and they are not told.
/// The caller cannot write to them either.
#[utoipa::path(
    put, path = "/v1/blocks/{account_id}", tag = "chats", operation_id = "block",
    params(BlockPath),
    responses(
        (status = 204, description = "Blocked, now or before"),
        (status = 404, description = "There is no such account"),
        (status = 409, description = "Others kept changing the chat with them, or the first request \
            is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn block(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<BlockPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (whom, now) = (AccountId(path.account_id.0), app.clock.now());
    let executed = commands::block(&app.gateway, caller, whom, now, &context).await;
    let executed = executed.map_err(|it| ApiError::from(it).renamed("member_id", WHOM))?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}

/// Unblocks somebody. What they wrote meanwhile stays away.
#[utoipa::path(
    delete, path = "/v1/blocks/{account_id}", tag = "chats", operation_id = "unblock",
    params(BlockPath),
    responses(
        (status = 204, description = "Not blocked"),
        (status = 409, description = "Others kept changing the chat with them, or the first request \
            is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn unblock(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<BlockPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let whom = AccountId(path.account_id.0);
    let command = ChatCommand::Unblock { by: caller, whom, now: app.clock.now() };
    act(&app, ChatId::between(caller, whom), command, &context)
        .await
        .map_err(|it| it.renamed("member_id", WHOM))
}

/// Whom the caller has blocked.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "chats", operation_id = "blocks",
    params(PageBefore),
    responses((status = 200, description = "Some of them", body = BlockList)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Query(query): Query<PageBefore>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let models = [ReadModel::Accounts, ReadModel::Blocks, ReadModel::Files];
    let reached = min.reached(&app, &models).await?;
    let (before, more) = (query.before.map(|it| it.0), query.limit + 1);
    let blocks = projections::blocks::list(&app.db, caller, before, more).await;
    let blocks = blocks.map_err(ApiError::unavailable)?;
    let (blocks, next) = cursor::page(blocks, query.limit, |it| it.cursor);
    let block = |it: BlockView| Block {
        account: AccountBody::public(it.account),
        blocked_at: it.blocked_at,
    };
    let mut items: Vec<_> = blocks.into_iter().map(block).collect();
    AccountBody::illustrate(&app, items.iter_mut().map(|it| &mut it.account)).await?;
    Ok((At(reached), Json(BlockList { items, next, prev: None })))
}
