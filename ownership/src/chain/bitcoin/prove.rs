//! Which of the two kinds of signatures a line has.

use super::{
    address::{Coin, Target},
    bip322::{self, Outcome},
    message, script,
};
use crate::{
    claim::{Claim, Proof, SignatureText},
    defect::Defect,
    key::Key,
    verdict::Reason,
};

/// BIP-322 and messages on Bitcoin, messages elsewhere.
pub fn schemes(coin: &Coin) -> &'static [&'static str] {
    if coin.name == "bitcoin" { &["bip322", "bitcoin-message"] } else { &["bitcoin-message"] }
}

/// The script that the line states, which must be the address'.
fn stated_script<'a>(coin: &Coin, target: &Target, claim: &Claim<'a>) -> Result<Option<&'a [u8]>, Defect> {
    match claim.key {
        Key::Absent => Ok(None),
        Key::Script(bytes) => script::check(coin, target, bytes).map(|_| Some(&bytes[..])),
        _ => Err(Defect::Key { why: "of such an address is empty or script: and the redeem or witness script" }),
    }
}

/// The script that the line states must be the address'.
pub fn check_key(coin: &Coin, claim: &Claim<'_>) -> Result<(), Defect> {
    let target = coin.parse(claim.address).map_err(|why| claim.address_defect(why))?;
    stated_script(coin, &target, claim).map(|_| ())
}

/// An address of a key or a script.
pub fn prove(coin: &Coin, claim: &Claim<'_>) -> Result<Proof, Defect> {
    let target = coin.parse(claim.address).map_err(|why| claim.address_defect(why))?;
    let script = stated_script(coin, &target, claim)?;
    let schemes = schemes(coin);
    let scheme_of = |signature: &SignatureText<'_>| match signature.scheme {
        None if message::is_shaped(signature.text) => Ok("bitcoin-message"),
        _ => claim.scheme(signature, schemes),
    };
    let kinds: Vec<_> = claim.signatures.iter().map(scheme_of).collect::<Result<_, _>>()?;
    if kinds.contains(&"bip322") {
        let signature = claim.only()?;
        return match bip322::verify(&target.script_pubkey(), claim.message, signature.text) {
            Ok(Outcome::Valid) => Ok(Proof::Signed),
            Ok(Outcome::Inconclusive) => Ok(Proof::Unproven(Reason::Script)),
            Err(why) => Err(signature.false_by(why)),
        };
    }
    match script {
        // a key's witness in a script's hash
        Some([0, 20, ..]) => message::prove(coin, &target, claim),
        Some(script) => message::prove_script(coin, &target, script, claim),
        None => message::prove(coin, &target, claim),
    }
}
