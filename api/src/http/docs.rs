//! `/docs`: the API's document to browse. One page that loads nothing but `/openapi.json`.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

const STYLE: &str = include_str!("docs/page.css");
const SCRIPT: &str = include_str!("docs/page.js");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let page = include_str!("docs/page.html");
    page.replace("/* style */", STYLE).replace("/* script */", SCRIPT)
});

/// Exactly this style and this script run, and nothing else does.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

fn hash(text: &str) -> String {
    BASE64.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

pub(crate) fn router() -> Router {
    Router::new().route("/docs", get(docs))
}

async fn docs() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY.as_str())], Html(PAGE.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_what_the_policy_allows_and_loads_nothing() {
        assert!(PAGE.contains(&format!("<style>{STYLE}</style>")));
        assert!(PAGE.contains(&format!("<script>{SCRIPT}</script>")));
        for loading in ["http://", "https://", "src=", "<link", "@import", "url("] {
            assert!(!PAGE.contains(loading), "{loading}");
        }
    }
}
