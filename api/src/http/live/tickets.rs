//! `/v1/stream/tickets`: what a browser opens a stream or socket with, where it can set no header.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use commands::Caller;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::caller::bearer;
use crate::http::error::{ApiError, ApiResult};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamTicket)]
pub(crate) struct TicketBody {
    /// For `ticket` of `/v1/stream` or `/v1/socket`.
    ticket: String,
    /// Seconds until it is good for nothing.
    #[schema(minimum = 1)]
    expires_in: u64,
}

/// Whoever asks, with the session and the end of the token.
pub(crate) struct Session(Caller);

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        Ok(Self(app.sign_in.authenticate(bearer(parts)?)?))
    }
}

/// A ticket for one stream or socket.
///
/// Good once, within half a minute: a browser can set no header there, and an access token has no place
/// in a URL.
#[utoipa::path(
    post, path = "/v1/stream/tickets", tag = "live", operation_id = "issue_ticket",
    responses((status = 201, description = "A ticket", body = TicketBody)),
    security(("bearer" = [])),
)]
pub(crate) async fn issue(
    State(app): State<Arc<App>>,
    Session(caller): Session,
) -> ApiResult<impl IntoResponse> {
    let ticket = app.sign_in.issue_ticket(caller).await?;
    let body = TicketBody { ticket: ticket.ticket, expires_in: ticket.expires_in };
    Ok((StatusCode::CREATED, Json(body)))
}
