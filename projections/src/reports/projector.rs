use chrono::{DateTime, Utc};
use domain::Event;
use domain::chat::ChatEvent;
use eventlog::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{ProjectionError, count};

/// New reports, as arrays. A report is never changed.
#[derive(Default)]
pub(crate) struct Changes {
    report_ids: Vec<Uuid>,
    chat_ids: Vec<Uuid>,
    message_ids: Vec<Uuid>,
    numbers: Vec<i64>,
    reporter_ids: Vec<Uuid>,
    positions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.report_ids.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(
        &mut self,
        position: Position,
        event: &Event,
    ) -> Result<(), ProjectionError> {
        match event {
            Event::Chat(ChatEvent::MessageReported {
                chat_id,
                report_id,
                message_id,
                number,
                by,
                seen: _,
                reported_at,
            }) => {
                let number = count(*number)?;
                self.report_ids.push(report_id.0);
                self.chat_ids.push(chat_id.0);
                self.message_ids.push(message_id.0);
                self.numbers.push(number);
                self.reporter_ids.push(by.0);
                self.positions.push(position.0);
                self.times.push(*reported_at);
            }
            Event::Chat(_) | Event::Account(_) | Event::Library(_) | Event::Devices(_) => {}
        }
        Ok(())
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.report_ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO reports (
                 report_id, chat_id, message_id, number, reporter_id, position, reported_at
             )
             SELECT *
             FROM unnest(
                 $1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::bigint[],
                 $7::timestamptz[]
             )",
            &self.report_ids,
            &self.chat_ids,
            &self.message_ids,
            &self.numbers,
            &self.reporter_ids,
            &self.positions,
            &self.times
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
