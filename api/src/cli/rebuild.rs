//! `parlance rebuild`: read models afresh from the log, and documents from the read models.

use std::process::ExitCode;

use eventlog::database;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use projections::rebuild::Rebuilt;
use projections::{ReadModel, UnknownReadModel, firestore};

use super::{Failure, open_log, say};
use crate::settings::Environment;

/// What to rebuild.
#[derive(Debug, Clone)]
pub(super) enum Which {
    Models(Vec<ReadModel>),
    Mirror,
}

pub(super) fn which(text: &str) -> Result<Which, UnknownReadModel> {
    match text {
        "all" => Ok(Which::Models(ReadModel::ALL.to_vec())),
        firestore::NAME => Ok(Which::Mirror),
        model => Ok(Which::Models(vec![model.parse()?])),
    }
}

pub(super) async fn run(environment: &Environment<'_>, which: &Which) -> Result<ExitCode, Failure> {
    match which {
        Which::Models(models) => rebuild(environment, models).await,
        Which::Mirror => super::firestore::rebuild(environment).await,
    }
}

async fn rebuild(environment: &Environment<'_>, models: &[ReadModel]) -> Result<ExitCode, Failure> {
    let (_, codec) = open_log(environment).await?;
    let options = database::options(&environment.database()?.url)?;
    let bar = Bar::new();
    let rebuilt = projections::rebuild::rebuild(&options, codec, models, |progress| {
        bar.show(progress.done, progress.total);
    })
    .await;
    bar.clear();
    for rebuilt in rebuilt? {
        say(report(&rebuilt))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn report(it: &Rebuilt) -> String {
    let verdict = if it.had_drifted() { "differed from the log" } else { "was as the log says" };
    format!(
        "{}: live at position {}; the one before {verdict} at position {}\n  \
         before: {} rows, digest {}\n  rebuilt: {} rows, digest {}\n  streams held back: {}",
        it.model,
        it.position,
        it.compared_at,
        it.live.rows,
        it.live.sum,
        it.rebuilt.rows,
        it.rebuilt.sum,
        it.held_streams
    )
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        const TEMPLATE: &str = "{bar:30} {human_pos}/{human_len} events  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(TEMPLATE);
        let bar = ProgressBar::new(0);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn show(&self, done: i64, total: i64) {
        self.0.set_length(total.unsigned_abs());
        self.0.set_position(done.unsigned_abs());
    }

    fn clear(&self) {
        let took = HumanDuration(self.0.elapsed());
        tracing::info!(events = self.0.position(), %took, "replayed");
        self.0.finish_and_clear();
    }
}
