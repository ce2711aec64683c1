//! As of when a chat is read.

use chrono::{DateTime, Utc};
use eventlog::{Position, read};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::http::App;
use crate::http::error::{ApiError, ApiResult};

/// A position of the log, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsOf {
    Position(i64),
    Time(DateTime<Utc>),
}

impl AsOf {
    /// The position: of a time, the last that was recorded by then.
    pub(super) async fn position(self, app: &App) -> ApiResult<Position> {
        match self {
            Self::Time(time) => {
                read::position_at(&app.db, time).await.map_err(ApiError::unavailable)
            }
            Self::Position(position) => {
                let head = read::head(&app.db).await.map_err(ApiError::unavailable)?;
                if position <= head.0 {
                    return Ok(Position(position));
                }
                let detail = format!("the log has not come to this position: it is at {head}");
                Err(ApiError::invalid("as_of", detail))
            }
        }
    }
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
            let position = text.parse().map(Self::Position);
            return position.map_err(|_| D::Error::custom("must be a position, or a time"));
        }
        let time = DateTime::parse_from_rfc3339(&text);
        time.map(|it| Self::Time(it.to_utc())).map_err(|_| {
            D::Error::custom("must be a position, or a time like 2026-11-23T08:30:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_or_a_time_is_read() {
        let read = |text: &str| serde_json::from_value::<AsOf>(json!(text)).ok();
        let time = DateTime::from_timestamp(1, 0).map(AsOf::Time);
        assert_eq!(read("0"), Some(AsOf::Position(0)));
        assert_eq!(read("1234"), Some(AsOf::Position(1_234)));
        assert_eq!(read("1970-01-01T00:00:01Z"), time);
        assert_eq!(read("1970-01-01T02:00:01+02:00"), time);
        for text in ["", "-1", "+1", "1.0", "x", "1970-01-01", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
