use thiserror::Error;

/// SQLSTATE classes that blame the data: "data exception" and "integrity constraint violation".
const POISON_CLASSES: [&str; 2] = ["22", "23"];

/// Why a run of events could not be written to a read model.
#[derive(Debug, Error)]
pub enum ProjectionError {
    /// Nothing is wrong with the events: trying again will help, sooner or later.
    #[error("the database failed")]
    Transient(#[source] sqlx::Error),
    /// One of the events cannot be applied, however often it is tried.
    #[error("{0}")]
    Poison(String),
}

impl From<sqlx::Error> for ProjectionError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let poison =
            code.is_some_and(|it| POISON_CLASSES.iter().any(|class| it.starts_with(class)));
        if poison { Self::Poison(error.to_string()) } else { Self::Transient(error) }
    }
}

/// An event that contradicts what the read model knows.
pub(crate) fn contradiction(what: impl Into<String>) -> ProjectionError {
    ProjectionError::Poison(what.into())
}

/// Every row that a statement was to write was there.
pub(crate) fn expect_all(
    written: u64,
    expected: u64,
    otherwise: &str,
) -> Result<(), ProjectionError> {
    if written == expected { Ok(()) } else { Err(contradiction(otherwise)) }
}

/// Every row that a statement was to write was there, but for at most `absent` that need not be.
pub(crate) fn expect_all_but(
    absent: u64,
    written: u64,
    expected: u64,
    otherwise: &str,
) -> Result<(), ProjectionError> {
    let range = expected.saturating_sub(absent)..=expected;
    if range.contains(&written) { Ok(()) } else { Err(contradiction(otherwise)) }
}

/// A count of the domain as PostgreSQL keeps it.
pub(crate) fn count(value: u64) -> Result<i64, ProjectionError> {
    i64::try_from(value).map_err(|_| contradiction(format!("{value} is out of range")))
}
