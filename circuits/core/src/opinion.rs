//! What an auditor says of an attestation: by which criteria it was examined, what was done, and with which result. A key that its
//! readers list for opinions signs it.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

use crate::{
    domain::lei_defect,
    error::Error,
    sealed::{Document, StatementDigest},
    signature::{ALGORITHM, KeyEntry, SignatureError, named_keys, refuse, thumbprint},
    signed::{Signable, SignedDocument},
    text::{lower_hex, name_defect},
    time::parse_instant,
};

/// Name and version of the document.
pub const OPINION_PROTOCOL: &str = "assay/opinion/1";
/// What a signature over an opinion says it is.
pub const OPINION_TYPE: &str = "assay-opinion+jws";
/// The purpose of keys that sign opinions.
pub const OPINION_PURPOSE: &str = "opinion";
/// Most findings, and most procedures.
pub const MAX_LISTED: usize = 32;
/// Most bytes of a name, of the criteria and of a procedure.
pub const MAX_NAME_BYTES: usize = 200;
/// Most bytes of a finding.
pub const MAX_FINDING_BYTES: usize = 400;

/// The result of an examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpinionResult {
    /// Nothing is objected to.
    Unmodified,
    /// Nothing but the findings is objected to.
    Modified,
    /// The attestation is misleading.
    Adverse,
}

impl OpinionResult {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Unmodified, Self::Modified, Self::Adverse];

    /// The word in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unmodified => "unmodified",
            Self::Modified => "modified",
            Self::Adverse => "adverse",
        }
    }
}

/// Who gives an opinion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auditor {
    /// Legal entity identifier (ISO 17442).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
    /// Name.
    pub name: String,
}

/// An opinion, as canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// Who gives it.
    pub auditor: Auditor,
    /// The standard, e.g. `ISAE 3000 (Revised)`.
    pub criteria: String,
    /// What was found, a sentence each; at least one unless the result is unmodified.
    pub findings: Vec<String>,
    /// What was done, e.g. `proof`, `ownership`, `sampling:60`; at least one.
    pub procedures: Vec<String>,
    /// [`OPINION_PROTOCOL`].
    pub protocol: String,
    /// SHA-256 of a report that says more, 64 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_sha256: Option<String>,
    /// The result.
    pub result: OpinionResult,
    /// When it was signed, RFC 3339 in UTC.
    pub signed_at: String,
    /// Digest of the statement that it is about.
    pub statement: String,
}

impl Document for Opinion {
    const NAME: &'static str = "the opinion";
    const MAX_BYTES: usize = 64 << 10;

    fn validate(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Malformed(format!("the opinion {reason}")));
        if self.protocol != OPINION_PROTOCOL {
            return refuse(format!("is not of the protocol {OPINION_PROTOCOL}"));
        }
        let names = [("the auditor's name", &self.auditor.name), ("the criteria", &self.criteria)];
        let procedures = self.procedures.iter().map(|text| ("a procedure", text));
        for (what, text) in names.into_iter().chain(procedures) {
            if let Some(defect) = name_defect(text, MAX_NAME_BYTES) {
                return refuse(format!("is malformed: {what} {defect}"));
            }
        }
        if let Some(defect) = self.auditor.lei.as_deref().and_then(lei_defect) {
            return refuse(format!("is malformed: the auditor's legal entity identifier {defect}"));
        }
        if let Some(defect) = self.findings.iter().find_map(|text| name_defect(text, MAX_FINDING_BYTES)) {
            return refuse(format!("is malformed: a finding {defect}"));
        }
        if self.procedures.is_empty() || self.procedures.len().max(self.findings.len()) > MAX_LISTED {
            return refuse(format!("must have 1 to {MAX_LISTED} procedures and at most as many findings"));
        }
        if self.findings.is_empty() && self.result != OpinionResult::Unmodified {
            return refuse(format!("is {} and has no finding that says why", self.result.as_str()));
        }
        if self.report_sha256.as_deref().is_some_and(|text| lower_hex(text).is_none_or(|bytes| bytes.len() != 32)) {
            return refuse("has a report_sha256 that is not 64 lower-case hexadecimal digits".to_owned());
        }
        StatementDigest::parse(&self.statement)?;
        parse_instant(&self.signed_at).map(|_| ())
    }
}

impl Signable for Opinion {
    const TYPE: &'static str = OPINION_TYPE;
}

/// The keys of auditors that a reader accepts, by their names.
#[derive(Debug, Clone)]
pub struct AuditorKeys {
    keys: BTreeMap<String, Option<AuditorKey>>,
}

#[derive(Debug, Clone)]
struct AuditorKey {
    key: VerifyingKey,
    /// The one auditor in whose name it may sign; nothing for any.
    auditor: Option<String>,
}

impl AuditorKeys {
    /// Reads a list of keys (JWKS). Those without the purpose [`OPINION_PURPOSE`] stay listed as keys for other things.
    ///
    /// # Errors
    /// If it is no JWKS, holds a private key, a malformed one, two keys of one name or one key twice, or nothing in it can sign opinions.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let list = Self::read(bytes)?;
        if !list.keys.values().any(Option::is_some) {
            return refuse(format!("the list contains no key with the assay_purpose {OPINION_PURPOSE:?}"));
        }
        Ok(list)
    }

    /// Reads a list of keys, perhaps one in which nothing can sign opinions.
    ///
    /// # Errors
    /// If it is no JWKS, or holds a private key, a malformed one, two keys of one name or one key twice.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureError> {
        Ok(Self { keys: named_keys(bytes, KeyEntry::auditor_key)? })
    }

    /// The name of the key that signed, or nothing if it is not on the list.
    ///
    /// # Errors
    /// If the listed key is for something or somebody else, or the signature does not verify.
    pub fn signer<'d>(&self, signed: &'d SignedDocument<Opinion>) -> Result<Option<&'d str>, SignatureError> {
        let kid = signed.kid();
        let AuditorKey { key, auditor } = match self.keys.get(kid) {
            None => return Ok(None),
            Some(None) => return refuse(format!("the listed key {kid} is not a key for opinions")),
            Some(Some(key)) => key,
        };
        let named = &signed.document().auditor.name;
        if let Some(listed) = auditor.as_ref().filter(|listed| *listed != named) {
            return refuse(format!(
                "the key {kid} is listed for {listed:?}, and the opinion is in the name of {named:?}"
            ));
        }
        if signed.is_by(key) { Ok(Some(kid)) } else { refuse(format!("the signature by {kid} does not verify")) }
    }
}

impl KeyEntry {
    /// The key, if it is listed for opinions.
    fn auditor_key(&self) -> Result<Option<(String, AuditorKey)>, SignatureError> {
        if self.assay_purpose.as_deref() != Some(OPINION_PURPOSE) || !self.verifies("OKP", "Ed25519", ALGORITHM) {
            return Ok(None);
        }
        let key = self.ed25519()?;
        Ok(Some((thumbprint(&key), AuditorKey { key, auditor: self.assay_auditor.clone() })))
    }
}
