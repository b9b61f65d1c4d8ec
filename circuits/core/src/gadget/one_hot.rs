//! Selection among eight.

use bellpepper_core::{ConstraintSystem, SynthesisError};

use crate::{
    field::F,
    gadget::linear::{Linear, enforce_product},
};

/// The eight selectors of a three-bit digit, least significant bit first: one of them is 1, the digit's. Four constraints.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn one_hot<CS: ConstraintSystem<F>>(cs: &mut CS, bits: &[Linear]) -> Result<Vec<Linear>, SynthesisError> {
    let (low, mid, high) = (&bits[0], &bits[1], &bits[2]);
    let both = enforce_product(cs, "low and mid", low, mid)?;
    // by (low, mid) = 00, 10, 01, 11
    let quarters = [low.complement::<CS>().minus(mid).plus(&both), low.minus(&both), mid.minus(&both), both];
    let mut upper = Vec::with_capacity(4);
    let mut rest = high.clone();
    for (i, quarter) in quarters.iter().take(3).enumerate() {
        let selected = enforce_product(cs, &format!("selector {}", i + 4), quarter, high)?;
        rest = rest.minus(&selected);
        upper.push(selected);
    }
    upper.push(rest);
    let lower = quarters.iter().zip(&upper).map(|(q, u)| q.minus(u));
    Ok(lower.collect::<Vec<_>>().into_iter().chain(upper).collect())
}
