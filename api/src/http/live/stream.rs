//! `/v1/stream`: what concerns the caller, as server-sent events.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::opening::{LiveSince, Proven};
use crate::http::App;
use crate::http::error::ApiResult;
use crate::http::sync::Since;
use crate::live::{Frame, Step};

/// A stream of what concerns the caller.
///
/// Server-sent events (HTML Living Standard, section 9.2): `event` is the `type` of the JSON in `data`,
/// `id` where to go on. Changes come as those of `GET /v1/sync`, each once and in order; besides them
/// what docs/live.md lists. Goes on until the access token ends.
#[utoipa::path(
    get, path = "/v1/stream", tag = "live", operation_id = "stream",
    params(LiveSince),
    responses(
        (status = 200, description = "Events, without end", content_type = "text/event-stream",
            body = String),
        (status = 429, description = "The caller has too many connections, or too many requests \
            are waiting"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn stream(State(app): State<Arc<App>>, proven: Proven) -> ApiResult<Response> {
    let connection = proven.connect(&app).await?;
    let events = stream::unfold(Some(connection), |connection| async move {
        let mut connection = connection?;
        let step = connection.next().await?;
        let (bytes, goes_on) = match step {
            Step::Send(frame) => (event(&frame), Some(connection)),
            Step::End(end) => {
                // An `EventSource` comes back by itself, when it was told to.
                let retry = format!("retry: {}\n", end.after.as_millis());
                ([retry.as_bytes(), &event(&end.frame())].concat().into(), None)
            }
        };
        Some((Ok::<_, Infallible>(bytes), goes_on))
    });
    let kind = HeaderValue::from_static("text/event-stream");
    // A proxy that gathers what it passes on would hold everything back.
    let unbuffered = HeaderValue::from_static("no");
    let mut response = Body::from_stream(events).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert("x-accel-buffering", unbuffered);
    Ok(response)
}

fn event(frame: &Frame) -> Bytes {
    let mut text = String::with_capacity(frame.json.len() + 96);
    if let Some(place) = frame.place {
        let _ = writeln!(text, "id: {}", Since(place));
    }
    let _ = write!(text, "event: {}\ndata: {}\n\n", frame.name, frame.json);
    text.into()
}
