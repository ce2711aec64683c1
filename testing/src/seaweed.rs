//! An S3 server that is none of ours, for one test.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::variable;

/// How long it may take to answer: four servers in one, which look for each other.
const START_TIMEOUT: Duration = Duration::from_mins(1);

const ACCESS_KEY_ID: &str = "parlance";
const SECRET_ACCESS_KEY: &str = "not much of a secret";
const BUCKET: &str = "files";

/// The ports that its parts listen on.
const PORTS: [&str; 8] = [
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
];

/// A server with an empty bucket. It dies with the test.
pub struct SeaweedFs {
    port: u16,
    _store: TempDir,
    _process: Child,
}

impl SeaweedFs {
    /// Starts it, and makes the bucket.
    ///
    /// # Panics
    ///
    /// When `PARLANCE_TEST_WEED` is missing or does not start.
    pub async fn start() -> Self {
        let store = TempDir::new().expect("a folder");
        let ports = free_ports();
        let users = store.path().join("users.json");
        let keys =
            format!(r#"{{"accessKey":"{ACCESS_KEY_ID}","secretKey":"{SECRET_ACCESS_KEY}"}}"#);
        let admin = format!(
            r#"{{"identities":[{{"name":"test","credentials":[{keys}],"actions":["Admin"]}}]}}"#
        );
        std::fs::write(&users, admin).expect("users are written");
        let process = Command::new(variable("PARLANCE_TEST_WEED"))
            .args(["server", "-s3", "-filer", "-ip=127.0.0.1"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args(["-master.volumeSizeLimitMB=64", "-volume.max=50"])
            .arg(format!("-dir={}", store.path().display()))
            .arg(format!("-s3.config={}", users.display()))
            .args(ports.iter().map(|(name, port)| format!("-{name}={port}")))
            .current_dir(store.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("PARLANCE_TEST_WEED is SeaweedFS");
        let server = Self { port: ports["s3.port"], _store: store, _process: process };
        let up = async {
            while !server.make_bucket().await {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(START_TIMEOUT, up).await.expect("the server answers");
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub const fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// Id and secret of somebody who may do everything.
    #[must_use]
    pub const fn credentials(&self) -> (&'static str, &'static str) {
        (ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    }

    /// By curl, which knows how to sign.
    async fn make_bucket(&self) -> bool {
        let made = Command::new("curl")
            .args(["--silent", "--fail", "--max-time", "5", "--request", "PUT"])
            .args(["--aws-sigv4", "aws:amz:us-east-1:s3"])
            .arg("--user")
            .arg(format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"))
            .arg(format!("{}/{BUCKET}", self.endpoint()))
            .stdout(Stdio::null())
            .status();
        made.await.expect("curl is there").success()
    }
}

fn free_ports() -> BTreeMap<&'static str, u16> {
    // All are held until the last is found: no number comes twice.
    let held = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let ports = held.iter().map(|it| it.local_addr().expect("an address").port());
    PORTS.into_iter().zip(ports).collect()
}
