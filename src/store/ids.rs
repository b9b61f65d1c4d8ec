//! Ids that the service makes, and digests as the tables store them.

use time::OffsetDateTime;
use uuid::Uuid;

use super::error::{Result, StoreError};

/// A new id (UUIDv7). Ids sort by creation time.
#[must_use]
pub fn new_id(now: OffsetDateTime) -> Uuid {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.nanosecond()))
}

/// The smallest id that [`new_id`] can make at `instant`.
pub(super) fn first_id(instant: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(instant.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// A stored digest; the tables' checks require 32 bytes.
pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("a digest of {} bytes", bytes.len())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let early = OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a date");
        let late = early + Duration::from_millis(1);
        assert!(new_id(early) < new_id(late));
        assert!(first_id(early) <= new_id(early) && new_id(early) < first_id(late));
    }
}
