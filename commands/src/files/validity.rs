use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use chrono::{DateTime, SubsecRound, Utc};

use super::{FilesError, Ticket};

/// How long a request to send is good. A slow connection needs the time; whoever finds it later
/// has nothing.
pub(crate) const UPLOAD_VALID: Duration = Duration::from_mins(15);

/// How long a request to fetch is good at most: a link that is passed on ends soon.
const LINK_VALID: Duration = Duration::from_mins(5);

/// From when and for how long a presigned request is good: in whole seconds, as S3 counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    from: DateTime<Utc>,
    seconds: u64,
}

impl Validity {
    pub(super) fn of_upload(now: DateTime<Utc>) -> Self {
        Self { from: now.trunc_subsecs(0), seconds: UPLOAD_VALID.as_secs() }
    }

    /// Of a link to what stays.
    #[must_use]
    pub fn of_lasting_link(now: DateTime<Utc>) -> Self {
        Self { from: now.trunc_subsecs(0), seconds: LINK_VALID.as_secs() }
    }

    /// Of a link to what is gone at `until`, if that is known: it ends no later. None when less than
    /// a second is left.
    #[must_use]
    pub fn of_link(now: DateTime<Utc>, until: Option<DateTime<Utc>>) -> Option<Self> {
        let lasting = Self::of_lasting_link(now);
        let Some(until) = until else { return Some(lasting) };
        let left = u64::try_from((until - lasting.from).num_seconds()).ok()?;
        let seconds = left.min(lasting.seconds);
        (seconds > 0).then_some(Self { seconds, ..lasting })
    }

    pub(super) const fn seconds(self) -> u64 {
        self.seconds
    }

    pub(super) fn config(self) -> Result<PresigningConfig, FilesError> {
        let (from, lasts) = (SystemTime::from(self.from), Duration::from_secs(self.seconds));
        let config = PresigningConfig::builder().start_time(from).expires_in(lasts).build();
        config.map_err(FilesError::internal)
    }

    pub(super) fn ticket(self, method: &'static str, request: &PresignedRequest) -> Ticket {
        let header = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ticket {
            method,
            url: request.uri().to_owned(),
            headers: request.headers().map(header).collect(),
            expires_at: self.from + Duration::from_secs(self.seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_link_ends_with_what_it_leads_to() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(700);
        let ends = |it: Validity| it.from + Duration::from_secs(it.seconds);
        let of = |left: TimeDelta| Validity::of_link(now, Some(now + left));
        for (left, seconds) in
            [(299_300, 300), (400_000, 300), (299_000, 299), (1_000, 1), (300, 1)]
        {
            let left = TimeDelta::milliseconds(left);
            let valid = of(left).unwrap();
            assert_eq!(valid.seconds, seconds, "{left}");
            assert!(ends(valid) <= now + left, "{left}");
        }
        for left in [299, 0, -1_000] {
            assert_eq!(of(TimeDelta::milliseconds(left)), None, "{left}");
        }
        assert_eq!(Validity::of_link(now, None), Some(Validity::of_lasting_link(now)));
    }
}
