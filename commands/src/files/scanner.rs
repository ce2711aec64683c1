//! The virus scanner: `clamd` and whatever speaks its protocol.
//!
//! `INSTREAM`: the file in chunks, each with its length before it, ended by an empty one; then one
//! line that says `stream: OK` or `stream: <what> FOUND` (clamd(8)).

use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::settings::ScannerAddress;

/// For connecting, and for each chunk to be taken.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Between the last chunk and the verdict: unpacking 2 GiB takes minutes.
const VERDICT_TIMEOUT: Duration = Duration::from_mins(10);

/// Bytes of a verdict that are read at most.
const VERDICT_MAX: u64 = 1_024;

/// What the scanner says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Clean,
    /// The name of what was found.
    Infected(String),
}

/// Why there is no verdict.
#[derive(Debug, Error)]
pub(crate) enum ScanError {
    #[error("the scanner is out of reach")]
    Unreachable(#[source] std::io::Error),
    #[error("the scanner did not answer in time")]
    TimedOut,
    /// Its own words: `INSTREAM size limit exceeded. ERROR` when `StreamMaxLength` is too small.
    #[error("the scanner answered `{0}`")]
    Refused(String),
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// One file on its way through the scanner.
pub(crate) struct Scan {
    connection: Box<dyn Connection>,
}

impl Scan {
    /// Connects, and says that a file is coming.
    pub(crate) async fn begin(address: &ScannerAddress) -> Result<Self, ScanError> {
        let connect = async {
            let connection: Box<dyn Connection> = match address {
                ScannerAddress::Tcp(address) => Box::new(TcpStream::connect(address).await?),
                ScannerAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
            };
            Ok(connection)
        };
        let mut connection = within(STEP_TIMEOUT, connect).await?;
        within(STEP_TIMEOUT, connection.write_all(b"zINSTREAM\0")).await?;
        Ok(Self { connection })
    }

    /// The next bytes of the file.
    pub(crate) async fn feed(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let Ok(length) = u32::try_from(bytes.len()) else {
            return Err(ScanError::Refused("chunk of 4 GiB".to_owned()));
        };
        if length == 0 {
            return Ok(()); // it would end the file
        }
        let fed = within(STEP_TIMEOUT, async {
            self.connection.write_all(&length.to_be_bytes()).await?;
            self.connection.write_all(bytes).await
        });
        match fed.await {
            // It hangs up on what is too long, and has said so before.
            Err(ScanError::Unreachable(error)) => Err(self.last_words(error).await),
            other => other,
        }
    }

    /// What the scanner says about all of it.
    pub(crate) async fn verdict(mut self) -> Result<Verdict, ScanError> {
        within(STEP_TIMEOUT, self.connection.write_all(&[0; 4])).await?;
        verdict(&self.answer().await?)
    }

    async fn last_words(&mut self, error: std::io::Error) -> ScanError {
        match self.answer().await {
            Ok(answer) if !answer.is_empty() => ScanError::Refused(answer),
            _ => ScanError::Unreachable(error),
        }
    }

    async fn answer(&mut self) -> Result<String, ScanError> {
        let mut answer = Vec::new();
        let mut limited = (&mut self.connection).take(VERDICT_MAX);
        within(VERDICT_TIMEOUT, limited.read_to_end(&mut answer)).await?;
        let answer = String::from_utf8_lossy(&answer);
        Ok(answer.trim_end_matches('\0').trim().to_owned())
    }
}

fn verdict(answer: &str) -> Result<Verdict, ScanError> {
    match answer.strip_prefix("stream: ") {
        Some("OK") => Ok(Verdict::Clean),
        Some(found) if found.ends_with(" FOUND") => {
            Ok(Verdict::Infected(found.trim_end_matches(" FOUND").to_owned()))
        }
        _ => Err(ScanError::Refused(answer.to_owned())),
    }
}

async fn within<T>(
    limit: Duration,
    step: impl Future<Output = std::io::Result<T>>,
) -> Result<T, ScanError> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(ScanError::Unreachable),
        Err(_) => Err(ScanError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_answers_are_a_verdict() {
        assert_eq!(verdict("stream: OK").unwrap(), Verdict::Clean);
        let found = Verdict::Infected("Eicar-Test-Signature".to_owned());
        assert_eq!(verdict("stream: Eicar-Test-Signature FOUND").unwrap(), found);
        for other in ["", "INSTREAM size limit exceeded. ERROR", "stream: ERROR", "OK"] {
            assert!(matches!(verdict(other), Err(ScanError::Refused(_))), "{other}");
        }
    }
}
