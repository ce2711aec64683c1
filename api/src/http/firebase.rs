//! `/v1/auth/firebase-token`: into the mirror in Firestore.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use commands::FirebaseToken;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::problem::Problem;

#[derive(Serialize, ToSchema)]
#[schema(as = FirebaseToken)]
pub(crate) struct TokenBody {
    /// For `signInWithCustomToken` of Firebase.
    firebase_token: String,
    /// Seconds until Firestore closes again. An app asks for the next token before.
    #[schema(minimum = 1, maximum = 3_600)]
    expires_in: u64,
}

/// Gives the caller a token with which their app signs in to Firebase, to listen to their chats in
/// Firestore.
#[utoipa::path(
    post, path = "/v1/auth/firebase-token", tag = "sign-in", operation_id = "firebase_token",
    responses(
        (status = 200, description = "A custom token of Firebase", body = TokenBody),
        (status = 404, description = "This installation has no Firebase"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
) -> ApiResult<Json<TokenBody>> {
    let firebase = app.firebase.as_ref().ok_or_else(|| ApiError::of(Problem::NoFirebase))?;
    let FirebaseToken { token, expires_in } = firebase.issue(caller)?;
    Ok(Json(TokenBody { firebase_token: token, expires_in }))
}
