//! A chat with its files as one archive, written from front to back.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use projections::MessageView;
use projections::files::{FileState, FileView};
use uuid::Uuid;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::Export;
use super::out::{Broken, Out, Write};

/// Files in an archive: what the archive has to remember of each until its end is small, and this is
/// the bound of it, some 40 MB.
const FILES_MAX: usize = 100_000;

/// Messages, the page to read them on, and the files.
pub(super) async fn write(export: &Export, out: &mut Out) -> Result<(), Broken> {
    let mut archive = Archive::new(out);
    archive.begin("messages.jsonl")?;
    export.write_lines(&mut archive).await?;
    archive.begin("messages.html")?;
    export.write_page(&mut archive).await?;
    let missing = write_files(export, &mut archive).await?;
    if !missing.is_empty() {
        archive.begin("missing.txt")?;
        archive.write(missing.into_bytes()).await?;
    }
    archive.finish().await
}

/// Each file once, however many messages have it. Returns those that are not there, a line each.
async fn write_files(export: &Export, archive: &mut Archive<'_>) -> Result<String, Broken> {
    let (mut written, mut missing) = (HashSet::new(), String::new());
    let mut pages = export.pages();
    while let Some(messages) = pages.next().await? {
        for message in &messages {
            let Some(file_id) = file_id(message) else { continue };
            if written.len() == FILES_MAX || !written.insert(file_id) {
                continue;
            }
            let is_written = match published(message) {
                Some(file) => write_file(export, archive, file).await?,
                None => false,
            };
            if !is_written {
                missing.extend(["files/", file_id.to_string().as_str(), "\n"]);
            }
        }
    }
    Ok(missing)
}

fn file_id(message: &MessageView) -> Option<Uuid> {
    message.file.as_ref().map(|it| it.file_id)
}

fn published(message: &MessageView) -> Option<&FileView> {
    let file = message.file.as_ref()?.details.as_ref()?;
    Some(file).filter(|it| it.state == FileState::Published)
}

/// Whether the file was there to be written.
async fn write_file(
    export: &Export,
    archive: &mut Archive<'_>,
    file: &FileView,
) -> Result<bool, Broken> {
    let reading = export.app.files.read(&file.object).await;
    let Some(mut reading) = reading.map_err(|error| Broken::Failed(error.into()))? else {
        return Ok(false);
    };
    archive.begin(&format!("files/{}", file.file_id))?;
    while let Some(piece) = reading.next().await.map_err(|error| Broken::Failed(error.into()))? {
        archive.write_piece(&piece).await?;
    }
    Ok(true)
}

/// A zip archive that needs no seeking: sizes and checksums follow what they are about. Nothing in it
/// is compressed: images and videos are already.
struct Archive<'a> {
    zip: ZipWriter<StreamWriter<Piece>>,
    piece: Piece,
    out: &'a mut Out,
}

/// What the archive was made of since the last time somebody looked.
#[derive(Clone, Default)]
struct Piece(Arc<Mutex<Vec<u8>>>);

impl Piece {
    fn take(&self) -> Vec<u8> {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Piece {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Archive<'a> {
    fn new(out: &'a mut Out) -> Self {
        let piece = Piece::default();
        Self { zip: ZipWriter::new_stream(piece.clone()), piece, out }
    }

    /// What is written from here on is this entry.
    fn begin(&mut self, name: &str) -> Result<(), Broken> {
        // Large: how long it becomes is not known when its header is written.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(true);
        self.zip.start_file(name, options).map_err(|error| Broken::Failed(error.into()))
    }

    async fn write_piece(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.zip.write_all(bytes)?;
        self.out.send(self.piece.take().into()).await
    }

    async fn finish(self) -> Result<(), Broken> {
        self.zip.finish().map_err(|error| Broken::Failed(error.into()))?;
        self.out.send(self.piece.take().into()).await
    }
}

impl Write for Archive<'_> {
    async fn write(&mut self, piece: Vec<u8>) -> Result<(), Broken> {
        self.write_piece(&piece).await
    }
}
