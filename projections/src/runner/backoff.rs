use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The longest a first wait can be.
const WAIT_MIN: Duration = Duration::from_millis(100);

/// The longest any wait can be: a database that comes back is noticed within this.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a projector waits before it tries again.
///
/// `attempt` counts from 0, `jitter` is a uniform draw from `[0, 1)`. The wait is
/// `jitter × min(30 s, 100 ms × 2^attempt)`. The whole range is drawn from ("full jitter") because
/// projectors that failed together would otherwise come back together: M. Brooker, *Exponential
/// Backoff And Jitter*, AWS Architecture Blog, 2015.
pub(crate) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let doublings = 2_u32.saturating_pow(attempt);
    WAIT_MIN.saturating_mul(doublings).min(WAIT_MAX).mul_f64(jitter)
}

/// A draw from `[0, 1)`: the standard library's hasher keys are random, and that is random enough
/// for a wait.
pub(crate) fn jitter() -> f64 {
    let draw = RandomState::new().build_hasher().finish();
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_its_bound() {
        assert_eq!(backoff(0, 0.5), Duration::from_millis(50));
        assert_eq!(backoff(2, 0.5), Duration::from_millis(200));
        assert_eq!(backoff(40, 0.5), Duration::from_secs(15));
    }

    #[test]
    fn a_draw_is_below_one() {
        assert!((0..1_000).map(|_| jitter()).all(|it| (0.0..1.0).contains(&it)));
    }
}
