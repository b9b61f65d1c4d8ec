//! The section `[bounds]` of the settings.

use serde::{Deserialize, Serialize};

use super::checks::{self, ConfigError};

/// Bounds on what callers may hold, in all, from one address or for one exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundsConfig {
    /// Maximum number of connections to the API.
    pub connections: u64,
    /// Maximum number of connections from one address; trusted proxies are exempt.
    pub connections_per_address: u64,
    /// Longest time for one upload.
    pub upload_seconds: u64,
    /// Least rate of an upload, on average.
    pub upload_bytes_per_second: u64,
    /// Maximum size of the files of one exchange that are not part of a published attestation.
    pub exchange_bytes: u64,
    /// Maximum number of unsealed snapshots of one exchange.
    pub exchange_open_snapshots: u32,
    /// Days after which an unsealed snapshot, or the files of one whose jobs have all failed, are deleted.
    pub snapshot_days: u32,
    /// Space that uploads leave free on the disk of a private database.
    pub disk_reserve_bytes: u64,
}

impl Default for BoundsConfig {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            upload_seconds: 6 * 60 * 60,
            upload_bytes_per_second: 64 << 10,
            exchange_bytes: 64 << 30,
            exchange_open_snapshots: 16,
            snapshot_days: 30,
            disk_reserve_bytes: 2 << 30,
        }
    }
}

impl BoundsConfig {
    /// # Errors
    /// [`ConfigError`] for a bound that lets nobody in, or that other parts of the service cannot keep.
    pub(super) fn validate(&self, upload_max_bytes: u64) -> Result<(), ConfigError> {
        let Self {
            connections,
            connections_per_address,
            upload_seconds,
            upload_bytes_per_second,
            exchange_bytes,
            exchange_open_snapshots,
            snapshot_days,
            disk_reserve_bytes,
        } = self;
        checks::whole("bounds.connections", *connections, 16..=1 << 20)?;
        checks::whole("bounds.connections_per_address", *connections_per_address, 1..=*connections)?;
        // what interrupted uploads leave behind is swept after a day
        checks::whole("bounds.upload_seconds", *upload_seconds, 60..=12 * 60 * 60)?;
        checks::whole("bounds.upload_bytes_per_second", *upload_bytes_per_second, 1..=1 << 30)?;
        checks::whole("bounds.exchange_bytes", *exchange_bytes, upload_max_bytes..=1 << 60)?;
        checks::whole("bounds.exchange_open_snapshots", *exchange_open_snapshots, 1..=100_000)?;
        checks::whole("bounds.snapshot_days", *snapshot_days, 1..=36_500)?;
        checks::whole("bounds.disk_reserve_bytes", *disk_reserve_bytes, 0..=1 << 60)
    }
}
