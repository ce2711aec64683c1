use std::time::Duration;

/// The wait after the first failure. It doubles with each one.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// The longest wait: what came back is noticed within this.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// How often work is tried, with 34 to 67 minutes of waiting in between.
pub(super) const ATTEMPTS_MAX: i32 = 16;

/// How long to wait after `failures` failures, from 1. Between half and all of
/// `min(10 min, 1 s × 2^(failures − 1))`, by `draw` from `[0, 1)`: what failed together comes back
/// apart.
pub(super) fn wait(failures: i32, draw: f64) -> Duration {
    let doublings = 2_u32.saturating_pow(failures.saturating_sub(1).unsigned_abs());
    let whole = WAIT_MIN.saturating_mul(doublings).min(WAIT_MAX);
    whole.mul_f64(0.5 + draw / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_its_bound() {
        assert_eq!(wait(1, 0.0), Duration::from_millis(500));
        assert_eq!(wait(3, 0.0), Duration::from_secs(2));
        assert_eq!(wait(40, 0.0), Duration::from_mins(5));
        assert!(wait(40, 255.0 / 256.0) <= WAIT_MAX);
    }
}
