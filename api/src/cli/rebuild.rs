//! `parlance rebuild`: read models afresh from the log.

use std::process::ExitCode;

use eventlog::database;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use projections::rebuild::Rebuilt;
use projections::{ReadModel, UnknownReadModel};

use super::{Failure, open_log, say};
use crate::settings::Environment;

/// The read models to rebuild.
#[derive(Debug, Clone)]
pub(super) struct Which(Vec<ReadModel>);

pub(super) fn which(text: &str) -> Result<Which, UnknownReadModel> {
    if text == "all" { Ok(Which(ReadModel::ALL.to_vec())) } else { Ok(Which(vec![text.parse()?])) }
}

pub(super) async fn run(
    environment: &Environment<'_>,
    Which(models): &Which,
) -> Result<ExitCode, Failure> {
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
