//! The rules of a disclosure in plain Rust, under the ids of the circuit in `step`.

use assay_core::{check::Violation, field::F, tree::node};
use ff::Field;

use super::{
    state::PublicInput,
    witness::{Opening, bits},
};
use crate::ledger::{
    page::{FIRST_WORD_BITS, HEADER_OFFSET},
    shape::MEASURE_BITS,
};

/// Whether the openings make the public input true.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(public: &PublicInput, openings: &[Opening]) -> Result<(), Violation> {
    let violation = |rule, detail: String| Err(Violation { rule, detail });
    let mut sum = 0i128;
    for (k, (slot, opening)) in public.slots.iter().zip(openings).enumerate().filter(|(_, (slot, _))| slot.active) {
        if opening.measures.iter().any(|m| m.unsigned_abs() >> MEASURE_BITS != 0) {
            return violation("open-bits", format!("attestation {k}: a measure does not fit"));
        }
        if bits(opening.words[0], HEADER_OFFSET, 1) != 1 || bits(opening.words[0], FIRST_WORD_BITS, 8) != 0 {
            return violation("open-first", format!("attestation {k}: this is no account's first page"));
        }
        if opening.identity == F::ZERO {
            return violation("open-account", format!("attestation {k}: this is padding"));
        }
        let mut value = opening.leaf();
        for (level, (own, children)) in opening.path.iter().enumerate() {
            if children[*own] != value {
                return violation("open-path", format!("attestation {k}, level {level}"));
            }
            value = node(children);
        }
        if value != slot.root {
            return violation("open-root", format!("attestation {k}: the account is not under the root"));
        }
        if slot.shown.is_some_and(|identity| identity != opening.identity) {
            return violation("open-identity", format!("attestation {k}: this is another account"));
        }
        sum += opening.measures[public.measure];
    }
    if sum < public.threshold {
        return violation("open-threshold", "the sum is below the threshold".to_owned());
    }
    Ok(())
}
