//! What appends through the library are compared with: the same rows, as many at a time, by
//! `INSERT … SELECT unnest`, a transaction each.

use std::sync::Arc;

use eventlog::Append;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;
use uuid::Uuid;

use crate::Outcome;
use crate::append::{BATCH, Written};
use crate::sends::{histogram, micros, on_one_thread};

const INSERT: &str = "
    INSERT INTO bare.events (
        position, aggregate_type, aggregate_id, sequence,
        event_type, event_version, payload, metadata, event_id, recorded_at
    )
    SELECT nextval('bare.position'), e.aggregate_type, e.aggregate_id, e.sequence,
           e.type, e.version, e.payload::json, e.metadata::json, e.id, now()
    FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::uuid[]
    ) AS e(aggregate_type, aggregate_id, sequence, type, version, payload, metadata, id)
";

#[derive(Default)]
struct Columns<'a> {
    aggregate_types: Vec<&'a str>,
    aggregate_ids: Vec<&'a str>,
    sequences: Vec<i64>,
    types: Vec<&'a str>,
    versions: Vec<&'a str>,
    payloads: Vec<&'a str>,
    metadata: Vec<&'a str>,
    ids: Vec<Uuid>,
}

impl<'a> Columns<'a> {
    fn of(appends: &'a [Append]) -> Self {
        let mut columns = Self::default();
        for append in appends {
            for (sequence, event) in (append.expected + 1..).zip(&append.events) {
                columns.aggregate_types.push(append.aggregate_type);
                columns.aggregate_ids.push(&append.aggregate_id);
                columns.sequences.push(sequence);
                columns.types.push(&event.encoded.event_type);
                columns.versions.push(&event.encoded.event_version);
                columns.payloads.push(&event.encoded.payload);
                columns.metadata.push(&append.metadata);
                columns.ids.push(event.event_id);
            }
        }
        columns
    }
}

/// Inserts the rows of `appends`, on one connection.
pub(crate) async fn bare(options: PgConnectOptions, appends: Arc<Vec<Append>>) -> Outcome<Written> {
    on_one_thread(move || async move {
        let mut connection = options.connect().await?;
        let mut latency = histogram()?;
        let since = Instant::now();
        for batch in appends.chunks(BATCH) {
            let started = Instant::now();
            let columns = Columns::of(batch);
            sqlx::query(INSERT)
                .bind(&columns.aggregate_types)
                .bind(&columns.aggregate_ids)
                .bind(&columns.sequences)
                .bind(&columns.types)
                .bind(&columns.versions)
                .bind(&columns.payloads)
                .bind(&columns.metadata)
                .bind(&columns.ids)
                .execute(&mut connection)
                .await?;
            latency.record(micros(started.elapsed()))?;
        }
        let elapsed = since.elapsed();
        connection.close().await?;
        Ok(Written { events: appends.len(), elapsed, latency })
    })
    .await
}
