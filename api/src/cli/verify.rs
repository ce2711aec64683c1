//! `parlance verify`: the read models against a recount of the log, and the log against a second
//! reader.

use std::process::ExitCode;

use clap::ValueEnum;
use eventlog::audit;
use projections::verify::{Verification, verify};

use super::{Failure, open_log, say};
use crate::settings::Environment;

/// Streams that the second reader loads.
const AUDITED: i64 = 200;

/// What else there is to verify.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Mirror {
    Firestore,
}

pub(super) async fn run(environment: &Environment<'_>) -> Result<ExitCode, Failure> {
    let (db, codec) = open_log(environment).await?;
    let verification = verify(&db, &codec).await?;
    say(report(&verification))?;
    let differing = audit::compare(&db, &codec, AUDITED).await?;
    for line in &differing {
        say(line)?;
    }
    let is_sound = verification.differences.is_empty() && differing.is_empty();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(it: &Verification) -> String {
    let mut lines: Vec<String> = it
        .differences
        .iter()
        .map(|it| {
            let (place, key, field) = (it.place, &it.key, it.field);
            format!("{place} {key} {field}: expected {}, found {}", it.expected, it.found)
        })
        .collect();
    if it.is_truncated {
        lines.push("… and more".to_owned());
    }
    let checkpoints: Vec<_> =
        it.checkpoints.iter().map(|(name, position)| format!("{name} at {position}")).collect();
    lines.push(format!(
        "{} events in {} streams up to position {}; {}; {} streams left out",
        it.events,
        it.streams,
        it.head,
        checkpoints.join(", "),
        it.streams_left_out
    ));
    lines.push(match (it.differences.len(), it.is_truncated) {
        (0, _) => "no differences".to_owned(),
        (differences, false) => format!("{differences} differences"),
        (differences, true) => format!("more than {differences} differences"),
    });
    lines.join("\n")
}
