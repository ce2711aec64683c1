//! Blocks and reports, told anew.

use chrono::{DateTime, Utc};
use domain::Event;
use domain::chat::ChatEvent;
use eventlog::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::history;
use super::rows::{Entry, Rows, number};

struct BlockRow {
    chat_id: Uuid,
    account_id: Uuid,
    blocked_id: Uuid,
    position: i64,
    blocked_at: DateTime<Utc>,
}

impl BlockRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("blocked_id", self.blocked_id.to_string()),
            ("position", self.position.to_string()),
            ("blocked_at", self.blocked_at.to_string()),
        ];
        (format!("chat {} blocked by account {}", self.chat_id, self.account_id), fields)
    }
}

struct ReportRow {
    report_id: Uuid,
    chat_id: Uuid,
    message_id: Uuid,
    number: i64,
    reporter_id: Uuid,
    position: i64,
    reported_at: DateTime<Utc>,
}

impl ReportRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("chat_id", self.chat_id.to_string()),
            ("message_id", self.message_id.to_string()),
            ("number", self.number.to_string()),
            ("reporter_id", self.reporter_id.to_string()),
            ("position", self.position.to_string()),
            ("reported_at", self.reported_at.to_string()),
        ];
        (format!("report {}", self.report_id), fields)
    }
}

/// The blocks that the log tells of.
pub(super) fn fold<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> Rows {
    let mut rows = Rows::new();
    let blocks = events.filter(|it| {
        matches!(
            &it.event,
            Ok(Event::Chat(ChatEvent::Blocked { .. } | ChatEvent::Unblocked { .. }))
        )
    });
    for (id, chat) in history::of(blocks) {
        let Some(members) = chat.members else { continue };
        for (index, side) in chat.sides.iter().enumerate() {
            let Some((position, blocked_at)) = side.blocks else { continue };
            let (account_id, blocked_id) = (members[index].0, members[1 - index].0);
            rows.extend([BlockRow { chat_id: id.0, account_id, blocked_id, position, blocked_at }
                .into_entry()]);
        }
    }
    rows
}

/// The blocks in the read model.
pub(super) async fn read(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        BlockRow,
        "SELECT chat_id, account_id, blocked_id, position, blocked_at
         FROM blocks
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BlockRow::into_entry).collect())
}

/// The reports that the log tells of.
pub(super) fn fold_reports<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> Rows {
    let mut rows = Rows::new();
    let reports =
        events.filter(|it| matches!(&it.event, Ok(Event::Chat(ChatEvent::MessageReported { .. }))));
    for (id, chat) in history::of(reports) {
        rows.extend(chat.reports.into_iter().map(|it| {
            ReportRow {
                report_id: it.id,
                chat_id: id.0,
                message_id: it.message_id,
                number: number(it.number),
                reporter_id: it.reporter.0,
                position: it.position,
                reported_at: it.at,
            }
            .into_entry()
        }));
    }
    rows
}

/// The reports in the read model.
pub(super) async fn read_reports(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        ReportRow,
        "SELECT report_id, chat_id, message_id, number, reporter_id, position, reported_at
         FROM reports
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(ReportRow::into_entry).collect())
}
