//! What a file is, and where its bytes are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::Validity;
use domain::library::{FILES_MAX, Library, LibraryCommand, LibraryError, Removal};
use domain::{AccountId, FileId};
use projections::{FileView, ReadModel};
use serde::Serialize;
use utoipa::ToSchema;

use super::{FileBody, FilePath};
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller};
use crate::http::consistency::{At, MinPosition};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Path;

/// What is asked whether the caller may have a file: what it is, where it was sent, to whom.
const MODELS: [ReadModel; 3] = [ReadModel::Files, ReadModel::Messages, ReadModel::Chats];

/// What the caller's files take up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FileUsage)]
pub(crate) struct UsageBody {
    /// In bytes. An upload that was requested counts, and an image with room for its thumbnails.
    #[schema(minimum = 0)]
    used: i64,
    /// In bytes.
    #[schema(minimum = 0)]
    quota: u64,
    #[schema(minimum = 0)]
    files: i64,
    /// How many there can be.
    #[schema(minimum = 0)]
    files_max: usize,
    /// Of one file, in bytes.
    #[schema(minimum = 0)]
    file_max: u64,
    /// Of one image, in bytes.
    #[schema(minimum = 0)]
    image_max: u64,
}

/// A file that the caller sees in a message, or one of their own that is in none yet. The links end
/// with the last of those messages, if they disappear before.
#[utoipa::path(
    get, path = "/v1/files/{id}", tag = "files", operation_id = "file",
    params(FilePath),
    responses(
        (status = 200, description = "The file, with links that are good for some minutes", body = FileBody),
        (status = 404, description = "There is no such file for the caller"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn file(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<FilePath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let now = app.clock.now();
    let (view, valid) = find(&app, caller, path.file_id(), now).await?;
    let body = FileBody::linked(&app.files, view, valid).await?;
    Ok((At(reached), Json(body)))
}

/// How much the caller stores, and may store.
#[utoipa::path(
    get, path = "/v1/files/usage", tag = "files", operation_id = "file_usage",
    responses((status = 200, description = "In bytes and files", body = UsageBody)),
    security(("bearer" = [])),
)]
pub(crate) async fn usage(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &[ReadModel::Files]).await?;
    let usage = projections::files::usage(&app.db, caller).await.map_err(ApiError::unavailable)?;
    let limits = app.files.limits();
    let body = UsageBody {
        used: usage.used,
        quota: limits.quota,
        files: usage.files,
        files_max: FILES_MAX,
        file_max: limits.file_max,
        image_max: limits.image_max,
    };
    Ok((At(reached), Json(body)))
}

/// Removes a file of the caller that is in no message, and not their avatar.
#[utoipa::path(
    delete, path = "/v1/files/{id}", tag = "files", operation_id = "remove_file",
    params(FilePath),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "The caller has no such file"),
        (status = 409, description = "It is in use, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<FilePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let file_id = path.file_id();
    let command =
        LibraryCommand::RemoveFile { file_id, why: Removal::ByOwner, now: app.clock.now() };
    let executed = app.gateway.execute::<Library>(&caller.to_string(), command, &context).await?;
    if executed.events.is_empty() {
        return Err(LibraryError::UnknownFile(file_id).into());
    }
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}

/// The file, and how long what is signed now may be good.
pub(super) async fn find(
    app: &App,
    caller: AccountId,
    file: FileId,
    now: DateTime<Utc>,
) -> ApiResult<(FileView, Validity)> {
    let seen = projections::files::by_id(&app.db, caller, file, now).await;
    let seen = seen.map_err(ApiError::unavailable)?;
    let found = seen.and_then(|it| Some((it.view, Validity::of_link(now, it.until)?)));
    Ok(found.ok_or(LibraryError::UnknownFile(file))?)
}
