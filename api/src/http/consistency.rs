//! The consistency token: a command answers where it was recorded, a read can ask to reflect that.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use eventlog::{Position, read};
use projections::ReadModel;
use tokio::time::sleep;

use super::App;
use super::error::{ApiError, ApiResult};
use super::problem::Problem;

/// How long a read waits before it asks whether the position it waits for exists at all.
const DOUBT: Duration = Duration::from_millis(100);

pub(crate) const POSITION: &str = "Parlance-Position";
pub(crate) const MIN_POSITION: &str = "Parlance-Min-Position";

/// As `POSITION`: names of headers are compared in small letters.
const POSITION_HEADER: HeaderName = HeaderName::from_static("parlance-position");

/// The position that the answer of a read must reflect, when its caller has one in mind.
pub(crate) struct MinPosition(pub(crate) Option<Position>);

impl<S: Send + Sync> FromRequestParts<S> for MinPosition {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        let Some(value) = parts.headers.get(MIN_POSITION) else {
            return Ok(Self(None));
        };
        let digits = value.to_str().ok().filter(|it| it.bytes().all(|c| c.is_ascii_digit()));
        let position = digits.and_then(|it| it.parse().ok()).map(Position);
        position.map(|it| Self(Some(it))).ok_or_else(|| {
            ApiError::invalid(MIN_POSITION, "must be a position, as a number from 0")
        })
    }
}

impl MinPosition {
    /// Waits until `models` have applied the position; returns the one that they reflect.
    pub(crate) async fn reached(self, app: &App, models: &[ReadModel]) -> ApiResult<Position> {
        tokio::select! {
            reached = app.reads.wait(self.0, models) => Ok(reached?),
            error = never_answered(app, self.0) => Err(error),
        }
    }
}

impl MinPosition {
    /// Whether what was read from the log, as it is at `at`, reflects the position.
    pub(crate) fn check(&self, at: Position) -> ApiResult<()> {
        match self.0.filter(|it| *it > at) {
            None => Ok(()),
            Some(position) => Err(beyond(position, at)),
        }
    }
}

fn beyond(position: Position, head: Position) -> ApiError {
    let detail = format!("the log has not come to position {position}: it is at {head}");
    ApiError::field(Problem::ReadModelBehind, MIN_POSITION, detail)
}

/// Ends, a little later, when no command can have answered `position`: the log is not there yet.
async fn never_answered(app: &App, position: Option<Position>) -> ApiError {
    sleep(DOUBT).await;
    match (read::head(&app.db).await, position) {
        (Ok(head), Some(position)) if position > head => beyond(position, head),
        _ => std::future::pending().await,
    }
}

/// Where a command was recorded, or what a read reflects.
pub(crate) struct At(pub(crate) Position);

impl IntoResponseParts for At {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.headers_mut().insert(POSITION_HEADER, HeaderValue::from(self.0.0));
        Ok(parts)
    }
}

impl IntoResponse for At {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}
