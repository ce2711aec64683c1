//! How fast, and how long to wait.

use std::time::Duration;

use tokio::time::Instant;

/// Writes a second to begin with, and how they may grow: Firestore splits what it stores by load, and
/// asks for 500 a second, and half as many again every five minutes ("500/50/5").
const RATE_MIN: f64 = 500.0;
const GROWTH: f64 = 1.5;
const GROWTH_AFTER: Duration = Duration::from_mins(5);

/// Far above what one log records.
const RATE_MAX: f64 = 10_000.0;

/// Room that was not used is kept this long: what comes at once is written at once.
const BURST: Duration = Duration::from_millis(200);

/// How many writes may begin.
pub(super) struct Ramp {
    since: Instant,
    at: Instant,
    room: f64,
}

impl Ramp {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, at: now, room: RATE_MIN * BURST.as_secs_f64() }
    }

    /// How many writes may begin now.
    pub(super) fn room(&mut self, now: Instant) -> usize {
        let rate = rate(now - self.since);
        let grown = self.room + rate * (now - self.at).as_secs_f64();
        (self.room, self.at) = (grown.min(rate * BURST.as_secs_f64()), now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 2,000"
        )]
        let whole = self.room.max(0.0) as usize;
        whole
    }

    /// So many have begun.
    pub(super) fn take(&mut self, writes: usize) {
        self.room -= writes as f64;
    }
}

fn rate(age: Duration) -> f64 {
    let steps = age.as_secs() / GROWTH_AFTER.as_secs();
    let steps = i32::try_from(steps).unwrap_or(i32::MAX);
    (RATE_MIN * GROWTH.powi(steps)).min(RATE_MAX)
}

/// How often a document is tried, with some 30 to 60 minutes of waiting in between.
pub(super) const ATTEMPTS_MAX: i32 = 16;

const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(10);

/// How long a document waits after `failures` failures, from 1. Between half and all of
/// `min(10 min, 1 s × 2^(failures − 1))`, by `draw` from `[0, 1)`: what failed together comes back
/// apart.
pub(super) fn wait(failures: i32, draw: f64) -> Duration {
    let doublings = 2_u32.saturating_pow(failures.saturating_sub(1).unsigned_abs());
    WAIT_MIN.saturating_mul(doublings).min(WAIT_MAX).mul_f64(0.5 + draw / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_grows_by_half_every_five_minutes_up_to_its_bound() {
        let at = |minutes| format!("{}", rate(Duration::from_mins(minutes)));
        assert_eq!([0, 4, 5, 10].map(at), ["500", "500", "750", "1125"]);
        assert_eq!(at(60 * 24 * 365), "10000");
    }

    #[test]
    fn what_was_not_used_is_kept_for_a_moment_only() {
        let start = Instant::now();
        let mut ramp = Ramp::new(start);
        assert_eq!(ramp.room(start), 100);
        ramp.take(100);
        assert_eq!(ramp.room(start), 0);
        assert_eq!(ramp.room(start + Duration::from_millis(100)), 50);
        assert_eq!(ramp.room(start + Duration::from_secs(10)), 100);
    }

    #[test]
    fn a_wait_doubles_up_to_its_bound() {
        assert_eq!(wait(1, 0.0), Duration::from_millis(500));
        assert_eq!(wait(3, 0.0), Duration::from_secs(2));
        assert_eq!(wait(40, 0.0), Duration::from_mins(5));
        assert!(wait(40, 0.999) <= WAIT_MAX);
    }
}
