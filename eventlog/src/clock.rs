//! Time and ids, as inputs: tests fix them, production reads the machine.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        Self(Arc::new(Utc::now))
    }

    /// A clock that says what `tell` says.
    pub fn from_fn(tell: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time, in whole microseconds: PostgreSQL keeps no more.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(6)
    }
}

/// Makes ids.
#[derive(Clone)]
pub struct Ids(Arc<dyn Fn() -> Uuid + Send + Sync>);

impl Ids {
    /// UUIDs of version 7, which grow with time (RFC 9562, section 5.7).
    #[must_use]
    pub fn random() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
        Self(Arc::new(Uuid::now_v7))
    }

    /// Ids that `make` makes.
    pub fn from_fn(make: impl Fn() -> Uuid + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// The next id.
    #[must_use]
    pub fn next(&self) -> Uuid {
        (self.0)()
    }

    /// A draw from `[0, 1)`, in steps of 1/256: the last byte of the next id. For jitter.
    #[must_use]
    pub fn draw(&self) -> f64 {
        let [.., last] = self.next().into_bytes();
        f64::from(last) / 256.0
    }
}
