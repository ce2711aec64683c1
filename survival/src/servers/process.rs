//! A process that is ours to kill.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a process may take to end once it was told to.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// What a process can be told.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// Ends it at once, whatever it does.
    Kill,
    /// Asks it to end.
    Terminate,
    Interrupt,
    Quit,
    /// Holds it where it is.
    Stop,
    Continue,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// A child process that does not outlive this value. Until it is waited for, its number is its own.
pub(super) struct Process {
    child: Child,
    /// How it is ended when it is dropped.
    last: Signal,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, and appends what it says to `log`.
    pub(super) fn start(command: &mut Command, last: Signal, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("a log file");
        let err = out.try_clone().expect("the log file, twice");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { child, last, log: log.to_owned() }
    }

    pub(super) fn signal(&self, signal: Signal) {
        // The shell's own `kill`: a bare system has no other, and the standard library none.
        let sent = Command::new("sh")
            .args(["-c", r#"kill -s "$0" "$1""#, signal.name(), &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|it| it.success()), "{} is gone already", self.child.id());
    }

    /// Sends `signal` and waits for the end.
    pub(super) async fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                return status;
            }
            assert!(begun.elapsed() < END_TIMEOUT, "{} does not end: see its log", self.child.id());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Fails with its last words when it has ended by itself.
    pub(super) fn assert_runs(&mut self) {
        let ended = self.child.try_wait().expect("the process is ours");
        assert!(ended.is_none(), "it ended ({ended:?}) and said: {}", last_words(&self.log));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::Continue);
        self.signal(self.last);
        drop(self.child.wait());
    }
}

/// The end of a log file.
pub(crate) fn last_words(log: &Path) -> String {
    const LINES: usize = 40;
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
