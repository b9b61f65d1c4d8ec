//! The four exit codes, and the code of each library error.

use std::process::ExitCode;

use crate::attest::AttestError;
use crate::client::ClientError;
use crate::ledger::import::ImportError;
use crate::ledger::{CheckError, Environment, Finding, Findings, WriteError};
use crate::tokens::KeyRingError;

/// Exit code of a command. Scripts depend on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Success; what was checked is valid.
    Ok = 0,
    /// The ledger has errors, or a proof or an inclusion file does not verify.
    NotValid = 1,
    /// An option is wrong, or the output exists already.
    Usage = 2,
    /// The environment failed: a missing file, a full disk, an interruption.
    Environment = 3,
}

impl Exit {
    /// The exit code for a verdict.
    pub(super) fn verdict(valid: bool) -> Self {
        if valid { Self::Ok } else { Self::NotValid }
    }

    /// The exit code for the number that a library error has.
    fn of(code: impl Into<i32>) -> Self {
        match code.into() {
            1 => Self::NotValid,
            2 => Self::Usage,
            _ => Self::Environment,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command has no result: a sentence for the user, the findings behind it, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) sentence: String,
    /// Findings are a result: every command prints them to standard output, and the sentence to standard error.
    pub(super) findings: Option<Findings>,
}

impl Failure {
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, sentence: sentence.into(), findings: None }
    }

    pub(super) fn environment(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Environment, sentence: sentence.into(), findings: None }
    }

    /// A line of a file is not valid.
    pub(super) fn refused_line(file: &str, line: u64, reason: &str) -> Self {
        let finding = Finding { file: file.to_owned(), line: Some(line), reason: reason.to_owned() };
        Self { exit: Exit::NotValid, sentence: finding.to_string(), findings: None }
    }

    /// The input is not valid.
    fn refused(what: &str, findings: &Findings) -> Self {
        Self { exit: Exit::NotValid, sentence: refusal(what, findings), findings: Some(findings.clone()) }
    }
}

/// A sentence with the number of findings in `what`.
fn refusal(what: &str, findings: &Findings) -> String {
    match findings.total {
        1 => format!("{what} not valid; there is one finding"),
        total => format!("{what} not valid; there are {total} findings"),
    }
}

impl From<Environment> for Failure {
    fn from(error: Environment) -> Self {
        Self::environment(error.to_string())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Environment(error) => error.into(),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::NotValid(findings) => Self::refused("the files are", &findings),
            ImportError::Environment(error) => error.into(),
            ImportError::Write(error) => error.into(),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::NotValid(findings) => Self::refused("the ledger is", &findings),
            CheckError::Environment(error) => error.into(),
        }
    }
}

impl From<AttestError> for Failure {
    fn from(error: AttestError) -> Self {
        if let Some(findings) = error.findings() {
            return Self::refused("the ledger is", findings);
        }
        Self { exit: Exit::of(error.exit_code()), sentence: error.to_string(), findings: None }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self { exit: Exit::of(error.exit_code()), sentence: error.to_string(), findings: None }
    }
}

impl From<KeyRingError> for Failure {
    fn from(error: KeyRingError) -> Self {
        match error {
            KeyRingError::Grant(_) => Self::usage(error.to_string()),
            KeyRingError::Environment(_) | KeyRingError::File { .. } => Self::environment(error.to_string()),
        }
    }
}
