//! A line's verdict.

use crate::{
    chain::registry::Chain,
    claim::{Claim, Proof},
    context::Context,
    defect::Defect,
    key::Key,
    line::{Kind, Line},
    verdict::{Reason, Verdict},
};

/// Forms in which a signer sees a digest and not the text: whoever logs in to a website by signing what it asks for may sign a reserve's
/// message without knowing. They count as signed, and never as made for a snapshot.
const BLIND: [&str; 4] = ["eip191-keccak", "keccak", "tron-keccak", "ton-proof"];

/// What the line shows in this snapshot.
///
/// # Errors
/// If the line claims something false or cannot be read: a signature that is present and does not verify, an unknown scheme, an
/// address that its chain cannot parse, a script that is not the address'. The ledger is then refused.
pub fn judge(line: &Line<'_>, context: &Context<'_>) -> Result<Verdict, Defect> {
    line.check_lengths()?;
    if matches!(line.kind, Kind::Custodian | Kind::Bank) {
        return third_party(line);
    }
    let Some(chain) = Chain::parse(line.chain) else { return Ok(Verdict::Unproven(Reason::NoRule)) };
    let family = if line.kind == Kind::Contract { line.chain.to_owned() } else { chain.family() };
    // an address outside of its grammar is said to be one first
    chain.canonical_address(line.address)?;
    let canonical = context.message(&family, line.address);
    let is_canonical = line.message.is_empty() || canonical.as_deref() == Ok(line.message);
    let message = if is_canonical { canonical? } else { line.message.to_owned() };
    match verify(line, context.domain, &message)? {
        Proof::Unproven(reason) => Ok(Verdict::Unproven(reason)),
        Proof::Signed if is_canonical => Ok(Verdict::Fresh),
        Proof::Signed | Proof::Imported => Ok(Verdict::Undated { text: message }),
    }
}

/// Whether the line's signatures are over this message, whatever the column `message` says. `domain` is the exchange's, for forms that
/// name the website that asked.
///
/// # Errors
/// As [`judge`].
pub fn verify(line: &Line<'_>, domain: &str, message: &str) -> Result<Proof, Defect> {
    line.check_lengths()?;
    let Some(chain) = Chain::parse(line.chain) else { return Ok(Proof::Unproven(Reason::NoRule)) };
    chain.canonical_address(line.address)?;
    let (signatures, key) = (line.signatures()?, Key::parse(line.key)?);
    let claim = Claim {
        chain: line.chain,
        domain,
        address: line.address,
        message: message.as_bytes(),
        signatures: &signatures,
        key: &key,
    };
    match (line.kind, signatures.is_empty()) {
        (Kind::Custodian | Kind::Bank, _) => Ok(Proof::Unproven(Reason::Signer)),
        (Kind::Address, false) => {
            let is_blind = signatures.iter().any(|own| own.scheme.is_some_and(|scheme| BLIND.contains(&scheme)));
            match chain.prove(&claim)? {
                Proof::Signed if is_blind => Ok(Proof::Imported),
                proof => Ok(proof),
            }
        }
        (Kind::Contract, false) => chain.prove_owners(&claim),
        (Kind::Address, true) => chain.check_key(&claim).map(|()| Proof::Unproven(Reason::Unsigned)),
        (Kind::Contract, true) => Ok(Proof::Unproven(Reason::Unsigned)),
    }
}

/// The scheme in which a line's signatures, written without one, are valid; for published lines, whose files name none.
///
/// `None` where no scheme of the chain makes them valid.
pub fn recognise(line: &Line<'_>, context: &Context<'_>) -> Option<&'static str> {
    let schemes = Chain::parse(line.chain)?.schemes();
    // without a key, whatever needs one says no more than that it needs one
    let is_valid = |verdict| match verdict {
        Ok(Verdict::Fresh | Verdict::Undated { .. }) => true,
        Ok(Verdict::Unproven(Reason::Contract | Reason::Key | Reason::Rotated)) => !line.key.is_empty(),
        _ => false,
    };
    schemes.iter().copied().find(|scheme| {
        let texts: Vec<_> = line.signature.split(' ').map(|text| format!("{scheme}:{text}")).collect();
        is_valid(judge(&Line { signature: &texts.join(" "), ..*line }, context))
    })
}

/// Lines of custodians and banks: whose keys count is not known here.
fn third_party(line: &Line<'_>) -> Result<Verdict, Defect> {
    let (signatures, key) = (line.signatures()?, Key::parse(line.key)?);
    for signature in &signatures {
        if signature.scheme != Some("jws") {
            return Err(Defect::Scheme {
                number: signature.number,
                scheme: signature.scheme.unwrap_or_default().to_owned(),
                chain: line.chain.to_owned(),
                known: "jws".to_owned(),
            });
        }
    }
    Ok(Verdict::Unproven(match (signatures.is_empty(), key) {
        (false, _) => Reason::Signer,
        (true, Key::Document) => Reason::Document,
        (true, Key::Absent) => Reason::Unsigned,
        (true, _) => return Err(Defect::Key { why: "of a custodian or bank is sha256: and a document's digest" }),
    }))
}
