//! A line's verdict.

use assay_core::{
    decimal::ExactSum,
    holding::{Holding, HoldingKeys, SignedHolding},
};

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

/// What the line shows in this snapshot to a reader who knows no key of a custodian or bank.
///
/// # Errors
/// If the line claims something false or cannot be read: a signature that is present and does not verify, an unknown scheme, an
/// address that its chain cannot parse, a script that is not the address', a third party's statement about something else. The ledger is
/// then refused.
pub fn judge(line: &Line<'_>, context: &Context<'_>) -> Result<Verdict, Defect> {
    judge_listed(line, context, None)
}

/// As [`judge`], for a reader who accepts the keys of these `custodians`.
///
/// # Errors
/// As [`judge`], and if a third party's statement names a listed key that did not sign it, or that is for something else.
pub fn judge_listed(
    line: &Line<'_>,
    context: &Context<'_>,
    custodians: Option<&HoldingKeys>,
) -> Result<Verdict, Defect> {
    line.check_lengths()?;
    if matches!(line.kind, Kind::Custodian | Kind::Bank) {
        return third_party(line, context, custodians);
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

/// Lines of custodians and banks: one statement, which must say what the line says whoever signed it.
fn third_party(line: &Line<'_>, context: &Context<'_>, custodians: Option<&HoldingKeys>) -> Result<Verdict, Defect> {
    let signatures = line.signatures()?;
    let document = match Key::parse(line.key)? {
        Key::Absent => None,
        Key::Document(digest) => Some(hex::encode(digest)),
        _ => return Err(Defect::Key { why: "of a custodian or bank is sha256: and a document's digest" }),
    };
    let signature = match &signatures[..] {
        [] if document.is_some() => return Ok(Verdict::Unproven(Reason::Document)),
        [] => return Ok(Verdict::Unproven(Reason::Unsigned)),
        [one] => one,
        several => return Err(Defect::TooMany { given: several.len(), most: 1 }),
    };
    if signature.scheme != Some("jws") {
        return Err(Defect::Scheme {
            number: signature.number,
            scheme: signature.scheme.unwrap_or_default().to_owned(),
            chain: line.chain.to_owned(),
            known: "jws".to_owned(),
        });
    }
    let signed = SignedHolding::parse(signature.text)?;
    compare(signed.holding(), line, context, document.as_deref())?;
    let signer = custodians.map(|keys| keys.signer(&signed)).transpose()?.flatten();
    Ok(match signer {
        // whoever says so: what is pledged to others backs nobody's balance
        _ if signed.holding().encumbered => Verdict::Unproven(Reason::Encumbered),
        Some(kid) => Verdict::ThirdParty { kid: kid.to_owned() },
        None => Verdict::Unproven(Reason::Signer),
    })
}

/// That a third party states this line for this snapshot. Amounts are compared by value, everything else byte for byte.
fn compare(holding: &Holding, line: &Line<'_>, context: &Context<'_>, document: Option<&str>) -> Result<(), Defect> {
    let stated = holding.document_sha256.as_deref();
    let members = [
        ("asset", holding.asset.as_str(), line.asset),
        ("custodian", holding.custodian.as_str(), line.chain),
        ("account", holding.account.as_str(), line.address),
        ("for", holding.exchange.as_str(), context.domain),
        ("snapshot", holding.snapshot.as_str(), context.snapshot),
        ("as_of", holding.as_of.as_str(), context.taken_at),
        // a statement may name a document that the line does not
        ("document_sha256", stated.unwrap_or_default(), document.or(stated).unwrap_or_default()),
    ];
    let differs = |member, found: &str, expected: &str| {
        Err(Defect::Differs { member, found: found.to_owned(), expected: expected.to_owned() })
    };
    for (member, found, expected) in members {
        if found != expected {
            return differs(member, found, expected);
        }
    }
    let value = |text: &str| {
        let mut sum = ExactSum::default();
        sum.add(text).is_ok().then_some(sum)
    };
    match (value(&holding.amount), value(line.amount)) {
        (Some(found), Some(expected)) if found == expected => Ok(()),
        _ => differs("amount", &holding.amount, line.amount),
    }
}
