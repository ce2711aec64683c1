//! A service account of Google's that Google has never heard of.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// Its key file, and its public key as PEM: what signatures are verified with.
pub struct ServiceAccount {
    pub key_file: String,
    pub public_key: String,
}

/// One for all tests of a program: an RSA key takes its time.
///
/// # Panics
///
/// When no key can be made.
pub static SERVICE_ACCOUNT: LazyLock<ServiceAccount> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("its private half");
    let public = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key())
        .expect("its public half");
    let email = "mirror@test.iam.gserviceaccount.com";
    let key_file = json!({
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "0123456789abcdef",
        "private_key": pem("PRIVATE KEY", private.as_ref()),
        "client_email": email,
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    ServiceAccount {
        key_file: key_file.to_string(),
        public_key: pem("PUBLIC KEY", public.as_ref()),
    }
});

fn pem(what: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}
