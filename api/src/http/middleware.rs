//! What happens around every request: its id, bounds, security headers, metrics, one log line.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Process;
use super::error::ApiError;
use super::metrics;
use super::problem::Problem;

/// Requests that are worked on at the same time: some more than commands may wait for the log. More
/// are told to come back.
pub(crate) const IN_FLIGHT_MAX: usize = 5_000;

/// How long an answer may take. The log gives up on a command after 10 s.
const DEADLINE: Duration = Duration::from_secs(15);

pub(crate) const REQUEST_ID: &str = "X-Request-Id";

/// Every answer has these, unless its handler has set one itself (OWASP ASVS 5.0, 3.4).
const SECURITY: [(HeaderName, HeaderValue); 7] = [
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=63072000; includeSubDomains"),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-site"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The id of a request: stands in its answer, in the log and in the events it led to.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives the request its id, and the answer its headers, a measurement and a log line.
///
/// The line has the route and not the path, no query and no body: nothing in it is about a person.
pub(crate) async fn observe(
    State(process): State<Arc<Process>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let request_id = process.ids.next().to_string();
    let header_value = HeaderValue::from_str(&request_id);
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let mut response = next.run(request).await;

    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    if let Ok(value) = header_value {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    let elapsed = started.elapsed();
    let status = response.status();
    let route = route.as_ref().map_or(metrics::NO_ROUTE, MatchedPath::as_str);
    metrics::record(&method, route, status, elapsed);
    let code = response.extensions().get().map_or("", |it: &Problem| it.code());
    let duration_ms = elapsed.as_secs_f64() * 1e3;
    if status.is_client_error() || status.is_server_error() {
        tracing::info!(
            target: "parlance::access",
            %method, route, status = status.as_u16(), code, duration_ms, request_id
        );
    } else {
        tracing::debug!(
            target: "parlance::access",
            %method, route, status = status.as_u16(), duration_ms, request_id
        );
    }
    response
}

/// Bounds how many requests are worked on, and for how long.
pub(crate) async fn bound(
    State(room): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_permit) = room.try_acquire() else {
        return ApiError::of(Problem::Overloaded).into_response();
    };
    match timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::of(Problem::DeadlineExceeded).into_response(),
    }
}

/// The answer to a request whose handler panicked. The panic itself is in the log.
#[expect(clippy::needless_pass_by_value, reason = "the shape tower-http asks for")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|it| (*it).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    ApiError::internal(format!("panicked: {text}")).into_response()
}

/// Where there is nothing.
pub(crate) async fn nothing_here() -> ApiError {
    ApiError::of(Problem::NotFound)
}

/// Where there is something else. axum adds `Allow`.
pub(crate) async fn no_such_method() -> ApiError {
    ApiError::of(Problem::MethodNotAllowed)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn code(router: Router) -> (StatusCode, String, Option<HeaderValue>) {
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        (parts.status, code, parts.headers.get(header::RETRY_AFTER).cloned())
    }

    #[tokio::test]
    async fn without_room_a_request_is_told_to_come_back() {
        let router = |room| {
            Router::new()
                .route("/", get(|| async {}))
                .layer(from_fn_with_state(Arc::new(Semaphore::new(room)), bound))
        };

        assert_eq!(code(router(1)).await.0, StatusCode::OK);
        let (status, code, retry_after) = code(router(0)).await;
        assert_eq!((status, code.as_str()), (StatusCode::TOO_MANY_REQUESTS, "overloaded"));
        assert_eq!(retry_after, Some(HeaderValue::from_static("1")));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_that_tells_nothing() {
        async fn panics() {
            panic!("on purpose");
        }
        let router = Router::new().route("/", get(panics)).layer(CatchPanicLayer::custom(panicked));

        let (status, code, _) = code(router).await;
        assert_eq!((status, code.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
    }
}
