//! Making and checking the file of a disclosure: one step of the machine, compressed like an attestation.

use std::borrow::Borrow;

use assay_core::{
    check::{Check, Checks},
    sealed::Sealed,
};
use assay_fold::{Error, Program, keys::Keys, run::Run, verify::Proof};
use serde::{Deserialize, Serialize};

use super::{
    claim::{Claim, MAX_ATTESTATIONS, MAX_DISCLOSURE_BYTES},
    program::{Disclosure, SHAPE},
    twin::check,
    witness::Opening,
};
use crate::{
    ledger::{inclusion::first_page, statement::Statement},
    purpose::TestShapes,
};

/// The file that a third party is given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DisclosureFile {
    claim: Claim,
    /// The proof in its envelope, in hexadecimal digits.
    proof: String,
}

/// Proves a claim. `evidence` has, for each attestation in the order of the claim, the statement and the account's inclusion
/// file.
///
/// # Errors
/// [`Error::Malformed`] if an inclusion file does not hold, or the claim is not true of it; [`Error::Nova`].
pub fn disclose(
    keys: &Keys<Disclosure>,
    claim: &Claim,
    evidence: &[(&Sealed<Statement>, &[u8])],
) -> Result<Vec<u8>, Error> {
    SHAPE.purpose.admit_proving(SHAPE.name, TestShapes::Refused)?;
    if evidence.len() != claim.attestations.len() {
        return Err(Error::Malformed("an inclusion file is needed for each attestation".to_owned()));
    }
    let statements: Vec<_> = evidence.iter().map(|(statement, _)| *statement).collect();
    let bound = Claim::bind(Sealed::seal(claim.clone())?, &statements)?;
    let mut openings = Vec::with_capacity(MAX_ATTESTATIONS);
    for (statement, inclusion) in evidence {
        let (shape, page, included) = first_page(statement, inclusion)?;
        openings.push(Opening::new(shape, &page, &included)?);
    }
    openings.resize_with(MAX_ATTESTATIONS, Opening::unused);
    check(&bound.public, &openings).map_err(|v| Error::Malformed(format!("the claim is not true: {v}")))?;

    let mut run = Run::begin(keys, &bound, 0)?;
    run.step(openings)?;
    let proof = hex::encode(run.compress()?);
    let mut file = serde_json::to_vec_pretty(&DisclosureFile { claim: claim.clone(), proof })
        .map_err(|e| Error::Malformed(format!("the disclosure cannot be written: {e}")))?;
    file.push(b'\n');
    Ok(file)
}

/// What checking a disclosure found.
#[derive(Debug, Clone)]
pub struct DisclosureReport {
    /// The checks, in order; after a failed one, those that need it are left out.
    pub checks: Checks,
    /// What is claimed; only if everything holds.
    pub claim: Option<Claim>,
}

impl DisclosureReport {
    /// Whether every check was made and holds.
    pub fn is_valid(&self) -> bool {
        self.claim.is_some() && self.checks.all_passed()
    }

    /// Adds a check that the claim needs: if it fails, nothing is claimed.
    pub fn expect(&mut self, check: Check) {
        if !check.passed {
            self.claim = None;
        }
        self.checks.push(check);
    }

    /// Fails the disclosure if it was made for another text.
    pub fn expect_context(&mut self, expected: &str) {
        let Some(claim) = &self.claim else {
            return;
        };
        let context = claim.context.clone();
        let outcome = if context == expected { Ok(context) } else { Err(context) };
        self.expect(Check::new("disclosure-context", "the disclosure was made for the text given with --for", outcome));
    }
}

/// Checks a disclosure file against the statements it speaks of. Whether those are proved is another question:
/// [`crate::ledger::verify::verify`] answers it for each.
pub fn verify_disclosure<K: Borrow<Keys<Disclosure>>>(
    file: &[u8],
    statements: &[&Sealed<Statement>],
    keys: impl FnOnce() -> Result<K, Error>,
) -> DisclosureReport {
    let mut checks = Checks::default();
    let claim = verify_into(&mut checks, file, statements, keys);
    DisclosureReport { checks, claim }
}

/// [`verify_disclosure`]; ends at the first check that later ones need.
fn verify_into<K: Borrow<Keys<Disclosure>>>(
    checks: &mut Checks,
    file: &[u8],
    statements: &[&Sealed<Statement>],
    keys: impl FnOnce() -> Result<K, Error>,
) -> Option<Claim> {
    let (claim, proof) = checks.step(
        "disclosure-file",
        "the file is complete and its proof is of its claim",
        read(file),
        |(claim, _)| claim.context.clone(),
    )?;
    let bound = checks.step(
        "disclosure-attestations",
        "the attestations it speaks of are those given, of different exchanges and one instant",
        Claim::bind(claim, statements),
        |bound| format!("{} of them", bound.claim.attestations.len()),
    )?;
    let verified = keys().and_then(|keys| {
        let end = proof.verify(keys.borrow(), &bound)?;
        let mut judged = Checks::default();
        if !Disclosure::judge(&SHAPE, &bound, 0, &end, &mut judged) {
            return Err(Error::Malformed("the proof ends in another state".to_owned()));
        }
        Ok(())
    });
    let claim = bound.into_value().claim;
    let title = format!("an account in each of them has, in sum, at least the stated {}", claim.measure);
    checks.step("disclosure-proof", title, verified, |()| format!("at least {} {}", claim.at_least, claim.quote))?;
    Some(claim)
}

fn read(bytes: &[u8]) -> Result<(Sealed<Claim>, Proof<Disclosure>), Error> {
    SHAPE.purpose.admit_verifying(SHAPE.name, TestShapes::Refused)?;
    if bytes.len() > MAX_DISCLOSURE_BYTES {
        return Err(Error::Malformed(format!("the file has more than {MAX_DISCLOSURE_BYTES} bytes")));
    }
    let file: DisclosureFile =
        serde_json::from_slice(bytes).map_err(|e| Error::Malformed(format!("the file cannot be read: {e}")))?;
    if file.proof.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Error::Malformed("the proof is not written in lower-case hexadecimal digits".to_owned()));
    }
    let envelope = hex::decode(&file.proof)
        .map_err(|_| Error::Malformed("the proof is not written in hexadecimal digits".to_owned()))?;
    let claim = Sealed::seal(file.claim)?;
    let proof = Proof::read_all(&SHAPE, claim.digest(), &[1], &envelope)?.swap_remove(0);
    Ok((claim, proof))
}
