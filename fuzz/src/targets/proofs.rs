//! Proofs in their envelopes, and disclosure files.

use std::sync::OnceLock;

use assay_core::sealed::{Sealed, StatementDigest};
use assay_fold::{
    Error, Program,
    envelope::{CHECKPOINT, Header, Kind, open, seal},
    keys::Keys,
    verify::Proof,
};
use assay_programs::{
    disclosure::{Disclosure, SHAPE, claim::Claim, file::verify_disclosure},
    ledger::{Ledger, shape::Shape, statement::Statement},
};
use assay_verifier::{disclosure::Disclosed, report::disclosure_lines};
use serde::{Serialize, Serializer, ser::SerializeTuple};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::verdict::Verdict;

const DIGEST_BYTES: usize = 32;

/// Envelopes of all kinds: the input as it is, and once more with the checksum made right, or no change would get past it.
pub fn envelope(data: &[u8]) -> Verdict {
    let mut resealed = data.to_vec();
    fix_checksum(&mut resealed);
    one_envelope(data).or(one_envelope(&resealed))
}

fn fix_checksum(envelope: &mut [u8]) {
    if let Some(covered) = envelope.len().checked_sub(DIGEST_BYTES) {
        let checksum = Sha256::digest(&envelope[..covered]);
        envelope[covered..].copy_from_slice(&checksum);
    }
}

fn one_envelope(bytes: &[u8]) -> Verdict {
    for kind in [Ledger::PROOF, Disclosure::PROOF, CHECKPOINT] {
        let Ok((header, payload)) = open(kind, bytes) else { continue };
        assert!(payload.len() <= kind.max_payload, "a payload above its bound");
        let again = seal(kind, &header, &Raw(payload)).expect("a header that was read can be written");
        assert_eq!(again, bytes, "an envelope with a second spelling");
        return read_proof(kind, &header, bytes);
    }
    Verdict::Refused
}

/// Reads the proof, and reads it again as one of another statement and of another number of steps.
fn read_proof(kind: Kind, header: &Header, bytes: &[u8]) -> Verdict {
    if kind == Ledger::PROOF {
        let Ok(shape) = Shape::named(&header.circuit) else { return Verdict::Refused };
        read_proof_of::<Ledger>(shape, header, bytes)
    } else if kind == Disclosure::PROOF {
        read_proof_of::<Disclosure>(&SHAPE, header, bytes)
    } else {
        Verdict::Accepted
    }
}

fn read_proof_of<P: Program>(shape: &'static P::Shape, header: &Header, bytes: &[u8]) -> Verdict {
    let (digest, steps) = (header.statement_digest, header.steps);
    let read = |digest, steps: &[u64], bytes: &[u8]| Proof::<P>::read_all(shape, digest, steps, bytes).is_ok();
    let accepted = read(digest, &[steps], bytes);
    if accepted {
        let mut other = digest.0;
        other[0] ^= 1;
        assert!(!read(StatementDigest(other), &[steps], bytes), "a proof of two statements");
        assert!(!read(digest, &[steps.wrapping_add(1)], bytes), "a proof of two step counts");
        assert!(!read(digest, &[steps; 2], &bytes.repeat(2)), "a proof of two parts");
    }
    Verdict::when(accepted)
}

/// Bytes that stand in the payload as they are.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for byte in self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

/// The statement that the corpus' disclosures are about.
pub fn disclosure_statement() -> &'static Sealed<Statement> {
    static STATEMENT: OnceLock<Sealed<Statement>> = OnceLock::new();
    STATEMENT.get_or_init(|| {
        let bytes = include_bytes!("../../../circuits/vectors/disclosures/disclosure-4-v1/statement.json");
        Sealed::parse(bytes).expect("a frozen statement")
    })
}

/// Disclosure files: the input as it is, and with its proof made one of its claim. No parameters are given, so that accepted
/// means: everything holds but the proof, which nothing here could forge.
pub fn disclosure(data: &[u8]) -> Verdict {
    let bound = bind_proof(data);
    one_disclosure(data).or(bound.map_or(Verdict::Refused, |data| one_disclosure(&data)))
}

fn one_disclosure(file: &[u8]) -> Verdict {
    let mut asked_for_keys = false;
    let report = verify_disclosure(file, &[disclosure_statement()], || {
        asked_for_keys = true;
        Err::<Keys<Disclosure>, _>(Error::Nova("no parameters are given".to_owned()))
    });
    assert!(!report.is_valid() && report.claim.is_none(), "valid without a look at the proof");
    let lines = disclosure_lines(&Disclosed { attestations: Vec::new(), report });
    assert!(lines.last().is_some_and(|line| line.starts_with("NOT SHOWN")), "{lines:?}");
    let printable = |line: &String| !line.chars().any(char::is_control);
    assert!(lines.iter().all(printable), "control characters are printed: {lines:?}");
    Verdict::when(asked_for_keys)
}

/// The file with the digest of its claim in its proof's envelope, and the checksum made right.
fn bind_proof(data: &[u8]) -> Option<Vec<u8>> {
    let mut file: Value = serde_json::from_slice(data).ok()?;
    let claim: Claim = serde_json::from_value(file.get("claim")?.clone()).ok()?;
    let digest = Sealed::seal(claim).ok()?.digest();
    let mut envelope = hex::decode(file.get("proof")?.as_str()?).ok()?;
    let before = 8 + 2 + 1 + usize::from(*envelope.get(10)?) + DIGEST_BYTES;
    envelope.get_mut(before..before + DIGEST_BYTES)?.copy_from_slice(&digest.0);
    fix_checksum(&mut envelope);
    *file.get_mut("proof")? = hex::encode(envelope).into();
    serde_json::to_vec(&file).ok()
}
