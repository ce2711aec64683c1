//! The real programs, each a process of its own on a free port of the loopback interface.

mod nats;
mod parlance;
mod postgres;
mod process;
mod proxy;

pub use nats::Nats;
pub(crate) use parlance::run;
pub use parlance::{Parlance, Settings};
pub use postgres::{Postgres, Stop};
pub use process::Signal;
pub(crate) use process::last_words;
pub use proxy::Proxy;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux gives to outgoing connections (`ip_local_port_range`): a client that
/// knocks at a dead server's port must not be given that very port to knock from.
const PORT_MIN: u16 = 17_000;
const PORTS: u16 = 13_000;

/// A port that nobody listens on.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap_or_default();
    (0..PORTS)
        .map(|_| PORT_MIN + (start + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// A setting of the test run.
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test`"))
}

/// A folder of `variable`, with a program in it.
fn program(name: &str, program: &str) -> PathBuf {
    let path = PathBuf::from(variable(name)).join(program);
    assert!(path.is_file(), "{name} has no {program}: {} is missing", path.display());
    path
}
