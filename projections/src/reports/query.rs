use chrono::{DateTime, Utc};
use domain::Event;
use domain::chat::{ChatEvent, ReportedCopy};
use eventlog::codec::CodecError;
use eventlog::{Codec, RecordedEvent, StoredEvent};
use sqlx::PgPool;
use thiserror::Error;
use uuid::Uuid;

/// A report, as a moderator reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportView {
    pub report_id: Uuid,
    pub chat_id: Uuid,
    pub message_id: Uuid,
    pub number: i64,
    pub reporter_id: Uuid,
    /// `None` once the moderators' key is destroyed.
    pub seen: Option<ReportedCopy>,
    pub reported_at: DateTime<Utc>,
    /// Position of the report: no two share it.
    pub cursor: i64,
}

/// Why reports cannot be read.
#[derive(Debug, Error)]
pub enum ReportsError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// At most `limit` reports, the latest first: those with a cursor below `before`, or from the top.
///
/// # Errors
///
/// When the database fails, or the keys cannot be had.
pub async fn list(
    db: &PgPool,
    codec: &Codec,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<ReportView>, ReportsError> {
    let events = sqlx::query_as!(
        StoredEvent,
        r#"SELECT e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
                  e.event_version, e.payload::text AS "payload!", e.metadata::text AS "metadata!",
                  e.event_id, e.recorded_at
           FROM reports r
           JOIN events e ON e.position = r.position
           WHERE r.position < $1
           ORDER BY r.position DESC
           LIMIT $2"#,
        before.unwrap_or(i64::MAX),
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(codec.decode(events).await?.into_iter().filter_map(view).collect())
}

/// The report of this id.
///
/// # Errors
///
/// As [`list`].
pub async fn by_id(
    db: &PgPool,
    codec: &Codec,
    report: Uuid,
) -> Result<Option<ReportView>, ReportsError> {
    let position = sqlx::query_scalar!("SELECT position FROM reports WHERE report_id = $1", report);
    let Some(position) = position.fetch_optional(db).await? else { return Ok(None) };
    Ok(list(db, codec, Some(position + 1), 1).await?.pop())
}

fn view(recorded: RecordedEvent) -> Option<ReportView> {
    let Ok(Event::Chat(ChatEvent::MessageReported {
        chat_id,
        report_id,
        message_id,
        number,
        by,
        seen,
        reported_at,
    })) = recorded.event
    else {
        return None; // the projector takes no other
    };
    Some(ReportView {
        report_id: report_id.0,
        chat_id: chat_id.0,
        message_id: message_id.0,
        number: i64::try_from(number).unwrap_or(i64::MAX),
        reporter_id: by.0,
        seen: seen.into_value(),
        reported_at,
        cursor: recorded.position.0,
    })
}
