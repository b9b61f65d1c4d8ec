//! Errors in a ledger and errors of the environment. Callers treat the two kinds differently.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use assay_core::text::spelled_out;

/// One error in a ledger, as a sentence for the person who can correct it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Name of the file, without its folder.
    pub file: String,
    /// Line, counted from 1; `None` if the finding concerns the whole file.
    pub line: Option<u64>,
    /// Reason, with the value found and the value allowed.
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

/// All errors in a ledger: the first findings in full, and the total number. A file with ten million wrong lines must not need
/// memory for ten million sentences.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Findings {
    /// The first findings, in the order in which the files are read.
    pub findings: Vec<Finding>,
    /// Number of all findings.
    pub total: u64,
    #[serde(skip)]
    max_kept: usize,
}

impl Findings {
    pub(crate) fn new(max_kept: usize) -> Self {
        Self { findings: Vec::new(), total: 0, max_kept }
    }

    /// Counts a finding and keeps it if there is room. The sentence is only formatted if it is kept.
    pub(crate) fn add(&mut self, file: &str, line: Option<u64>, reason: impl fmt::Display) {
        self.total = self.total.saturating_add(1);
        if self.findings.len() < self.max_kept {
            self.findings.push(Finding { file: spelled_out(file), line, reason: spelled_out(&reason.to_string()) });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The same findings, each as `change` says it.
    pub(crate) fn map(self, change: impl FnMut(Finding) -> Finding) -> Self {
        Self { findings: self.findings.into_iter().map(change).collect(), ..self }
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

/// A failure of the environment, such as a missing directory, a permission or a disk. It says nothing about the ledger.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct Environment {
    /// The path.
    pub path: PathBuf,
    /// The error of the operating system.
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

    #[test]
    fn nothing_in_a_finding_reaches_the_terminal_as_a_command() {
        let mut findings = Findings::new(1);
        findings.add("a\nb.csv", None, "\"\u{1b}[2J\u{202e}\" isn't a domain such as straße.example");
        assert_eq!(findings.to_string(), "aU+000Ab.csv: \"U+001B[2JU+202E\" isn't a domain such as straße.example");
    }
}
