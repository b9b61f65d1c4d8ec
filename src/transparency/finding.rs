//! What a monitor finds of a log.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// All kinds, the most serious first.
pub const KINDS: [&str; 16] = [
    "inconsistent",
    "other-checkpoint",
    "continued",
    "older",
    "other-log",
    "policy",
    "unreadable",
    "withdrawn",
    "duplicate",
    "backwards",
    "proof",
    "statement",
    "later",
    "malformed",
    "retired",
    "late",
];

/// Something that the owner of the log must explain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonitorFinding {
    /// Stable name.
    pub kind: &'static str,
    /// What was found.
    pub detail: String,
    /// What it is about. The detail may have other words the next time, this does not.
    #[serde(skip)]
    about: String,
}

/// A finding about what its detail says, unless [`MonitorFinding::about`] says more.
pub(super) fn finding(kind: &'static str, detail: impl Into<String>) -> MonitorFinding {
    let detail = detail.into();
    MonitorFinding { kind, about: detail.clone(), detail }
}

impl MonitorFinding {
    pub(super) fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }

    /// Whether the other finding is about the same thing.
    pub(super) fn has_subject_of(&self, other: &Self) -> bool {
        self.about == other.about
    }

    /// How serious it is: the smaller, the more.
    pub fn rank(&self) -> usize {
        KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(KINDS.len())
    }

    /// SHA-256 of the log's name, the kind and what the finding is about, as 64 hexadecimal digits: the same at each run.
    pub fn key(&self, origin: &str) -> String {
        let mut hash = Sha256::new_with_prefix(b"assay/monitor/finding/1");
        for part in [origin, self.kind, &self.about] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_comes_first_and_a_late_exchange_last() {
        let mut found = ["late", "retired", "statement", "inconsistent"].map(|kind| finding(kind, "x"));
        found.sort_by_key(MonitorFinding::rank);
        assert_eq!(found.map(|found| found.kind), ["inconsistent", "statement", "retired", "late"]);
    }
}
