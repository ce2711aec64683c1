//! How many messages may be sent, in headers (draft-ietf-httpapi-ratelimit-headers, version 10).

use std::convert::Infallible;

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};
use chrono::Duration;
use commands::{CommandError, Executed, SendError};
use domain::chat::{ChatError, ChatEvent, Limits};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Milliseconds.
const SECOND: i64 = 1_000;

/// What a member may still send into a chat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    limits: Limits,
    /// Milliseconds until all of it is there again; none when that is not known.
    spent_ms: Option<i64>,
}

impl Allowance {
    /// After a message that was sent before: what was left then says nothing about now.
    pub(super) const fn unknown(limits: Limits) -> Self {
        Self { limits, spent_ms: None }
    }

    /// After a message with which so much was spent.
    fn spent(limits: Limits, spent_ms: u32) -> Self {
        Self { limits, spent_ms: Some(i64::from(spent_ms)) }
    }

    /// After an attempt to send.
    pub(super) fn after(limits: Limits, sent: &Result<Executed<ChatEvent>, SendError>) -> Self {
        let cost = |it: &ChatEvent| {
            if let ChatEvent::MessageSent { spent_ms, .. } = it { Some(*spent_ms) } else { None }
        };
        match sent {
            Ok(executed) if !executed.replayed => executed
                .events
                .iter()
                .find_map(cost)
                .map_or(Self::unknown(limits), |it| Self::spent(limits, it)),
            Err(SendError::Chat(CommandError::Rule(ChatError::TooFast { retry_after }))) => {
                Self::exhausted(limits, *retry_after)
            }
            Ok(_) | Err(SendError::Chat(_) | SendError::File(_)) => Self::unknown(limits),
        }
    }

    /// The one of which less is left, as far as that is known.
    pub(super) fn tighter(self, other: Self) -> Self {
        if other.spent_ms > self.spent_ms { other } else { self }
    }

    /// Nothing is left until then.
    fn exhausted(limits: Limits, retry_after: Duration) -> Self {
        let all_but_one = i64::from(limits.burst.max(1)) - 1;
        let spent_ms = all_but_one * i64::from(limits.interval_ms) + retry_after.num_milliseconds();
        Self { limits, spent_ms: Some(spent_ms) }
    }

    /// Messages and seconds: how many in how long.
    fn policy(self) -> String {
        let (burst, interval) = self.rate();
        format!("\"messages\";q={burst};w={}", round_up(burst * interval, SECOND))
    }

    /// Messages that are left, and seconds until all are there again.
    fn left(self) -> Option<String> {
        let (burst, interval) = self.rate();
        let spent = self.spent_ms?;
        let left = (burst - round_up(spent, interval)).max(0);
        Some(format!("\"messages\";r={left};t={}", round_up(spent, SECOND)))
    }

    fn rate(self) -> (i64, i64) {
        (i64::from(self.limits.burst.max(1)), i64::from(self.limits.interval_ms))
    }
}

const fn round_up(amount: i64, unit: i64) -> i64 {
    (amount + unit - 1) / unit
}

impl IntoResponseParts for Allowance {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        if self.limits.interval_ms == 0 {
            return Ok(parts); // There is no limit.
        }
        let headers = [(POLICY, Some(self.policy())), (LEFT, self.left())];
        for (name, value) in headers {
            if let Some(value) = value.and_then(|it| HeaderValue::try_from(it).ok()) {
                parts.headers_mut().insert(name, value);
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { text_max: 10_000, burst: 60, interval_ms: 1_500 };

    #[test]
    fn what_is_left_counts_down_to_nothing() {
        assert_eq!(Allowance::unknown(LIMITS).policy(), "\"messages\";q=60;w=90");
        assert_eq!(Allowance::unknown(LIMITS).left(), None);
        let cases = [(1, 59, 1), (1_500, 59, 2), (1_501, 58, 2), (3_000, 58, 3), (90_000, 0, 90)];
        for (spent_ms, left, seconds) in cases {
            let expected = format!("\"messages\";r={left};t={seconds}");
            assert_eq!(Allowance::spent(LIMITS, spent_ms).left(), Some(expected), "{spent_ms}");
        }
        let wait = Duration::milliseconds(700);
        let expected = "\"messages\";r=0;t=90".to_owned();
        assert_eq!(Allowance::exhausted(LIMITS, wait).left(), Some(expected));
    }
}
