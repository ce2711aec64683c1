//! Calls to push services: pooled, within a deadline, with bounded answers, following no redirects.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

/// From the first byte of a request to the last of its answer. Google asks for 10 s at least.
const DEADLINE: Duration = Duration::from_secs(10);

/// Until there is a connection.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_mins(2);

/// A connection that answers no ping for so long is dead.
const PING_EACH: Duration = Duration::from_secs(20);
const PING_DEADLINE: Duration = Duration::from_secs(5);

/// Bytes of an answer: none that says anything is longer.
const ANSWER_MAX: usize = 64 * 1024;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/2 and nothing else: many requests share a connection.
    Http2,
    /// What the server prefers.
    Any,
}

#[derive(Clone)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// An answer, whatever it says.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Whether the request arrived is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoReply;

impl Http {
    /// `encrypted`: nothing goes out that is not.
    pub(super) fn new(protocol: Protocol, encrypted: bool) -> std::io::Result<Self> {
        let roots = HttpsConnectorBuilder::new().with_native_roots()?;
        let schemes = if encrypted { roots.https_only() } else { roots.https_or_http() };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_DEADLINE));
        let connector = match protocol {
            Protocol::Http2 => schemes.enable_http2().wrap_connector(tcp),
            Protocol::Any => schemes.enable_all_versions().wrap_connector(tcp),
        };
        let client = Client::builder(TokioExecutor::new())
            .http2_only(protocol == Protocol::Http2)
            .http2_keep_alive_interval(PING_EACH)
            .http2_keep_alive_timeout(PING_DEADLINE)
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build(connector);
        Ok(Self { client })
    }

    pub(super) async fn call(&self, request: Request<Full<Bytes>>) -> Result<Reply, NoReply> {
        let called = timeout(DEADLINE, async {
            // Whom the request was for stands in its URL: neither that nor the error is logged.
            let answer = self.client.request(request).await.map_err(|_| NoReply)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|_| NoReply)?;
            Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes() })
        });
        called.await.unwrap_or(Err(NoReply))
    }
}

/// How long the answer asks to be left alone: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let cases = [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("Fri, 15 Jan 2027 08:01:30 GMT", Some(90)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ];
        for (value, seconds) in cases {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, NOW), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), NOW), None);
    }
}
