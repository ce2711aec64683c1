//! What a handler answers instead of success: which problem each failure is.

mod rules;

use std::error::Error;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commands::{
    CommandError, FilesError, InvalidToken, OpenChatError, RegisterDeviceError, SendError,
    SignInError,
};
use projections::ReadsError;

use super::problem::{FieldError, Problem, ProblemBody};

/// When to come back, in seconds: whatever is full or away recovers within moments, or not at all.
const RETRY_AFTER: i64 = 1;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

type Cause = Box<dyn Error + Send + Sync>;

/// A failure, on its way to the caller.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Problem,
    detail: String,
    errors: Vec<FieldError>,
    /// When it is worth another try, in seconds.
    retry_after: i64,
    /// For the log; the caller is told no more than that something went wrong.
    cause: Option<Cause>,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(problem: Problem, detail: impl Into<String>) -> Self {
        Self {
            problem,
            detail: detail.into(),
            errors: vec![],
            retry_after: RETRY_AFTER,
            cause: None,
        }
    }

    /// A failure that says no more than its kind.
    pub(crate) fn of(problem: Problem) -> Self {
        Self::new(problem, problem.title())
    }

    /// A failure for which one field is to blame.
    pub(crate) fn field(
        problem: Problem,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let (field, detail) = (field.into(), detail.into());
        let errors = vec![FieldError { field, detail: detail.clone() }];
        Self { errors, ..Self::new(problem, detail) }
    }

    /// A field that cannot be read.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::field(Problem::InvalidRequest, field, detail)
    }

    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..Self::of(Problem::Internal) }
    }

    /// The database did not answer a query.
    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..Self::of(Problem::Unavailable) }
    }

    /// The same failure, for which another field is to blame: what a rule knows as `from` is `to` in
    /// this request.
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        for error in self.errors.iter_mut().filter(|it| it.field == from) {
            to.clone_into(&mut error.field);
        }
        self
    }

    /// The same failure, for which `field` is to blame.
    pub(crate) fn blaming(mut self, field: &str) -> Self {
        self.errors = vec![FieldError { field: field.to_owned(), detail: self.detail.clone() }];
        self
    }

    pub(crate) fn is(&self, problem: Problem) -> bool {
        self.problem == problem
    }

    /// The first field to blame, and why.
    #[cfg(test)]
    pub(crate) fn told(&self) -> String {
        match self.errors.first() {
            Some(error) => format!("{}: {}", error.field, error.detail),
            None => self.detail.clone(),
        }
    }
}

impl<E: Into<Self>> From<CommandError<E>> for ApiError {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Rule(rule) => rule.into(),
            CommandError::ClaimHeld { scope } => {
                Self::field(Problem::AlreadyTaken, scope, format!("the {scope} is taken"))
            }
            CommandError::KeyReused => {
                let detail = "the key was used for another request";
                Self::field(Problem::KeyReused, super::idempotency::HEADER, detail)
            }
            CommandError::KeyInFlight => Self::of(Problem::RequestInFlight),
            CommandError::Conflict => {
                Self::new(Problem::Conflict, "the resource kept changing meanwhile: try again")
            }
            CommandError::Overloaded => Self::of(Problem::Overloaded),
            CommandError::Unavailable => Self::of(Problem::Unavailable),
            CommandError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::File(error) => error.into(),
            SendError::Chat(error) => error.into(),
        }
    }
}

impl From<FilesError> for ApiError {
    fn from(error: FilesError) -> Self {
        let detail = error.to_string();
        match error {
            FilesError::Library(error) => error.into(),
            FilesError::NotArrived => Self::new(Problem::UploadIncomplete, detail),
            FilesError::NotRequested => Self::new(Problem::UploadCompleted, detail),
            FilesError::NotInParts => Self::new(Problem::NotInParts, detail),
            FilesError::InvalidPart { expected, .. } => {
                let detail = format!("{detail} ({expected} expected)");
                Self::field(Problem::InvalidPart, "parts", detail)
            }
            FilesError::Verifying => Self::new(Problem::Verifying, detail),
            FilesError::Unavailable => Self::new(Problem::StorageUnavailable, detail),
            FilesError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<OpenChatError> for ApiError {
    fn from(error: OpenChatError) -> Self {
        match error {
            OpenChatError::UnknownAccount => {
                Self::field(Problem::AccountNotFound, "member_id", error.to_string())
            }
            OpenChatError::Account(error) => error.into(),
            OpenChatError::Chat(error) => error.into(),
        }
    }
}

impl From<RegisterDeviceError> for ApiError {
    fn from(error: RegisterDeviceError) -> Self {
        match error {
            RegisterDeviceError::ForeignEndpoint => {
                let field = "subscription.endpoint";
                Self::field(Problem::ForeignPushService, field, error.to_string())
            }
            RegisterDeviceError::Devices(error) => error.into(),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Password(error) => {
                Self::field(Problem::WeakPassword, "password", error.to_string())
            }
            SignInError::InvalidCredentials => Self::of(Problem::InvalidCredentials),
            SignInError::InvalidRefreshToken => Self::of(Problem::InvalidRefreshToken),
            SignInError::Busy => Self::of(Problem::Busy),
            SignInError::Command(error) => error.into(),
            SignInError::Unavailable(error) => Self::unavailable(error),
            SignInError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<InvalidToken> for ApiError {
    fn from(error: InvalidToken) -> Self {
        Self::new(Problem::InvalidToken, error.to_string())
    }
}

impl From<ReadsError> for ApiError {
    fn from(error: ReadsError) -> Self {
        match error {
            ReadsError::Behind { .. } => Self::new(Problem::ReadModelBehind, error.to_string()),
            ReadsError::Database(error) => Self::unavailable(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.problem.status();
        let body = serde_json::to_vec(&self.tell()).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if let Some((name, value)) = self.hint() {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self.problem);
        response
    }
}

impl ApiError {
    /// What the caller is told. What they are not told is logged.
    pub(crate) fn tell(&self) -> ProblemBody {
        if let Some(cause) = &self.cause {
            tracing::error!(
                code = self.problem.code(),
                error = %chain(cause.as_ref()),
                "request failed"
            );
        }
        ProblemBody {
            kind: format!("/problems/{}", self.problem.code()),
            title: self.problem.title(),
            status: self.problem.status().as_u16(),
            detail: self.detail.clone(),
            code: self.problem.code(),
            errors: self.errors.clone(),
        }
    }

    /// The header that tells what would help (RFC 6750, section 3; RFC 9110, section 10.2.3).
    fn hint(&self) -> Option<(HeaderName, HeaderValue)> {
        if self.problem == Problem::InvalidToken {
            let said = self.detail.replace(['"', '\\'], "");
            let value = format!(r#"Bearer error="invalid_token", error_description="{said}""#);
            let value = HeaderValue::try_from(value)
                .unwrap_or(HeaderValue::from_static(r#"Bearer error="invalid_token""#));
            return Some((header::WWW_AUTHENTICATE, value));
        }
        match self.problem.status() {
            StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some((header::RETRY_AFTER, HeaderValue::from(self.retry_after)))
            }
            _ => None,
        }
    }
}

/// An error and what caused it, on one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
