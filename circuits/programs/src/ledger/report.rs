//! What a verification of an attestation found.

use assay_core::{check::Checks, later::Later, sealed::Sealed, signature::SignatureState};

use super::{
    policy::AssetLine,
    statement::{Statement, StatementLabel},
};

/// A value that a verifier has checked; there is no other way to get one.
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    #[cfg(feature = "proof")]
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// What a reader's policy tells of transparency logs. Its text is a sentence for the end of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// The reader gave no policy.
    Unchecked,
    /// A log that the reader trusts has the statement, and the witnesses that the policy asks for saw that log.
    Logged {
        /// Whether the policy asks for a witness at all, and one cosigned.
        witnessed: bool,
    },
    /// There is no proof of that, or it does not hold.
    Refused,
}

impl LogState {
    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Logged { .. } => "logged",
            Self::Refused => "refused",
        }
    }
}

impl std::fmt::Display for LogState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unchecked => {
                "LOG NOT CHECKED: to learn whether everybody is shown the same statement, give the logs and witnesses that you trust \
                 with --log-policy FILE."
            }
            Self::Logged { witnessed: true } => "Logged: everybody who follows this log is shown the same statement.",
            Self::Logged { witnessed: false } => {
                "Logged, and cosigned by no witness of the policy: others may be shown another log; compare with `assay log compare`."
            }
            Self::Refused => "LOG REFUSED: nothing shows that everybody is shown the same statement.",
        })
    }
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Report {
    /// The checks, in order; after a failed one, later checks that need it are left out.
    pub checks: Checks,
    /// The statement, once the proof of it has been verified, whatever its policy says.
    pub statement: Option<Verified<Sealed<Statement>>>,
    /// Per asset, in the order of the book; empty while there is no statement.
    pub assets: Vec<AssetLine>,
    /// Who signed the statement, as far as the reader's keys tell.
    pub signature: SignatureState,
    /// What is known of transparency logs; nothing where no reader was asked for a policy.
    pub log: Option<LogState>,
    /// What was said about the attestation later.
    pub later: Later,
}

impl Report {
    /// A report with nothing checked yet.
    pub fn new() -> Self {
        Self {
            checks: Checks::default(),
            statement: None,
            assets: Vec::new(),
            signature: SignatureState::Missing,
            log: None,
            later: Later::default(),
        }
    }

    /// What the statement is compared by, once it is proved.
    pub fn label(&self) -> Option<StatementLabel> {
        self.statement.as_ref().map(|statement| StatementLabel::of(statement.get()))
    }

    /// Whether the attestation is valid: everything was checked, everything holds.
    pub fn is_valid(&self) -> bool {
        self.statement.is_some() && self.checks.all_passed()
    }
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}
