//! How a file comes here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::{NewPart, NewUpload, Ticket, Upload};
use domain::FileId;
use domain::library::{LibraryError, LibraryEvent, Rejection, Sha256};
use projections::{ReadModel, ReadsError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fetching::find;
use super::{FileBody, FilePath};
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller, Command};
use crate::http::consistency::{At, MinPosition};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{self, Path};

/// Parts that tickets are made for at once.
const PARTS_MAX: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestUpload {
    /// What it is saved as: without control characters, `/` and `\`.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f/\\\u202a-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f/\\\u202a-\u202e\u2066-\u2069][^\u0000-\u001f\u007f-\u009f/\\\u202a-\u202e\u2066-\u2069]*$"
    )]
    name: String,
    /// Without parameters. JPEG, PNG, GIF and WebP are images: they are shown, and have thumbnails.
    /// HEIC, AVIF, TIFF and their like are refused.
    #[schema(
        pattern = r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$"
    )]
    content_type: String,
    /// In bytes.
    #[serde(deserialize_with = "extract::count")]
    #[schema(minimum = 1)]
    size: u64,
    /// Of all bytes, as hexadecimal digits.
    #[schema(value_type = String, pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Sha256,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestParts {
    #[schema(min_items = 1, max_items = 100)]
    parts: Vec<RequestPart>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestPart {
    /// From 1.
    #[serde(deserialize_with = "extract::count")]
    #[schema(minimum = 1, maximum = 10_000)]
    number: u64,
    /// In bytes: `part_size`, or what is left in the last one.
    #[serde(deserialize_with = "extract::count")]
    #[schema(minimum = 1)]
    size: u64,
    /// Of the bytes of this part, as hexadecimal digits.
    #[schema(value_type = String, pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Sha256,
}

/// A request that sends bytes to the storage: with these headers, and no access token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub(crate) struct TicketBody {
    /// `PUT`
    method: &'static str,
    url: String,
    /// All of them have to be sent as they are.
    headers: BTreeMap<String, String>,
    /// When the request is no longer taken.
    expires_at: DateTime<Utc>,
}

/// How a file is sent: as a whole, or in parts. With neither it is not to be sent any more: the
/// request was repeated, and what it had led to is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadBody {
    file_id: Uuid,
    /// For a file that is sent as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<TicketBody>,
    /// For a larger one.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<PartsBody>,
}

