//! Numbers of a stated number of bits.

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::{Field, PrimeField};

use crate::{
    field::F,
    gadget::linear::{Linear, enforce},
};

/// `bits` new variables, at most 128, that are each 0 or 1, as the number they spell, least significant first. One
/// constraint a bit.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn range_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    value: Option<impl Into<u128>>,
    bits: u32,
) -> Result<Linear, SynthesisError> {
    let value: Option<u128> = value.map(Into::into);
    let bit_value = |i: u32| value.map(|v| if (v >> i) & 1 == 1 { F::ONE } else { F::ZERO });
    if cs.is_witness_generator() {
        let value = value.ok_or(SynthesisError::AssignmentMissing)?;
        let mut all = [F::ZERO; 128];
        for i in 0..bits {
            all[i as usize] = bit_value(i).unwrap_or(F::ZERO);
        }
        cs.extend_aux(&all[..bits as usize]);
        return Ok(Linear::witness_only(F::from_u128(value)));
    }
    let mut number = Linear::zero();
    let mut weight = F::ONE;
    for i in 0..bits {
        let bit = Linear::alloc(cs, &format!("{name} bit {i}"), bit_value(i))?;
        let complement = bit.complement::<CS>();
        enforce(cs, &format!("{name} bit {i} is 0 or 1"), &bit, &complement, &Linear::zero());
        number.add_scaled(weight, &bit);
        weight = weight.double();
    }
    Ok(number)
}
