//! `/v1/me/avatar`: the picture beside somebody's name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::{Context, Validity};
use domain::library::{Library, LibraryCommand};
use domain::{AccountId, FileId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::thumbnails;
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller, Command};
use crate::http::consistency::At;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Id;

/// Somebody's picture.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Avatar)]
pub(crate) struct AvatarBody {
    file_id: Uuid,
    /// To be shown until the picture is there. `null` once the person is erased.
    #[schema(required)]
    blur_hash: Option<String>,
    /// URLs by the size in pixels of the square that the picture fits into: `256`, `1024`.
    thumbnails: BTreeMap<String, String>,
    /// When the URLs are no longer taken.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetAvatar {
    /// A published image of the caller.
    #[schema(value_type = Uuid)]
    file_id: Id,
}

/// Makes an image the caller's picture, in place of any other.
#[utoipa::path(
    put, path = "/v1/me/avatar", tag = "accounts", operation_id = "set_avatar",
    request_body = SetAvatar,
    responses(
        (status = 204, description = "Set, now or before"),
        (status = 404, description = "The caller has no such file"),
        (status = 409, description = "The file is not published yet, was rejected, or the first \
            request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Command { body, context }: Command<SetAvatar>,
) -> ApiResult<impl IntoResponse> {
    change(&app, caller, Some(FileId(body.file_id.0)), &context).await
}

/// Takes the caller's picture away. The file stays.
#[utoipa::path(
    delete, path = "/v1/me/avatar", tag = "accounts", operation_id = "remove_avatar",
    responses((status = 204, description = "There is none, now or before")),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    change(&app, caller, None, &context).await
}

async fn change(
    app: &App,
    caller: AccountId,
    file_id: Option<FileId>,
    context: &Context,
) -> ApiResult<(StatusCode, At)> {
    let command = LibraryCommand::SetAvatar { file_id, now: app.clock.now() };
    let executed = app.gateway.execute::<Library>(&caller.to_string(), command, context).await?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}

/// The pictures of those of `accounts` who have one, by account.
pub(crate) async fn avatars(app: &App, accounts: &[Uuid]) -> ApiResult<HashMap<Uuid, AvatarBody>> {
    let views = projections::files::avatars(&app.db, accounts).await;
    let valid = Validity::of_lasting_link(app.clock.now());
    let mut avatars = HashMap::new();
    for (account, view) in views.map_err(ApiError::unavailable)? {
        let (thumbnails, expires_at) = thumbnails(&app.files, &view.thumbnails, valid).await?;
        let (file_id, blur_hash) = (view.file_id, view.blur_hash);
        avatars.insert(account, AvatarBody { file_id, blur_hash, thumbnails, expires_at });
    }
    Ok(avatars)
}
