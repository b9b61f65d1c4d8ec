//! Proofs of logging, checkpoints and policies.

use assay_verifier::log::{checkpoint::SignedCheckpoint, policy::Policy, proof::LogProof, tree::leaf_hash};

use super::verdict::Verdict;

/// The documented example: an entry, its proof, and a policy that its checkpoint meets.
pub fn log_files() -> [&'static [u8]; 3] {
    [
        include_bytes!("../../../circuits/vectors/log/entry.json"),
        include_bytes!("../../../circuits/vectors/log/attestation.tlog-proof"),
        include_bytes!("../../../circuits/vectors/log/policy"),
    ]
}

/// A text of a log: what is read is written back as the same bytes, and only the honest proof and checkpoint hold.
pub fn log(data: &[u8]) -> Verdict {
    let [entry, honest, policy] = log_files();
    let (own, policy) = (LogProof::parse(honest).expect("a proof"), Policy::parse(policy).expect("a policy"));
    let own_text = own.checkpoint.note().text();
    let verdict = |holds: bool| if holds { Verdict::Accepted } else { Verdict::Refused };
    if let Ok(proof) = LogProof::parse(data) {
        assert_eq!(proof.to_string().as_bytes(), data, "a proof with a second spelling");
        let holds = proof.verify(&leaf_hash(entry)).is_ok() && policy.check(&proof.checkpoint).is_ok();
        // extra data and signatures by others are free
        let same = (proof.index, &proof.path, proof.checkpoint.note().text()) == (own.index, &own.path, own_text);
        assert!(!holds || same, "a forged proof");
        return verdict(holds);
    }
    if let Ok(signed) = SignedCheckpoint::parse(data) {
        assert_eq!(signed.note().to_string().as_bytes(), data, "a checkpoint with a second spelling");
        assert_eq!(signed.checkpoint().to_string(), signed.note().text(), "a text with a second spelling");
        let holds = policy.check(&signed).is_ok();
        assert!(!holds || signed.note().text() == own_text, "a forged checkpoint");
        return verdict(holds);
    }
    let read = Policy::parse(data);
    verdict(read.is_ok_and(|read| read.check(&own.checkpoint).is_ok()))
}
