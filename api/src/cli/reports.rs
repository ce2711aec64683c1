//! `parlance reports`: what members have reported to the moderators.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use projections::reports::{self, ReportView};
use serde_json::{Value, json};

use super::{Failure, open_log, say};
use crate::settings::Environment;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows them as JSON lines, the latest first
    List(Page),
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
    let Command::List(page) = command;
    let (db, codec) = open_log(environment).await?;
    for report in reports::list(&db, &codec, page.before, page.limit).await? {
        say(line(&report))?;
    }
    Ok(ExitCode::SUCCESS)
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
