use domain::library::LibraryError;
use thiserror::Error;

use crate::gateway::{Cause, CommandError};

/// Why something about a file was not done.
#[derive(Debug, Error)]
pub enum FilesError {
    #[error(transparent)]
    Library(#[from] CommandError<LibraryError>),
    #[error("the upload has not arrived, or not all of it")]
    NotArrived,
    #[error("the file is not uploaded in parts")]
    NotInParts,
    #[error("the upload is completed already")]
    NotRequested,
    /// `expected` is the number of parts when there is no such part, else its size in bytes.
    #[error("part {number} does not fit: {reason}")]
    InvalidPart { number: u32, reason: &'static str, expected: u64 },
    /// What arrived is being read. The result stands when the same is asked again.
    #[error("the upload is still being verified: try again")]
    Verifying,
    #[error("the storage is out of reach")]
    Unavailable,
    #[error("files failed")]
    Internal(#[source] Cause),
}

impl FilesError {
    pub(crate) fn internal(error: impl Into<Cause>) -> Self {
        Self::Internal(error.into())
    }
}

impl From<sqlx::Error> for FilesError {
    fn from(error: sqlx::Error) -> Self {
        tracing::warn!(%error, "the database is out of reach");
        Self::Unavailable
    }
}
