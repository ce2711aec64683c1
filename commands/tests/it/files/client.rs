//! Other people's programs.

use std::path::Path;

use commands::{Link, Ticket};
use serde_json::Value;
use testing::variable;
use tokio::process::Command;

/// How to reach a storage with boto3.
pub(crate) struct Access {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) credentials: (String, String),
}

/// What curl was answered.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Sends `file` with the request of `ticket`, as curl does it.
pub(crate) async fn send(ticket: &Ticket, file: &Path) -> Sent {
    let mut curl = Command::new("curl");
    curl.args(["--request", ticket.method, "--upload-file"]).arg(file);
    for (name, value) in ticket.headers.iter().filter(|(name, _)| name != "content-length") {
        curl.arg("--header").arg(format!("{name}: {value}"));
    }
    run(curl, &ticket.url).await
}

/// Fetches what `link` leads to.
pub(crate) async fn fetch(link: &Link) -> Sent {
    run(Command::new("curl"), &link.url).await
}

async fn run(mut curl: Command, url: &str) -> Sent {
    let output = curl.args(["--silent", "--show-error", "--include", "--max-time", "60"]);
    let output = output.args(["--header", "Expect:"]).arg(url).output().await.expect("curl runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || !output.stdout.is_empty(), "{said}");
    let end = output.stdout.windows(4).position(|it| it == b"\r\n\r\n").expect("a head");
    let (head, body) = output.stdout.split_at(end);
    let head = String::from_utf8_lossy(head).into_owned();
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
    Sent { status, head, body: body[4..].to_vec() }
}

impl Sent {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value.trim_end())
        })
    }
}

/// Runs a few lines of Python that call `s3`, a client of boto3, and print JSON.
pub(crate) async fn boto3(access: &Access, lines: &str) -> Value {
    let (id, secret) = &access.credentials;
    let script = format!(
        "import boto3, json, sys\n\
         from botocore.config import Config\n\
         from botocore.exceptions import ClientError\n\
         bucket = {:?}\n\
         s3 = boto3.client('s3', endpoint_url={:?}, aws_access_key_id={id:?},\n\
         \x20   aws_secret_access_key={secret:?}, region_name='us-east-1',\n\
         \x20   config=Config(s3={{'addressing_style': 'path'}}))\n{lines}\n",
        access.bucket, access.endpoint
    );
    let output = Command::new(variable("PARLANCE_TEST_PYTHON")).arg("-c").arg(&script).output();
    let output = output.await.expect("PARLANCE_TEST_PYTHON is a Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}
