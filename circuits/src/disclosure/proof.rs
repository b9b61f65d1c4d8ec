//! Proving and verifying a disclosure: one step of nova, compressed by the same machinery as an attestation.

use std::{
    io::Read,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Claim, DISCLOSURE_CIRCUIT, MAX_ATTESTATIONS, MAX_DISCLOSURE_BYTES, Opening, check};
use crate::{
    bridge::DisclosureStep,
    envelope::{Header, Kind, decode_strict, open, seal},
    error::Error,
    inclusion::first_page,
    setup::{Compressed, Keys, Recursive, pin_of},
    verifier::Check,
};

/// Parameters of the disclosure's circuit.
pub struct DisclosureParameters(Keys<DisclosureStep>);

impl DisclosureParameters {
    /// Derives them, in seconds.
    ///
    /// # Errors
    /// [`Error::Nova`] if the circuit cannot be written down, which is a defect of this crate.
    pub fn derive() -> Result<Self, Error> {
        Ok(Self(Keys::derive(DISCLOSURE_CIRCUIT, &DisclosureStep::blank())?))
    }

    /// Reads what [`Keys::write_to`] wrote. The content is trusted only because its digest is the pinned one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no parameters, [`Error::ParameterDigest`] for other parameters.
    pub fn read_from(reader: &mut impl Read) -> Result<Self, Error> {
        Ok(Self(Keys::read_from(DISCLOSURE_CIRCUIT, reader)?))
    }
}

impl Deref for DisclosureParameters {
    type Target = Keys<DisclosureStep>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The file that a third party is given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DisclosureFile {
    claim: Claim,
    /// The proof in its envelope, in hexadecimal digits.
    proof: String,
}

/// Proves a claim. `evidence` has, for each attestation in the order of the claim, the statement's bytes and the account's
/// inclusion file.
///
/// # Errors
/// [`Error::Malformed`] if an inclusion file does not hold, or the claim is not true of it; [`Error::Nova`].
pub fn disclose(
    parameters: &DisclosureParameters,
    claim: &Claim,
    evidence: &[(&[u8], &[u8])],
) -> Result<Vec<u8>, Error> {
    if evidence.len() != claim.attestations.len() {
        return Err(Error::Malformed("an inclusion file is needed for each attestation".to_owned()));
    }
    let statements: Vec<&[u8]> = evidence.iter().map(|(statement, _)| *statement).collect();
    let public = claim.public_input(&statements)?;
    let mut openings = Vec::with_capacity(MAX_ATTESTATIONS);
    for (statement, inclusion) in evidence {
        let (shape, page, included) = first_page(statement, inclusion)?;
        openings.push(Opening::new(shape, &page, &included)?);
    }
    openings.resize_with(MAX_ATTESTATIONS, Opening::unused);
    check(&public, &openings).map_err(|v| Error::Malformed(format!("the claim is not true: {v}")))?;

    let circuit = DisclosureStep::new(openings);
    let mut recursive = Recursive::new(parameters.public(), &circuit, &public.to_z())?;
    recursive.prove_step(parameters.public(), &circuit)?;
    let proof = Compressed::prove(parameters.public(), parameters.proving_key()?, &recursive)?;
    let header = Header {
        shape: DISCLOSURE_CIRCUIT.to_owned(),
        parameter_digest: parameters.digest().to_owned(),
        statement_digest: Sha256::digest(claim.to_bytes()?).into(),
        steps: 1,
    };
    let proof = hex::encode(seal(Kind::Disclosure, &header, &proof)?);
    let mut file = serde_json::to_vec_pretty(&DisclosureFile { claim: claim.clone(), proof })
        .map_err(|e| Error::Malformed(format!("the disclosure cannot be written: {e}")))?;
    file.push(b'\n');
    Ok(file)
}

/// What checking a disclosure found.
#[derive(Debug, Clone)]
pub struct DisclosureReport {
    /// The checks, in order; after a failed one, those that need it are left out.
    pub checks: Vec<Check>,
    /// What is claimed; only if everything holds.
    pub claim: Option<Claim>,
}

impl DisclosureReport {
    /// Whether every check was made and holds.
    pub fn is_valid(&self) -> bool {
        self.claim.is_some() && self.checks.iter().all(|c| c.passed)
    }
}

/// Checks a disclosure file against the statements it speaks of. Whether those are proved is another question:
/// [`crate::verifier::verify`] answers it for each.
pub fn verify_disclosure<P: AsRef<DisclosureParameters>>(
    file: &[u8],
    statements: &[&[u8]],
    parameters: impl FnOnce() -> Result<P, Error>,
) -> DisclosureReport {
    let mut report = DisclosureReport { checks: Vec::new(), claim: None };
    let mut add = |id, title: &str, outcome: Result<String, Error>| {
        let (passed, detail) = outcome.map_or_else(|e| (false, e.to_string()), |detail| (true, detail));
        report.checks.push(Check { id, title: title.to_owned(), passed, detail });
        passed
    };
    let file = read(file);
    let readable = add(
        "disclosure-file",
        "the file is complete and its proof is of its claim",
        file.as_ref().map(|(file, _)| file.claim.context.clone()).map_err(again),
    );
    let (true, Ok((file, proof))) = (readable, file) else {
        return report;
    };
    let public = file.claim.public_input(statements);
    let outcome = public.as_ref().map(|_| format!("{} of them", file.claim.attestations.len())).map_err(again);
    let known = add(
        "disclosure-attestations",
        "the attestations it speaks of are those given, of different exchanges and one instant",
        outcome,
    );
    let (true, Ok(public)) = (known, public) else {
        return report;
    };
    let outcome = parameters().and_then(|parameters| {
        let parameters = parameters.as_ref();
        parameters.check_pin()?;
        // nova indexes by lengths that come from the proof; a panic there is a refusal
        let z = catch_unwind(AssertUnwindSafe(|| {
            proof.verify(parameters.verifying_key()?, 1, &public.to_z()).map_err(Error::from)
        }))
        .unwrap_or_else(|_| Err(Error::Nova("the proof is malformed".to_owned())))?;
        if z != public.to_z() {
            return Err(Error::Malformed("the proof ends in another state".to_owned()));
        }
        Ok(format!("at least {} {}", file.claim.at_least, file.claim.quote))
    });
    let title = format!("an account in each of them has, in sum, at least the stated {}", file.claim.measure);
    if add("disclosure-proof", &title, outcome) {
        report.claim = Some(file.claim);
    }
    report
}

fn again(error: &Error) -> Error {
    Error::Malformed(error.to_string())
}

fn read(bytes: &[u8]) -> Result<(DisclosureFile, Compressed<DisclosureStep>), Error> {
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
    let (header, payload) = open(Kind::Disclosure, &envelope)?;
    let expected = Header {
        shape: DISCLOSURE_CIRCUIT.to_owned(),
        parameter_digest: pin_of(DISCLOSURE_CIRCUIT)?.parameter_digest,
        statement_digest: Sha256::digest(file.claim.to_bytes()?).into(),
        steps: 1,
    };
    if header != expected {
        return Err(Error::Malformed("the proof is of another claim, or of another version's circuit".to_owned()));
    }
    let proof = catch_unwind(|| decode_strict(payload))
        .unwrap_or_else(|_| Err(Error::Malformed("the proof is malformed".to_owned())))?;
    Ok((file, proof))
}
