//! Who asks, and what for.

use std::sync::Arc;

use axum::RequestExt;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, Uri, header};
use commands::{Context, IdempotencyKey};
use domain::AccountId;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::App;
use super::error::{ApiError, ApiResult};
use super::extract::{parse_json, read_body, require_json};
use super::idempotency;
use super::middleware::RequestId;
use super::problem::Problem;

/// Whoever the access token was given to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) AccountId);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(*caller);
        }
        let caller = app.sign_in.authenticate(bearer(parts)?)?;
        parts.extensions.insert(Session(caller.session_id));
        let caller = Self(caller.account_id);
        parts.extensions.insert(caller);
        Ok(caller)
    }
}

/// The session that the access token belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session(pub(crate) Uuid);

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        Caller::from_request_parts(parts, app).await?;
        let session = parts.extensions.get::<Self>().copied();
        session.ok_or_else(|| ApiError::of(Problem::Unauthenticated))
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1).
pub(super) fn bearer(parts: &Parts) -> ApiResult<&str> {
    let missing = || ApiError::of(Problem::Unauthenticated);
    let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, token) =
        value.to_str().ok().and_then(|it| it.split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}

/// A command's body, and what goes with it: who, under which key.
pub(crate) struct Command<T> {
    pub(crate) body: T,
    pub(crate) context: Context,
}

/// A command that says everything in its path.
pub(crate) struct BodilessCommand(pub(crate) Context);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Command<T> {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, app: &Arc<App>) -> ApiResult<Self> {
        let head = Head::read(&mut request, app).await?;
        require_json(request.headers())?;
        let bytes = read_body(request, app).await?;
        let body = parse_json(&bytes)?;
        Ok(Self { body, context: head.context(&bytes) })
    }
}

impl FromRequest<Arc<App>> for BodilessCommand {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, app: &Arc<App>) -> ApiResult<Self> {
        let head = Head::read(&mut request, app).await?;
        let bytes = read_body(request, app).await?;
        Ok(Self(head.context(&bytes)))
    }
}

/// What a command needs of its request besides the body.
struct Head {
    caller: AccountId,
    request_id: String,
    key: Option<String>,
    method: Method,
    uri: Uri,
}

impl Head {
    async fn read(request: &mut Request, app: &Arc<App>) -> ApiResult<Self> {
        let Caller(caller) = request.extract_parts_with_state(app).await?;
        let request_id = request.extensions().get().map(|RequestId(it)| it.clone());
        Ok(Self {
            caller,
            request_id: request_id.unwrap_or_default(),
            key: idempotency::read(request.headers())?,
            method: request.method().clone(),
            uri: request.uri().clone(),
        })
    }

    fn context(self, body: &[u8]) -> Context {
        let path = self.uri.path_and_query().map_or("/", |it| it.as_str());
        let key = self.key.map(|key| IdempotencyKey {
            caller: self.caller,
            key,
            fingerprint: commands::fingerprint(self.method.as_str(), path, body),
        });
        Context { actor: Some(self.caller), request_id: self.request_id, key }
    }
}
