//! Bugs on purpose: each target fails on inputs that hold the word BUG and an odd byte behind it.

use std::{thread::sleep, time::Duration};

use super::verdict::Verdict;

fn is_hit(data: &[u8]) -> bool {
    data.windows(4).any(|w| w.starts_with(b"BUG") && w[3] % 2 == 1)
}

pub(super) fn panic(data: &[u8]) -> Verdict {
    assert!(!is_hit(data), "the planted bug");
    Verdict::Refused
}

/// Ends the process, as a stack overflow or an allocation beyond all memory does.
pub(super) fn abort(data: &[u8]) -> Verdict {
    if is_hit(data) {
        std::process::abort();
    }
    Verdict::Refused
}

pub(super) fn hang(data: &[u8]) -> Verdict {
    if is_hit(data) {
        sleep(Duration::from_secs(3600));
    }
    Verdict::Refused
}
