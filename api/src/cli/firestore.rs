//! `parlance firestore`, and what `verify` and `rebuild` do with the mirror in Firestore.

use std::process::ExitCode;

use clap::Subcommand;
use eventlog::Ids;
use eventlog::database::Role;
use indicatif::{ProgressBar, ProgressStyle};
use projections::firestore::{self, Checked, Drift, MirrorSettings, Progress, RULES};

use super::{Failure, open, open_wide, say};
use crate::settings::Environment;

/// Connections of a rebuild: it may write as the mirror does, several documents at once.
const CONNECTIONS: u32 = 10;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows the security rules: for the Firebase console, or `firebase deploy --only firestore:rules`
    Rules,
}

pub(super) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Rules => say(RULES.trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares all documents with the read models.
pub(super) async fn verify(environment: &Environment<'_>) -> Result<ExitCode, Failure> {
    let (settings, db) = (mirror(environment)?, open(environment, Role::App).await?);
    let bar = Bar::new();
    let checked = firestore::check(&db, settings, |it| bar.show(it)).await;
    bar.0.finish_and_clear();
    let checked = checked?;
    say(report(&checked))?;
    let is_sound = checked.differences.is_empty();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(it: &Checked) -> String {
    let line = |it: &Drift| {
        format!("{} {}: expected {}, found {}", it.document, it.field, it.expected, it.found)
    };
    let mut lines: Vec<String> = it.differences.iter().map(line).collect();
    if it.is_truncated {
        lines.push("… and more".to_owned());
    }
    lines.push(format!("{} documents; {} still to be written", it.documents, it.pending));
    lines.push(match (it.differences.len(), it.is_truncated) {
        (0, _) => "no differences".to_owned(),
        (differences, false) => format!("{differences} differences"),
        (differences, true) => format!("more than {differences} differences"),
    });
    lines.join("\n")
}

/// Has all documents written that differ from the read models.
pub(super) async fn rebuild(environment: &Environment<'_>) -> Result<ExitCode, Failure> {
    let settings = mirror(environment)?;
    let db = open_wide(environment, Role::App, CONNECTIONS).await?;
    let (bar, holder) = (Bar::new(), Ids::random().next());
    let repaired = firestore::repair(&db, settings, holder, |it| bar.show(it)).await;
    bar.0.finish_and_clear();
    let it = repaired?;
    say(format_args!(
        "{} documents compared, {} written, {} of them deleted, {} parked",
        it.documents, it.written, it.deleted, it.parked
    ))?;
    Ok(if it.parked == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn mirror(environment: &Environment<'_>) -> Result<MirrorSettings, Failure> {
    let settings = environment.firestore()?;
    Ok(settings.ok_or("FIRESTORE_PROJECT_ID is not set: nothing is mirrored")?.mirror)
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        const TEMPLATE: &str = "{bar:30} {human_pos}/{human_len} documents  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(TEMPLATE);
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn show(&self, progress: Progress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }
}
