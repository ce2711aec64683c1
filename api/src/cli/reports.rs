//! `parlance reports`: what members have reported to the moderators.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use commands::{Files, StorageSettings};
use projections::reports::{self, ReportView};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{Failure, gateway_on, open_log, say};
use crate::settings::Environment;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows them as JSON lines, the latest first
    List(Page),
    /// Writes the file of a reported message to standard output, from the copy that is kept
    File(Which),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    report_id: Uuid,
}

#[derive(Debug, Args)]
pub(super) struct Page {
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000))]
    limit: i64,
    /// Only those before this `position`
    #[arg(long)]
    before: Option<i64>,
}

pub(super) async fn run(
    environment: &Environment<'_>,
    command: Command,
) -> Result<ExitCode, Failure> {
    match command {
        Command::List(page) => list(environment, &page).await?,
        Command::File(which) => file(environment, &which).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(environment: &Environment<'_>, page: &Page) -> Result<(), Failure> {
    let (db, codec) = open_log(environment).await?;
    for report in reports::list(&db, &codec, page.before, page.limit).await? {
        say(line(&report))?;
    }
    Ok(())
}

async fn file(environment: &Environment<'_>, which: &Which) -> Result<(), Failure> {
    let (db, codec) = open_log(environment).await?;
    let report = reports::by_id(&db, &codec, which.report_id).await?;
    let report = report.ok_or("there is no such report")?;
    let file = report.seen.and_then(|it| it.file).ok_or("no file was seen in what was reported")?;
    let mut settings = environment.files()?;
    if let StorageSettings::Embedded(embedded) = &mut settings.storage {
        embedded.port = 0; // a server may be running beside this, on the port that is set
    }
    let (gateway, tasks, stop) =
        (gateway_on(environment, db, codec)?, TaskTracker::new(), CancellationToken::new());
    let _stop = stop.clone().drop_guard();
    let files = Files::open(settings, gateway, &tasks, stop).await?;
    let copy = files.reported(file.file_id).await?;
    let mut copy = copy.ok_or("there is no copy: not yet, or not any more")?;
    let mut out = std::io::stdout();
    while let Some(piece) = copy.next().await? {
        out.write_all(&piece)?;
    }
    Ok(out.flush()?)
}

/// `seen` is null once the moderators' key is destroyed.
fn line(it: &ReportView) -> Value {
    json!({
        "position": it.cursor,
        "report_id": it.report_id,
        "reported_at": it.reported_at,
        "reported_by": it.reporter_id,
        "chat_id": it.chat_id,
        "message_id": it.message_id,
        "number": it.number,
        "seen": it.seen,
    })
}