/// Into which parts a file is divided.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Parts)]
pub(crate) struct PartsBody {
    /// In bytes, of all but the last.
    #[schema(minimum = 1)]
    part_size: u64,
    #[schema(minimum = 1)]
    count: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartTickets {
    /// In the order in which they were asked for.
    items: Vec<PartTicket>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartTicket {
    #[schema(minimum = 1)]
    number: u32,
    upload: TicketBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArrivedParts {
    /// By ascending number. What is not listed is still to be sent.
    items: Vec<ArrivedPart>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArrivedPart {
    #[schema(minimum = 1)]
    number: u32,
    /// In bytes.
    #[schema(minimum = 0)]
    size: u64,
}

/// Asks to upload a file; only this file fits the answer. The upload is then completed by
/// `POST /v1/files/{id}/complete`. One that is not is forgotten after a while.
#[utoipa::path(
    post, path = "/v1/files", tag = "files", operation_id = "request_upload",
    request_body = RequestUpload,
    responses(
        (status = 201, description = "How to send it", body = UploadBody),
        (status = 409, description = "It does not fit into the caller's quota, or the first request \
            is under way"),
        (status = 413, description = "The file is larger than allowed, or the body too large"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn request(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Command { body, context }: Command<RequestUpload>,
) -> ApiResult<impl IntoResponse> {
    let upload = NewUpload {
        owner: caller,
        file_id: FileId(app.ids.next()),
        name: body.name,
        content_type: body.content_type,
        size: body.size,
        sha256: body.sha256,
    };
    let requested = app.files.request_upload(upload, app.clock.now(), &context).await?;
    // Whoever looks next finds it; if not, it is recorded all the same.
    match app.reads.wait(Some(requested.position), &[ReadModel::Files]).await {
        Ok(_) | Err(ReadsError::Behind { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let body = UploadBody::new(requested.file_id, requested.upload);
    Ok((StatusCode::CREATED, At(requested.position), Json(body)))
}

/// How to send a file that was requested: again, once the first answer has expired.
#[utoipa::path(
    get, path = "/v1/files/{id}/upload", tag = "files", operation_id = "upload",
    params(FilePath),
    responses(
        (status = 200, description = "How to send it", body = UploadBody),
        (status = 404, description = "The caller has no such file"),
        (status = 409, description = "It has arrived, or was rejected"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<FilePath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &[ReadModel::Files]).await?;
    let upload = app.files.ticket(caller, path.file_id(), app.clock.now()).await?;
    Ok((At(reached), Json(UploadBody::new(path.file_id(), Some(upload)))))
}

/// How to send some parts of a file.
#[utoipa::path(
    post, path = "/v1/files/{id}/parts", tag = "files", operation_id = "request_parts",
    params(FilePath),
    request_body = RequestParts,
    responses(
        (status = 200, description = "A request for each", body = PartTickets),
        (status = 404, description = "The caller has no such file"),
        (status = 409, description = "The file is not sent in parts, has arrived, or was rejected"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn request_parts(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<FilePath>,
    min: MinPosition,
    extract::Json(body): extract::Json<RequestParts>,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &[ReadModel::Files]).await?;
    let parts = body.parts()?;
    let tickets = app.files.part_tickets(caller, path.file_id(), &parts, app.clock.now()).await?;
    let each = parts.iter().zip(tickets);
    let items = each.map(|(part, it)| PartTicket { number: part.number, upload: it.into() });
    Ok((At(reached), Json(PartTickets { items: items.collect() })))
}

/// Which parts have arrived: an upload that broke off goes on with the others.
#[utoipa::path(
    get, path = "/v1/files/{id}/parts", tag = "files", operation_id = "arrived_parts",
    params(FilePath),
    responses(
        (status = 200, description = "Those that have", body = ArrivedParts),
        (status = 404, description = "The caller has no such file"),
        (status = 409, description = "The file is not sent in parts, has arrived, or was rejected"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn arrived_parts(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<FilePath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &[ReadModel::Files]).await?;
    let parts = app.files.arrived_parts(caller, path.file_id()).await?;
    let items = parts.into_iter().map(|it| ArrivedPart { number: it.number, size: it.size });
    Ok((At(reached), Json(ArrivedParts { items: items.collect() })))
}

/// Compares what was uploaded with what was requested. It can be sent in messages from now on, and
/// be fetched as soon as it is published.
#[utoipa::path(
    post, path = "/v1/files/{id}/complete", tag = "files", operation_id = "complete_upload",
    params(FilePath),
    responses(
        (status = 200, description = "The file, completed now or before", body = FileBody),
        (status = 404, description = "The caller has no such file"),
        (status = 409, description = "It has not arrived, or not as it was requested, or the first \
            request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn complete(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<FilePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (file_id, now) = (path.file_id(), app.clock.now());
    let executed = app.files.complete(caller, file_id, now, &context).await?;
    if let Some(reason) = executed.events.iter().find_map(rejection) {
        return Err(LibraryError::Rejected(reason).into());
    }
    app.reads.wait(Some(executed.position), &[ReadModel::Files]).await?;
    let (view, valid) = find(&app, caller, file_id, now).await?;
    let body = FileBody::linked(&app.files, view, valid).await?;
    Ok((At(executed.position), Json(body)))
}

fn rejection(event: &LibraryEvent) -> Option<Rejection> {
    match event {
        LibraryEvent::FileRejected { reason, .. } => Some(*reason),
        LibraryEvent::UploadRequested { .. }
        | LibraryEvent::UploadCompleted { .. }
        | LibraryEvent::FilePublished { .. }
        | LibraryEvent::FileAttached { .. }
        | LibraryEvent::FileReleased { .. }
        | LibraryEvent::FileRemoved { .. }
        | LibraryEvent::AvatarSet { .. } => None,
    }
}

impl RequestParts {
    fn parts(self) -> ApiResult<Vec<NewPart>> {
        if !(1..=PARTS_MAX).contains(&self.parts.len()) {
            return Err(ApiError::invalid("parts", "must be 1 to 100"));
        }
        let part = |(place, part): (usize, RequestPart)| {
            let number = u32::try_from(part.number)
                .map_err(|_| ApiError::invalid(format!("parts[{place}].number"), "is too large"))?;
            Ok(NewPart { number, size: part.size, sha256: part.sha256 })
        };
        self.parts.into_iter().enumerate().map(part).collect()
    }
}

impl UploadBody {
    fn new(file_id: FileId, upload: Option<Upload>) -> Self {
        let (upload, parts) = match upload {
            Some(Upload::Whole(ticket)) => (Some(ticket.into()), None),
            Some(Upload::Parts { part_size, count }) => {
                (None, Some(PartsBody { part_size, count }))
            }
            None => (None, None),
        };
        Self { file_id: file_id.0, upload, parts }
    }
}

impl From<Ticket> for TicketBody {
    fn from(ticket: Ticket) -> Self {
        Self {
            method: ticket.method,
            url: ticket.url,
            headers: ticket.headers.into_iter().collect(),
            expires_at: ticket.expires_at,
        }
    }
}
