//! `/.well-known/jwks.json`: the keys that access tokens are signed with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use utoipa::ToSchema;

use super::App;

/// A JWK set (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the sign-in has made already")]
pub(crate) struct KeySet {
    #[schema(value_type = Vec<Object>)]
    keys: Vec<serde_json::Value>,
}

/// Keys change rarely, and a new one is published long before it signs.
const CACHE: &str = "public, max-age=600";

/// The public keys of access tokens, as a JWK set (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "sign-in", operation_id = "keys",
    responses((status = 200, description = "The keys", body = KeySet)),
)]
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, CACHE)], Json(app.sign_in.jwks()))
}
