use std::time::Duration;

use uuid::Uuid;

/// The wait after the first failure. It doubles with each one.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// The longest wait: what came back is noticed within this.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// How often work is tried: over some 80 minutes, so that a storage may be down for an hour.
pub(super) const ATTEMPTS_MAX: i32 = 16;

/// How long to wait after `failures` failures, from 1. Between half and all of
/// `min(10 min, 1 s × 2^(failures − 1))`, by `draw`: what failed together comes back apart.
pub(super) fn wait(failures: i32, draw: Uuid) -> Duration {
    let doublings = 2_u32.saturating_pow(failures.saturating_sub(1).unsigned_abs());
    let whole = WAIT_MIN.saturating_mul(doublings).min(WAIT_MAX);
    let part = f64::from((draw.as_u128() & 0xff) as u8) / 256.0;
    whole.mul_f64(0.5 + part / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_its_bound() {
        assert_eq!(wait(1, Uuid::nil()), Duration::from_millis(500));
        assert_eq!(wait(3, Uuid::nil()), Duration::from_secs(2));
        assert_eq!(wait(40, Uuid::nil()), Duration::from_mins(5));
        assert!(wait(40, Uuid::max()) <= WAIT_MAX);
    }
}
