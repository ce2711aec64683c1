//! `/v1/auth`: signing in and out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::{Context, Registration};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::App;
use super::consistency::At;
use super::error::ApiResult;
use super::extract::Json;
use super::middleware::RequestId;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    #[schema(
        max_length = 254,
        pattern = r"^[^\s@\u0000-\u001f\u007f-\u009f]{1,64}@([A-Za-z0-9]+(-+[A-Za-z0-9]+)*\.)+[A-Za-z0-9]+(-+[A-Za-z0-9]+)*$",
        examples("ada@example.org")
    )]
    email: String,
    /// At least five different characters.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256)]
    password: SecretString,
    /// Capitals become small letters.
    #[schema(pattern = "^[A-Za-z0-9_.]{3,30}$", examples("ada"))]
    username: String,
    /// Without control characters, and not of spaces alone.
    #[schema(
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        max_length = 50,
        examples("Ada Lovelace")
    )]
    display_name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshToken {
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SignedIn {
    account_id: Uuid,
    username: String,
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: u64,
    /// For one use. The next one comes with the answer.
    refresh_token: String,
}

impl From<commands::SignedIn> for SignedIn {
    fn from(it: commands::SignedIn) -> Self {
        Self {
            account_id: it.account_id.0,
            username: it.username,
            access_token: it.access_token,
            token_type: "Bearer",
            expires_in: it.expires_in,
            refresh_token: it.refresh_token,
        }
    }
}

fn answer(signed_in: commands::SignedIn) -> impl IntoResponse {
    (At(signed_in.position), axum::Json(SignedIn::from(signed_in)))
}

/// Registers an account with e-mail and password, and signs it in.
#[utoipa::path(
    post, path = "/v1/auth/email/register", tag = "sign-in", operation_id = "register",
    request_body = Register,
    responses(
        (status = 201, description = "Registered", body = SignedIn),
        (status = 409, description = "The e-mail address or the username is taken"),
    ),
)]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Json(body): Json<Register>,
) -> ApiResult<impl IntoResponse> {
    let registration = Registration {
        email: body.email,
        password: body.password,
        username: body.username,
        display_name: body.display_name,
    };
    let context = Context { request_id, ..Context::default() };
    let signed_in = app.sign_in.register(registration, &context).await?;
    Ok((StatusCode::CREATED, answer(signed_in)))
}

/// Signs in with e-mail and password.
#[utoipa::path(
    post, path = "/v1/auth/email/login", tag = "sign-in", operation_id = "login",
    request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = SignedIn),
        (status = 401, description = "E-mail address or password is wrong"),
    ),
)]
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    Json(body): Json<Login>,
) -> ApiResult<impl IntoResponse> {
    let signed_in = app.sign_in.login(&body.email, body.password).await?;
    Ok(answer(signed_in))
}

/// Exchanges a refresh token for the next one and a new access token.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "sign-in", operation_id = "refresh",
    request_body = RefreshToken,
    responses(
        (status = 200, description = "Still signed in", body = SignedIn),
        (status = 401, description = "The refresh token is not valid, or was used before"),
    ),
)]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    Json(body): Json<RefreshToken>,
) -> ApiResult<impl IntoResponse> {
    let signed_in = app.sign_in.refresh(body.refresh_token.expose_secret()).await?;
    Ok(answer(signed_in))
}

/// Ends the session of a refresh token, and its access tokens with it.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "sign-in", operation_id = "logout",
    request_body = RefreshToken,
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "The refresh token is not valid"),
    ),
)]
pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    Json(body): Json<RefreshToken>,
) -> ApiResult<StatusCode> {
    app.sign_in.logout(body.refresh_token.expose_secret()).await?;
    Ok(StatusCode::NO_CONTENT)
}
