//! What a line shows about its address.

use std::fmt;

/// What a line shows. Only [`Verdict::Fresh`] may be called proven owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The address' key signed the canonical message of this snapshot.
    Fresh,
    /// The address' key once signed this text. It names no snapshot that we know, may be years old, and anybody can copy it.
    Undated {
        /// What was signed.
        text: String,
    },
    /// A custodian or bank whose key the reader listed states the holding for this snapshot. Whether it is there is its word.
    ThirdParty {
        /// The name of the key that signed.
        kid: String,
    },
    /// Nothing is shown.
    Unproven(Reason),
}

/// Why nothing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The line has no signature.
    Unsigned,
    /// The named owners signed. Whether the contract obeys them is known to its chain alone.
    Contract,
    /// The script is none of those that are understood, so it may allow others to spend.
    Script,
    /// The signature is valid by the stated key, and that key does not give the address, or none is stated.
    Key,
    /// As [`Reason::Key`], on a chain where an account may change its key.
    Rotated,
    /// There is no rule for this chain, or none for this kind of address or key.
    NoRule,
    /// A third party's statement, by a key that is on no list of the reader's.
    Signer,
    /// A third party's statement that says that somebody else has a claim on the holding.
    Encumbered,
    /// A document is named by its digest, and nothing is signed.
    Document,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 9] = [
        Self::Unsigned,
        Self::Contract,
        Self::Script,
        Self::Key,
        Self::Rotated,
        Self::NoRule,
        Self::Signer,
        Self::Encumbered,
        Self::Document,
    ];

    /// The reason in statements and reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Contract => "contract",
            Self::Script => "script",
            Self::Key => "key",
            Self::Rotated => "rotated?",
            Self::NoRule => "no rule",
            Self::Signer => "signer",
            Self::Encumbered => "encumbered",
            Self::Document => "document",
        }
    }

    /// The reason as a sentence for a report.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unsigned => "nothing is signed",
            Self::Contract => "a contract: the chain's state must show that it obeys who signed",
            Self::Script => "the script is not of a kind that is understood",
            Self::Key => "the address does not follow from a stated key",
            Self::Rotated => "the address does not follow from the stated key, which may have replaced another",
            Self::NoRule => "there is no rule for this chain or kind of address",
            Self::Signer => "a third party's statement, and its key is not on a list",
            Self::Encumbered => "a third party's statement that others have a claim on the holding",
            Self::Document => "a document is named, and nothing is signed",
        }
    }
}

impl Verdict {
    /// The status in statements and reports: `fresh`, `undated`, `third_party` or `unproven`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Undated { .. } => "undated",
            Self::ThirdParty { .. } => "third_party",
            Self::Unproven(_) => "unproven",
        }
    }

    /// Whether a key of the address signed something.
    pub fn is_signed(&self) -> bool {
        matches!(self, Self::Fresh | Self::Undated { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("fresh"),
            Self::Undated { text } => write!(f, "undated: {text:?}"),
            Self::ThirdParty { kid } => write!(f, "third_party: by key {kid}"),
            Self::Unproven(reason) => write!(f, "unproven: {}", reason.code()),
        }
    }
}
