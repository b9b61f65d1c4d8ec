//! What a reader trusts, beside the proof.

use assay_core::{opinion::AuditorKeys, signature::Jwks};

use crate::log::policy::Policy;

/// What a reader trusts about one attestation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust<'a> {
    /// The list of public keys that may have signed it.
    pub jwks: Option<&'a Jwks>,
    /// Whether an attestation that no listed key signed does not hold.
    pub signature_required: bool,
    /// The transparency logs and witnesses; nothing where the reader names none.
    pub log: Option<&'a Policy>,
    /// A proof of logging that does not come with the attestation.
    pub log_proof: Option<&'a [u8]>,
    /// Signatures, opinions and notices that do not come with the attestation.
    pub signatures: Option<&'a [u8]>,
    /// The keys of auditors whose opinions count.
    pub auditors: Option<&'a AuditorKeys>,
}
