//! Google's server of access tokens (developers.google.com/identity/protocols/oauth2/service-account).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::json;

use super::{Behaviour, PROJECT, State, json as json_reply, reply, retry_after};

pub(super) const PATH: &str = "/token";

const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/firebase.messaging",
    "https://www.googleapis.com/auth/cloud-platform",
];
/// What Google's own client names as the audience, whatever the key file says.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

const EMAIL: &str = "sender@parlance-test.iam.gserviceaccount.com";
const KEY_ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// A service account, made for one test.
pub(crate) struct Account {
    token_uri: String,
    pem: String,
    public: DecodingKey,
}

#[derive(Deserialize)]
struct Assertion {
    iss: String,
    scope: String,
    iat: i64,
    exp: i64,
}

impl Account {
    pub(super) fn generate(url: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let private = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).expect("it encodes");
        let base64 = BASE64.encode(private.as_ref());
        let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy);
        let body = lines.collect::<Vec<_>>().join("\n");
        Self {
            token_uri: format!("{url}{PATH}"),
            pem: format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"),
            public: DecodingKey::from_rsa_der(pair.public_key().as_ref()),
        }
    }

    /// As Google hands it out.
    pub(super) fn key_file(&self) -> String {
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": KEY_ID,
            "private_key": self.pem,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": self.token_uri,
        })
        .to_string()
    }

    fn is_ours(&self, assertion: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[&self.token_uri, GOOGLE]);
        validation.validate_exp = false; // a test's clock may be ahead
        let Ok(it) = jsonwebtoken::decode::<Assertion>(assertion, &self.public, &validation) else {
            return false;
        };
        let kid = it.header.kid.as_deref();
        let claims = it.claims;
        kid.is_none_or(|it| it == KEY_ID)
            && claims.iss == EMAIL
            && claims.scope.split(' ').any(|it| SCOPES.contains(&it))
            && (1..=3_600).contains(&(claims.exp - claims.iat))
    }
}

/// None: never.
pub(super) fn answer(
    state: &State,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Response<Full<Bytes>>> {
    let text = String::from_utf8_lossy(body);
    let field = |name: &str| {
        let fields = text.split('&').filter_map(|it| it.split_once('='));
        fields.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let grant = field("grant_type").map(|it| it.replace("%3A", ":"));
    let is_jwt = grant.as_deref() == Some("urn:ietf:params:oauth:grant-type:jwt-bearer");
    let assertion = field("assertion").unwrap_or_default();
    let behaviour = state.ask();
    if !is_form || !is_jwt || !state.account.is_ours(&assertion) {
        return Some(invalid_grant());
    }
    behave(state, behaviour)
}

fn behave(state: &State, behaviour: Behaviour) -> Option<Response<Full<Bytes>>> {
    let empty = |status| reply(status, Bytes::new());
    Some(match behaviour {
        Behaviour::Hang => return None,
        Behaviour::Accept => {
            let token = state.grant();
            let body =
                json!({ "access_token": token, "expires_in": 3_599, "token_type": "Bearer" });
            json_reply(StatusCode::OK, &body)
        }
        Behaviour::Quota(seconds) => retry_after(empty(StatusCode::TOO_MANY_REQUESTS), seconds),
        Behaviour::Unavailable(seconds) => {
            retry_after(empty(StatusCode::SERVICE_UNAVAILABLE), seconds)
        }
        Behaviour::Internal => empty(StatusCode::INTERNAL_SERVER_ERROR),
        Behaviour::Gone
        | Behaviour::Mismatch
        | Behaviour::Invalid
        | Behaviour::InvalidField
        | Behaviour::ThirdParty
        | Behaviour::Unauthenticated => invalid_grant(),
    })
}

fn invalid_grant() -> Response<Full<Bytes>> {
    let body = json!({ "error": "invalid_grant", "error_description": "Invalid JWT." });
    json_reply(StatusCode::BAD_REQUEST, &body)
}
