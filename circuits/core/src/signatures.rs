//! `signatures.json`: everything that was signed about one attestation, in one file. It grows after publication, so it stands beside the
//! files that never change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    notice::Notice,
    opinion::Opinion,
    sealed::StatementDigest,
    signature::{Jws, MAX_ENTRIES, MAX_JWS_BYTES, SignatureError, refuse},
    signed::{Signable, SignedDocument},
};

/// The file beside an attestation's other files.
pub const SIGNATURES_FILE: &str = "signatures.json";
/// Largest file that is read, in bytes: the signatures of the statement, and as many opinions as there may be.
pub const MAX_SIGNATURES_BYTES: usize = MAX_JWS_BYTES + (8 << 20);

/// The signatures of one attestation. Nothing of them is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// Those of the statement: the service's own, and countersignatures.
    pub statement: Jws,
    /// What auditors say; each by another key.
    pub opinions: Vec<SignedDocument<Opinion>>,
    /// What the exchange said later; at most one of a kind.
    pub notices: Vec<SignedDocument<Notice>>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    notices: Vec<Jws>,
    opinions: Vec<Jws>,
    statement: Jws,
}

impl Signatures {
    /// Reads the file. Its opinions and notices must be about the statement with this digest.
    ///
    /// # Errors
    /// The first part that is not in the one accepted form, is about another statement, or is there twice.
    pub fn parse(bytes: &[u8], statement: StatementDigest) -> Result<Self, SignatureError> {
        if bytes.len() > MAX_SIGNATURES_BYTES {
            return refuse(format!("{SIGNATURES_FILE} is longer than {MAX_SIGNATURES_BYTES} bytes"));
        }
        let file: File = match serde_json::from_slice(bytes) {
            Ok(file) => file,
            Err(e) => return refuse(format!("{SIGNATURES_FILE} cannot be read: {e}")),
        };
        file.statement.kids()?;
        let opinions: Vec<SignedDocument<Opinion>> = documents(file.opinions)?;
        let notices: Vec<SignedDocument<Notice>> = documents(file.notices)?;
        let about = opinions.iter().map(|signed| &signed.document().statement);
        let about = about.chain(notices.iter().map(|signed| &signed.document().statement));
        if about.into_iter().any(|digest| *digest != statement.to_string()) {
            return refuse(format!("{SIGNATURES_FILE} has an opinion or a notice about another statement"));
        }
        let (mut kids, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        if let Some(twice) = opinions.iter().map(SignedDocument::kid).find(|kid| !kids.insert(*kid)) {
            return refuse(format!("{SIGNATURES_FILE} has two opinions by the key {twice}"));
        }
        if let Some(twice) = notices.iter().map(|signed| signed.document().kind).find(|kind| !kinds.insert(*kind)) {
            return refuse(format!("{SIGNATURES_FILE} says twice that the attestation is {}", twice.as_str()));
        }
        Ok(Self { statement: file.statement, opinions, notices })
    }

    /// These, and what of `other` is not among them.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        let known = self.digests();
        self.statement = self.statement.joined(other.statement);
        self.opinions.extend(other.opinions.into_iter().filter(|signed| !known.contains(&signed.digest())));
        self.notices.extend(other.notices.into_iter().filter(|signed| !known.contains(&signed.digest())));
        self
    }

    /// SHA-256 of each signed document, as the transparency log names it: of its JWS without spaces, for a signature of the statement
    /// without that.
    pub fn digests(&self) -> BTreeSet<[u8; 32]> {
        let signatures = self.statement.each().map(|jws| Sha256::digest(jws.to_bytes()).into());
        let opinions = self.opinions.iter().map(SignedDocument::digest);
        signatures.chain(opinions).chain(self.notices.iter().map(SignedDocument::digest)).collect()
    }

    /// The file: JSON without spaces.
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = File {
            notices: self.notices.iter().map(|signed| signed.jws().clone()).collect(),
            opinions: self.opinions.iter().map(|signed| signed.jws().clone()).collect(),
            statement: self.statement.clone(),
        };
        serde_json::to_vec(&file).expect("texts and lists of texts")
    }
}

fn documents<D: Signable>(list: Vec<Jws>) -> Result<Vec<SignedDocument<D>>, SignatureError> {
    if list.len() > MAX_ENTRIES {
        return refuse(format!("{SIGNATURES_FILE} has more than {MAX_ENTRIES} documents of one kind"));
    }
    list.into_iter().map(SignedDocument::of).collect()
}

#[cfg(test)]
mod tests;
