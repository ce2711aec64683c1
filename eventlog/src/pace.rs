//! How long a subscriber that keeps up lets events gather before it takes the next ones.

use std::time::Duration;

/// What a lone event waits for those that may follow it, at most. Each round costs some wake-ups and
/// round trips, as much as some dozens of events.
const LEAST: Duration = Duration::from_millis(5);

/// With so much to do, rounds cost next to nothing any more, and readers should not wait longer.
const MOST: Duration = Duration::from_millis(40);

/// How long to gather after a round of `events` that came within `time`: 5 ms for each event in a
/// millisecond. The busier the log, the dearer is what rounds cost and the more there is to gather;
/// with time to spare nobody has to wait. The rate alone decides, so gathering does not feed on itself.
#[must_use]
pub fn gathering(events: usize, time: Duration) -> Duration {
    let time = time.as_secs_f64() * 1e3;
    let a_millisecond = if time > 0.0 { events as f64 / time } else { f64::INFINITY };
    LEAST.mul_f64(a_millisecond.clamp(1.0, MOST.div_duration_f64(LEAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busier_the_longer_within_bounds() {
        let cases =
            [(0, 50, 5), (1, 1_000, 5), (5, 5, 5), (20, 10, 10), (320, 40, 40), (1_000, 0, 40)];
        for (events, time, expected) in cases {
            let gathering = gathering(events, Duration::from_millis(time));
            assert_eq!(gathering, Duration::from_millis(expected), "{events} in {time} ms");
        }
    }
}
