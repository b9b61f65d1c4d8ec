//! Space on the disk of a private database.

use std::path::Path;

use super::problem::{Kind, Problem};
use crate::files;

/// Refuses `bytes` more if they would take the disk below `reserve`. Without a private database there is no disk to look at.
///
/// # Errors
/// [`Kind::InsufficientStorage`].
pub fn check_space(disk: Option<&Path>, bytes: u64, reserve: u64) -> Result<(), Problem> {
    let Some(disk) = disk else { return Ok(()) };
    let free = files::free_bytes(disk).map_err(Problem::internal)?;
    if free >= reserve.saturating_add(bytes) {
        return Ok(());
    }
    metrics::counter!("assay_uploads_refused_total", "reason" => "disk").increment(1);
    Err(Problem::because(
        Kind::InsufficientStorage,
        "the service's disk is nearly full: the service's operator has to make room (see bounds.disk_reserve_bytes)",
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_reserve_of_space_is_kept() {
        let place = tempfile::tempdir().unwrap();
        assert!(check_space(Some(place.path()), 1, 0).is_ok());
        for (bytes, reserve) in [(u64::MAX, 0), (0, u64::MAX), (1 << 59, 1 << 59)] {
            let problem = check_space(Some(place.path()), bytes, reserve).unwrap_err();
            assert_eq!(problem.kind(), Kind::InsufficientStorage);
        }
        assert!(check_space(None, u64::MAX, u64::MAX).is_ok());
    }
}
