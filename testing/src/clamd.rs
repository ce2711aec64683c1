//! The virus scanner, for one test: it knows one virus, the one that is none.

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long it may take to answer.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A `clamd` on a port of its own. It dies with the test.
pub struct Clamd {
    port: u16,
    _folder: TempDir,
    _process: Child,
}

impl Clamd {
    /// Bytes of a file that it takes at most.
    pub const STREAM_MAX: usize = 1 << 20;

    /// Starts it. Nothing, where none could be installed: then `PARLANCE_TEST_CLAMD` is empty.
    ///
    /// # Panics
    ///
    /// When `PARLANCE_TEST_CLAMD` is missing, or does not start.
    pub async fn start() -> Option<Self> {
        let program = crate::variable("PARLANCE_TEST_CLAMD");
        if program.is_empty() {
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        let port = crate::free_port();
        let (path, virus) = (folder.path(), Self::harmless_virus());
        let signature = virus.bytes().fold(String::new(), |hex, it| hex + &format!("{it:02x}"));
        let signatures = format!("Test.Virus:0:0:{signature}\n");
        std::fs::write(path.join("test.ndb"), signatures).expect("signatures are written");
        let configuration = format!(
            "TCPSocket {port}\nTCPAddr 127.0.0.1\nDatabaseDirectory {}\nForeground yes\n\
             StreamMaxLength {}\nTemporaryDirectory {}\n",
            path.display(),
            Self::STREAM_MAX,
            path.display()
        );
        let file = path.join("clamd.conf");
        std::fs::write(&file, configuration).expect("its configuration is written");
        let process = Command::new(program)
            .arg(format!("--config-file={}", file.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("PARLANCE_TEST_CLAMD is clamd");
        crate::until_it_answers(port, START_TIMEOUT).await;
        Some(Self { port, _folder: folder, _process: process })
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What every scanner takes for a virus (<https://www.eicar.org>), put together here so that
    /// none takes this file for one.
    #[must_use]
    pub fn harmless_virus() -> String {
        ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat()
    }
}
