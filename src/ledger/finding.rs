//! What is wrong with a ledger, and what is wrong with the machine: two kinds of failure that callers treat differently.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One thing that is wrong, as a sentence for the person who can repair it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Name of the file, without its folder.
    pub file: String,
    /// Line in that file, the first being 1; absent where the file as a whole is meant.
    pub line: Option<u64>,
    /// What is wrong, with the value found and the value allowed.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} line {line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// Everything that is wrong with a ledger: the first findings in full, and how many there are in all. A file of ten
/// million bad lines must not take ten million sentences of memory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Findings {
    /// The first findings, in the order in which the files are read.
    pub findings: Vec<Finding>,
    /// How many findings there are, kept or not.
    pub total: u64,
    #[serde(skip)]
    max_kept: usize,
}

impl Findings {
    pub(crate) fn new(max_kept: usize) -> Self {
        Self { findings: Vec::new(), total: 0, max_kept }
    }

    /// Counts one finding, and keeps it while there is room. The sentence is only put together where it is kept.
    pub(crate) fn add(&mut self, file: &str, line: Option<u64>, reason: impl fmt::Display) {
        self.total = self.total.saturating_add(1);
        if self.findings.len() < self.max_kept {
            self.findings.push(Finding { file: file.to_owned(), line, reason: reason.to_string() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, finding) in self.findings.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{finding}")?;
        }
        let untold = self.total.saturating_sub(self.findings.len() as u64);
        if untold > 0 {
            write!(f, "\nand {untold} more")?;
        }
        Ok(())
    }
}

/// The machine failed, not the ledger: a folder that is not there, a permission, a disk. Nothing is said about the ledger.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct Environment {
    /// What was being read or written.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl Environment {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self { path: path.to_owned(), source }
    }
}

/// Why there is no [`Snapshot`](super::Snapshot).
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The ledger is not valid; the findings say where and why.
    #[error("{0}")]
    NotValid(Findings),
    /// The ledger could not be read.
    #[error(transparent)]
    Environment(#[from] Environment),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_file_line_and_reason() {
        let mut findings = Findings::new(1);
        findings.add("balances.csv", Some(1042), "BTC quantity 0.1 is odd");
        findings.add("balances.csv", None, "never kept");
        assert_eq!(findings.to_string(), "balances.csv line 1042: BTC quantity 0.1 is odd\nand 1 more");
    }
}
