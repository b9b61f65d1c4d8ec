//! What an exchange says of an attestation after it was published: that it withdraws it, or that a later one takes its place. The proof
//! stays what it is; whoever relies on the attestation must be told. The exchange's statement key signs it.

use serde::{Deserialize, Serialize};

use crate::{
    domain::domain_defect,
    error::Error,
    sealed::{Document, StatementDigest},
    signed::Signable,
    text::name_defect,
    time::parse_instant,
};

/// Name and version of the document.
pub const NOTICE_PROTOCOL: &str = "assay/notice/1";
/// What a signature over a notice says it is.
pub const NOTICE_TYPE: &str = "assay-notice+jws";
/// Most bytes of a reason.
pub const MAX_REASON_BYTES: usize = 400;

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The exchange no longer stands by the attestation.
    Withdrawn,
    /// A later attestation takes its place.
    Superseded,
}

impl NoticeKind {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Withdrawn, Self::Superseded];

    /// The word in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
        }
    }
}

/// A notice, as canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Digest of the statement that takes its place; of a superseded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The exchange's domain.
    pub exchange: String,
    /// When it was signed, RFC 3339 in UTC.
    pub issued_at: String,
    /// What it says.
    pub kind: NoticeKind,
    /// [`NOTICE_PROTOCOL`].
    pub protocol: String,
    /// Why, for people; 1 to [`MAX_REASON_BYTES`] bytes.
    pub reason: String,
    /// Digest of the statement that it is about.
    pub statement: String,
}

impl Document for Notice {
    const NAME: &'static str = "the notice";
    const MAX_BYTES: usize = 8 << 10;

    fn validate(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the notice {reason}")));
        if self.protocol != NOTICE_PROTOCOL {
            return refuse(format!("is not of the protocol {NOTICE_PROTOCOL}"));
        }
        if let Some(defect) = domain_defect(&self.exchange) {
            return refuse(format!("names an exchange that {defect}"));
        }
        let statement = StatementDigest::parse(&self.statement)?;
        match (self.kind, &self.by) {
            (NoticeKind::Withdrawn, None) => {}
            (NoticeKind::Superseded, Some(by)) if StatementDigest::parse(by)? != statement => {}
            _ => {
                return refuse(
                    "must name another statement in `by` if it is superseded, and none if withdrawn".to_owned(),
                );
            }
        }
        if let Some(defect) = name_defect(&self.reason, MAX_REASON_BYTES) {
            return refuse(format!("has a reason that {defect}"));
        }
        parse_instant(&self.issued_at).map(|_| ())
    }
}

impl Signable for Notice {
    const TYPE: &'static str = NOTICE_TYPE;
}
