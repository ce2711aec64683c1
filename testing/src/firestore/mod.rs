//! Firestore, for one test: two emulators, and a double.
//!
//! The first emulator comes from npm, so that any machine can have it. It knows what apps do and no
//! more: it takes no notice of `update_time`, of where a page begins and of rules, and writes half of
//! what it refuses; and it listens on every interface. The second is Google's own, in Java. No registry
//! that tests may use has it, so it is used where it is.

mod double;

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

pub use double::FirestoreDouble;
pub use firestore::gcloud_sdk::google::firestore::v1::Value as FirestoreValue;
pub use firestore::gcloud_sdk::google::firestore::v1::value::ValueType as FirestoreValueType;
pub use firestore::gcloud_sdk::tonic::Code as FirestoreCode;

/// How long one may take to answer: Java takes its time.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The program of the second.
const GOOGLE: &str = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";

/// The program of the first: the package's own server, on a port.
const SERVE: &str = "const { FirestoreServer } = require(process.argv[1]);
    new FirestoreServer().start(Number(process.argv[2]));";

/// An emulator on a port of its own, empty. It dies with the test.
pub struct FirestoreEmulator {
    port: u16,
    _rules: Option<TempDir>,
    _process: Child,
}

impl FirestoreEmulator {
    /// Starts the package `@firestore-emulator/server`.
    ///
    /// # Panics
    ///
    /// When `PARLANCE_TEST_FIRESTORE` is missing, or does not start.
    pub async fn start() -> Self {
        let port = crate::free_port();
        let mut command = Command::new("node");
        command.args(["-e", SERVE, &crate::variable("PARLANCE_TEST_FIRESTORE"), &port.to_string()]);
        Self::run(command, port, None).await
    }

    /// Starts Google's, which evaluates `rules`, from its jar. Nothing, where there is none: then
    /// `PARLANCE_TEST_FIRESTORE_GOOGLE` is empty.
    ///
    /// # Panics
    ///
    /// When `PARLANCE_TEST_FIRESTORE_GOOGLE` is missing, or does not start.
    pub async fn start_google(rules: &str) -> Option<Self> {
        let jar = crate::variable("PARLANCE_TEST_FIRESTORE_GOOGLE");
        if jar.is_empty() {
            return None;
        }
        let (port, folder) = (crate::free_port(), TempDir::new().expect("a folder"));
        let file = folder.path().join("firestore.rules");
        std::fs::write(&file, rules).expect("the rules are written");
        let mut command = Command::new("java");
        // Its errors are compared in English alone.
        command.args(["-Duser.language=en", "-cp", &jar, GOOGLE, "--host=127.0.0.1"]);
        command.arg(format!("--port={port}"));
        command.arg(format!("--rules={}", file.display())).current_dir(folder.path());
        Some(Self::run(command, port, Some(folder)).await)
    }

    async fn run(mut command: Command, port: u16, rules: Option<TempDir>) -> Self {
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the emulator starts");
        crate::until_it_answers(port, START_TIMEOUT).await;
        Self { port, _rules: rules, _process: process }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
