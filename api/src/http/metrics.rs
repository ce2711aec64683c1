//! `/metrics`: what Prometheus reads. The names of HTTP metrics are OpenTelemetry's.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::metrics::{Unit, describe_histogram, histogram};
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::Process;

const REQUEST_DURATION: &str = "http_server_request_duration_seconds";

/// In seconds; OpenTelemetry's advice for this metric, and two more for fast answers.
const DURATION_BUCKETS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The route of a request that met none.
pub(crate) const NO_ROUTE: &str = "";

/// How often what was measured is taken in, so that it does not pile up between two scrapes.
pub(crate) const UPKEEP: Duration = Duration::from_secs(5);

/// The process has one recorder, whoever asks first.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder, unless there is one.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(REQUEST_DURATION.to_owned()), &DURATION_BUCKETS)?
        .build_recorder();
    let handle = RECORDER.get_or_init(|| recorder.handle());
    // Whoever lost the race reads the winner's.
    if ::metrics::set_global_recorder(recorder).is_ok() {
        describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Duration of HTTP requests");
    }
    Ok(handle.clone())
}

/// Measures one request. The route is the template: no id becomes a label.
pub(crate) fn record(method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
    histogram!(
        REQUEST_DURATION,
        "http_request_method" => known(method),
        "http_route" => route.to_owned(),
        "http_response_status_code" => status.as_str().to_owned(),
    )
    .record(elapsed.as_secs_f64());
}

/// The method, when it is one of the few: callers must not be able to invent labels.
fn known(method: &Method) -> &'static str {
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD]
        .iter()
        .position(|it| it == method)
        .and_then(|it| ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"].get(it).copied())
        .unwrap_or("_OTHER")
}

/// What has been measured, in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "Measurements", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(process): State<Arc<Process>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], process.metrics.render())
}
