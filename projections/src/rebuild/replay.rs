//! Reads and decodes the log once, for all writers: while one page is being written the next ones
//! are decoded and the one after is read.

use std::sync::Arc;

use eventlog::codec::CodecError;
use eventlog::read;
use eventlog::{Codec, Position};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::writer::{Page, Writer, decode};
use super::{Progress, RebuildError, Rebuilt};
use crate::ReadModel;

/// Events read at once.
const PAGE: i64 = 2_000;

/// Pages being decoded, and pages waiting for each writer. Enough to keep every part busy.
const AHEAD: usize = 3;

pub(super) async fn run(
    options: &PgConnectOptions,
    codec: Arc<Codec>,
    models: &[ReadModel],
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Vec<Rebuilt>, RebuildError> {
    let mut writers = Vec::new();
    for model in models {
        writers.push(Writer::start(options, Arc::clone(&codec), *model).await?);
    }
    let mut senders = Vec::new();
    let mut tasks = JoinSet::new();
    for writer in writers {
        let (sender, pages) = mpsc::channel(AHEAD);
        senders.push(sender);
        tasks.spawn(writer.run(pages));
    }
    let mut log = options.clone().connect().await?;
    let total = read::head(&mut log).await?.0;
    let (decoding, mut decoded) = mpsc::channel(AHEAD);
    let reader = tokio::spawn(read_all(log, codec, decoding));
    progress(Progress { done: 0, total });
    'pages: while let Some(page) = decoded.recv().await {
        let page = page.await.map_err(|_| RebuildError::Aborted)??;
        let done = page.last().map_or(0, |it| it.position.0);
        for sender in &senders {
            if sender.send(Arc::clone(&page)).await.is_err() {
                break 'pages; // a writer has failed, and says why below
            }
        }
        progress(Progress { done, total: total.max(done) });
    }
    drop(senders);
    drop(decoded);
    let mut rebuilt = Vec::new();
    let mut failed = None;
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(|_| RebuildError::Aborted).flatten() {
            Ok(one) => rebuilt.push(one),
            Err(error) => _ = failed.get_or_insert(error),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    reader.await.map_err(|_| RebuildError::Aborted)??;
    rebuilt.sort_by_key(|it| it.model);
    Ok(rebuilt)
}

type Decoding = JoinHandle<Result<Page, CodecError>>;

/// Reads the log to its end.
async fn read_all(
    mut log: PgConnection,
    codec: Arc<Codec>,
    pages: mpsc::Sender<Decoding>,
) -> Result<(), RebuildError> {
    let mut after = Position::START;
    loop {
        let page = read::page(&mut log, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Position(last.position);
        let decoding = tokio::spawn(decode(Arc::clone(&codec), page));
        if pages.send(decoding).await.is_err() {
            return Ok(());
        }
    }
}
