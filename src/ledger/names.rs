//! Names that rows of other files refer to, and what is said of a name that is not there: which one is meant, if one reads the same,
//! and nothing at all, if its own row was refused already. One mistake is one finding.

use std::collections::HashSet;

use assay_core::text::{difference, shown};

/// Refused names that are remembered. A file with more is refused for so many reasons that what follows from them is left out.
const MAX_REFUSED: usize = 100_000;
/// Bytes of them: a name may be refused because it is too long.
const MAX_REFUSED_BYTES: usize = 16 << 20;

/// The names of one file that could not be taken.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    names: HashSet<String>,
    bytes: usize,
    /// Too many to remember.
    too_many: bool,
    /// Lines of the file could not be read, so that nobody knows which names are in them.
    unread: bool,
}

impl Refused {
    /// Notes a name whose row is refused.
    pub(crate) fn add(&mut self, name: &str) {
        if self.names.len() == MAX_REFUSED || self.bytes + name.len() > MAX_REFUSED_BYTES {
            self.too_many = true;
        } else if self.names.insert(name.to_owned()) {
            self.bytes += name.len();
        }
    }

    /// Notes that lines could not be read.
    pub(crate) fn unread(&mut self, lines: u64) {
        self.unread |= lines > 0;
    }

    /// Whether every row of the file was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.unread
    }

    /// What is wrong with a reference to `name`, which is not among the names of `file`; `None` if its own row was refused. `near` is
    /// the name there that reads the same.
    pub(crate) fn unknown(&self, kind: &str, name: &str, file: &str, near: Option<&str>) -> Option<String> {
        if self.too_many || self.names.contains(name) {
            return None;
        }
        let place = match self.unread {
            true => format!("among the lines of {file} that could be read"),
            false => format!("in {file}"),
        };
        let meant = match near {
            Some(near) => format!("; {} is, which differs only in {}", shown(near), difference(near, name)),
            None => String::new(),
        };
        Some(format!("{kind} {} is not {place}{meant}", shown(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_names_are_remembered_within_a_bound() {
        let mut refused = Refused::default();
        let long = "x".repeat(1 << 16);
        for number in 0..300 {
            refused.add(&format!("{long}{number}"));
        }
        assert!(refused.bytes <= MAX_REFUSED_BYTES && refused.too_many);
        // then nothing is said of any name, since its row may be among them
        assert_eq!(refused.unknown("account", "alice", "accounts.csv", None), None);
    }
}
