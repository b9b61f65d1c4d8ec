//! The one place that asks the system for the time. Everything else takes a [`Clock`] or an instant as an argument, so that
//! tests decide what time it is.

use time::OffsetDateTime;

/// Something that knows the time.
pub trait Clock: Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The last instant that a clock can show: instants after it by days or by years can still be written.
const LAST: OffsetDateTime = time::macros::datetime!(9990-01-01 0:00 UTC);

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> OffsetDateTime {
        at(std::time::SystemTime::now())
    }
}

/// Whether the machine's clock shows an instant that can be written.
#[must_use]
pub fn is_plausible() -> bool {
    SystemClock.now() < LAST
}

/// A time of the system, at most [`LAST`].
fn at(time: std::time::SystemTime) -> OffsetDateTime {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos())
        .ok()
        .and_then(|nanoseconds| OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok())
        .map_or(LAST, |instant| instant.min(LAST))
}

/// A clock that stands still, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub OffsetDateTime);

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_clock_beyond_the_last_year_stands_still_there_and_nothing_overflows() {
        for seconds in [253_402_300_800, 253_402_300_799, 253_402_300_799_000] {
            assert_eq!(at(UNIX_EPOCH + Duration::from_secs(seconds)), LAST);
        }
        assert_eq!(at(UNIX_EPOCH + Duration::from_secs(1)).unix_timestamp(), 1);
        assert_eq!(at(UNIX_EPOCH - Duration::from_secs(1)).unix_timestamp(), 0);
        assert!(is_plausible());
    }
}
