//! What the environment may say, and what is said about the rest.

use projections::firestore::Access;

use super::*;

const URL: (&str, &str) = ("DATABASE_URL", "postgres://owner@localhost/parlance");
const KEY: (&str, &str) = ("PARLANCE_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
const ZEROES: (&str, &str) =
    ("PARLANCE_MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
const PRODUCTION: (&str, &str) = ("PARLANCE_ENV", "production");
const HTTPS: (&str, &str) = ("PARLANCE_ISSUER", "https://chat.example.org");

fn serve(settings: &[(&str, &str)]) -> Result<ServeSettings, String> {
    let read = |name: &str| {
        let found = settings.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Environment::new(&read).serve().map_err(|it| it.to_string())
}

#[test]
fn two_settings_are_enough_for_development() {
    let settings = serve(&[URL, KEY]).unwrap();

    assert_eq!(settings.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.issuer, "http://127.0.0.1:8080");
    assert_eq!(settings.database.connections, 10);
    assert!(settings.nats_url.is_none());
    assert_eq!(settings.limits, Limits { text_max: 10_000, burst: 60, interval_ms: 1_000 });
}

#[test]
fn an_error_names_the_variable() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[KEY], "DATABASE_URL is not set"),
        (&[URL], "PARLANCE_MASTER_KEY is not set"),
        (&[URL, ("PARLANCE_MASTER_KEY", "")], "PARLANCE_MASTER_KEY is not set"),
        (&[("DATABASE_URL", "mysql://x"), KEY], "DATABASE_URL must begin"),
        (&[URL, ("PARLANCE_MASTER_KEY", "c2hvcnQ=")], "PARLANCE_MASTER_KEY must be 32 bytes"),
        (&[URL, KEY, ("PARLANCE_ADDR", "8080")], "PARLANCE_ADDR must be"),
        (&[URL, KEY, ("NATS_URL", "localhost")], "NATS_URL must begin"),
        (&[URL, KEY, ("DATABASE_CONNECTIONS", "0")], "DATABASE_CONNECTIONS must be"),
        (&[URL, KEY, ("PARLANCE_ENV", "prod")], "PARLANCE_ENV must be"),
        (&[URL, KEY, ("PARLANCE_FILE_MAX", "3GB")], "PARLANCE_FILE_MAX must be a number"),
        (&[URL, KEY, ("CLAMAV_ADDR", "clamav")], "CLAMAV_ADDR must be host:port"),
        (&[URL, KEY, ("S3_ENDPOINT", "http://s3")], "S3_BUCKET is not set, but S3_ENDPOINT is"),
        (&[URL, KEY, ("S3_BUCKET", "files")], "S3_ACCESS_KEY_ID is not set"),
        (
            &[URL, KEY, ("S3_BUCKET", "files"), ("S3_ENDPOINT", "s3:8333")],
            "S3_ENDPOINT must begin with http",
        ),
        (&[URL, KEY, ("FCM_PROJECT_ID", "p")], "FCM_CREDENTIALS is not set, but FCM_PROJECT_ID is"),
        (
            &[URL, KEY, ("FCM_CREDENTIALS", "key.json"), ("FCM_ENDPOINT", "fcm")],
            "FCM_ENDPOINT must begin with http",
        ),
        (
            &[
                URL,
                KEY,
                PRODUCTION,
                HTTPS,
                ("FCM_CREDENTIALS", "key.json"),
                ("FCM_ENDPOINT", "https://fcm.example"),
            ],
            "FCM_ENDPOINT is for tests",
        ),
        (&[URL, KEY, ("WEB_PUSH_CONTACT", "me@example.org")], "WEB_PUSH_CONTACT must begin"),
        (&[URL, KEY, ("WEB_PUSH_HOSTS", "push.example,,")], "WEB_PUSH_HOSTS must be hosts"),
        (
            &[URL, KEY, PRODUCTION, HTTPS, ("WEB_PUSH_HOSTS", "http://127.0.0.1:9")],
            "WEB_PUSH_HOSTS must be hosts",
        ),
        (&[URL, KEY, ("PARLANCE_TEXT_MAX", "10001")], "PARLANCE_TEXT_MAX must be a number"),
        (&[URL, KEY, ("PARLANCE_MESSAGE_BURST", "0")], "PARLANCE_MESSAGE_BURST must be"),
        (
            &[URL, KEY, ("PARLANCE_MESSAGE_INTERVAL_MS", "1s")],
            "PARLANCE_MESSAGE_INTERVAL_MS must be a number from 0 to 60000",
        ),
    ];
    for (settings, expected) in cases {
        let error = serve(settings).err().unwrap();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn files_are_in_a_folder_until_a_bucket_is_set() {
    let StorageSettings::Embedded(folder) = serve(&[URL, KEY]).unwrap().files.storage else {
        panic!("no bucket is set");
    };
    assert_eq!((folder.folder.to_str(), folder.port), (Some("var/files"), 0));

    let bucket = ("S3_BUCKET", "files");
    let (id, secret) = (("S3_ACCESS_KEY_ID", "me"), ("S3_SECRET_ACCESS_KEY", "hush"));
    let files = serve(&[URL, KEY, bucket, id, secret]).unwrap().files;
    assert!(!format!("{files:?}").contains("hush"));
    let StorageSettings::S3(s3) = files.storage else { panic!("a bucket is set") };
    assert_eq!((s3.bucket.as_str(), s3.region.as_str(), s3.endpoint), ("files", "us-east-1", None));
}

#[test]
fn a_scanner_is_reached_in_two_ways() {
    let scanner = |address| serve(&[URL, KEY, ("CLAMAV_ADDR", address)]).unwrap().files.scanner;
    assert_eq!(scanner("clamav:3310"), Some(ScannerAddress::Tcp("clamav:3310".to_owned())));
    let socket = ScannerAddress::Unix("/run/clamd.sock".into());
    assert_eq!(scanner("unix:/run/clamd.sock"), Some(socket));
}

#[test]
fn production_takes_nothing_for_granted() {
    assert!(serve(&[URL, KEY, PRODUCTION, HTTPS]).is_ok());

    let weak = serve(&[URL, ZEROES, PRODUCTION, HTTPS]).err().unwrap();
    assert!(weak.starts_with("PARLANCE_MASTER_KEY does not look random"), "{weak}");
    let issuer = serve(&[URL, KEY, PRODUCTION]).err().unwrap();
    assert!(issuer.starts_with("PARLANCE_ISSUER must be an https://"), "{issuer}");
}

#[test]
fn secrets_are_not_printed() {
    let settings = serve(&[URL, KEY]).unwrap();

    assert!(!format!("{:?}", settings.database).contains("owner"));
}

const PROJECT: (&str, &str) = ("FIRESTORE_PROJECT_ID", "chat-4711");
const EMULATOR: (&str, &str) = ("FIRESTORE_EMULATOR_HOST", "127.0.0.1:8681");
const CREDENTIALS: &str = "FIRESTORE_CREDENTIALS";

/// A file that holds `text`.
fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}

#[test]
fn nothing_is_mirrored_until_a_project_is_set() {
    assert!(serve(&[URL, KEY]).unwrap().firestore.is_none());

    let emulated = serve(&[URL, KEY, PROJECT, EMULATOR]).unwrap().firestore.unwrap();
    assert_eq!(emulated.mirror.project_id, "chat-4711");
    assert_eq!(emulated.mirror.database_id, "(default)");
    assert!(matches!(emulated.mirror.access, Access::Emulator { host } if host == EMULATOR.1));
    assert!(emulated.key_file.is_none());

    let given = [URL, KEY, PROJECT, (CREDENTIALS, "application-default"), PRODUCTION, HTTPS];
    let given = serve(&given).unwrap().firestore.unwrap();
    assert!(matches!(given.mirror.access, Access::ApplicationDefault));
}

#[test]
fn a_service_account_writes_the_mirror_and_signs_tokens() {
    let (_file, path) = file(&testing::SERVICE_ACCOUNT.key_file);
    let settings = [URL, KEY, PROJECT, (CREDENTIALS, path.as_str()), PRODUCTION, HTTPS];
    let firestore = serve(&settings).unwrap().firestore.unwrap();
    assert!(matches!(firestore.mirror.access, Access::ServiceAccount { .. }));
    assert!(firestore.key_file.is_some());
    assert!(!format!("{firestore:?}").contains("PRIVATE KEY"));

    // With both, the emulator is written, and tokens are signed.
    let firestore = serve(&[&settings[..4], &[EMULATOR]].concat()).unwrap().firestore.unwrap();
    assert!(matches!(firestore.mirror.access, Access::Emulator { .. }));
    assert!(firestore.key_file.is_some());
}

#[test]
fn what_is_wrong_with_the_mirror_is_named() {
    let (_empty, empty) = file("{}");
    let user = r#"{"type": "authorized_user", "client_email": "", "private_key_id": "",
                   "private_key": ""}"#;
    let (_user, user) = file(user);
    let (_no_key, no_key) = file(&broken_key());
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[EMULATOR], "FIRESTORE_PROJECT_ID is not set, but FIRESTORE_EMULATOR_HOST is"),
        (&[("FIRESTORE_DATABASE", "chat")], "FIRESTORE_PROJECT_ID is not set, but FIRESTORE_DATA"),
        (&[("FIRESTORE_PROJECT_ID", "a/b"), EMULATOR], "FIRESTORE_PROJECT_ID must be the id"),
        (&[PROJECT, EMULATOR, ("FIRESTORE_DATABASE", "a/b")], "FIRESTORE_DATABASE must be the id"),
        (&[PROJECT], "FIRESTORE_CREDENTIALS is not set: a key file, or application-default"),
        (
            &[PROJECT, ("FIRESTORE_EMULATOR_HOST", "http://here")],
            "FIRESTORE_EMULATOR_HOST must be host:port",
        ),
        (
            &[PROJECT, EMULATOR, PRODUCTION, HTTPS],
            "FIRESTORE_EMULATOR_HOST must not be set when PARLANCE_ENV is production",
        ),
        (
            &[PROJECT, (CREDENTIALS, "/nowhere")],
            "FIRESTORE_CREDENTIALS is a file that cannot be read",
        ),
        (&[PROJECT, (CREDENTIALS, &empty)], "FIRESTORE_CREDENTIALS is a file that is no JSON with"),
        (
            &[PROJECT, (CREDENTIALS, &user)],
            "FIRESTORE_CREDENTIALS is a file that is not of type service_account",
        ),
        (
            &[PROJECT, (CREDENTIALS, &no_key)],
            "FIRESTORE_CREDENTIALS is a file that has a private_key that is no RSA key",
        ),
    ];
    for (settings, expected) in cases {
        let error = serve(&[&[URL, KEY], *settings].concat()).err().unwrap();
        assert!(error.starts_with(expected), "{error}");
    }
}

/// A key file whose key is none.
fn broken_key() -> String {
    let mut file: serde_json::Value =
        serde_json::from_str(&testing::SERVICE_ACCOUNT.key_file).unwrap();
    file["private_key"] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".into();
    file.to_string()
}
