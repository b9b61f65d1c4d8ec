//! The circuit of [`crate::hash`].

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use crate::{
    field::F,
    gadget::linear::{Linear, enforce_product},
    hash::{Constants, Domain, MAX_ARITY, fifth_power, hash_constraints, permute, tag},
};

/// The circuit of [`crate::hash::hash`]: the digest as a linear expression of the last S-boxes.
///
/// Every S-box x ↦ x^5 is three constraints, x·x = a, a·a = b, b·x = c, on a linear expression x; additions and the
/// matrix are free. A prover who changes any of the three powers violates one of them.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn hash_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    domain: Domain,
    inputs: &[Linear],
) -> Result<Linear, SynthesisError> {
    let constants = Constants::of(inputs.len());
    if cs.is_witness_generator() {
        return hash_witness(cs, constants, domain, inputs);
    }
    let mut state = vec![Linear::constant::<CS>(tag(inputs.len(), domain))];
    state.extend(inputs.iter().cloned());
    for (r, keys) in constants.rounds.iter().enumerate() {
        let boxes = if constants.is_full(r) { constants.width } else { 1 };
        for (i, key) in keys.iter().enumerate() {
            state[i].add_constant::<CS>(*key);
            if i < boxes {
                state[i] = if r == 0 && i == 0 {
                    let x = state[0].value().expect("the capacity element is a constant");
                    Linear::constant::<CS>(fifth_power(x)[2])
                } else {
                    sbox_gadget(&mut cs.namespace(|| format!("round {r} element {i}")), &state[i])?
                };
            }
        }
        state = constants.matrix.iter().map(|row| Linear::weighted_sum(row.iter().copied().zip(&state))).collect();
    }
    Ok(state.swap_remove(1))
}

fn sbox_gadget<CS: ConstraintSystem<F>>(cs: &mut CS, x: &Linear) -> Result<Linear, SynthesisError> {
    let square = enforce_product(cs, "square", x, x)?;
    let fourth = enforce_product(cs, "fourth", &square, &square)?;
    enforce_product(cs, "fifth", &fourth, x)
}

/// The same variables in the same order as the constraints above allocate, computed natively.
fn hash_witness<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    constants: &Constants,
    domain: Domain,
    inputs: &[Linear],
) -> Result<Linear, SynthesisError> {
    let mut buffer = [F::ZERO; MAX_ARITY + 1];
    let state = &mut buffer[..constants.width];
    state[0] = tag(inputs.len(), domain);
    for (x, input) in state[1..].iter_mut().zip(inputs) {
        *x = input.value().ok_or(SynthesisError::AssignmentMissing)?;
    }
    let mut trace = Vec::with_capacity(hash_constraints(inputs.len()));
    permute(constants, state, |round, element, powers| {
        if (round, element) != (0, 0) {
            trace.extend(powers);
        }
    });
    cs.extend_aux(&trace);
    Ok(Linear::witness_only(state[1]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::hash::hash;
    use bellpepper::util_cs::witness_cs::WitnessCS;
    use bellpepper_core::test_cs::TestConstraintSystem;

    fn inputs(seed: u64, n: usize) -> Vec<F> {
        (0..n as u64).map(|i| F::from(seed * 1000 + i).pow_vartime([77u64]) - F::from(i)).collect()
    }

    #[test]
    fn circuit_twin_and_witness_agree_and_every_variable_is_caught() {
        for arity in [3, 5, 8] {
            let xs = inputs(9, arity);
            let expected = hash(Domain::Leaf, &xs);

            let mut cs = TestConstraintSystem::<F>::new();
            let vars: Vec<_> = xs
                .iter()
                .enumerate()
                .map(|(i, x)| Linear::alloc(&mut cs, &format!("input {i}"), Some(*x)).unwrap())
                .collect();
            let out = hash_gadget(&mut cs.namespace(|| "hash"), Domain::Leaf, &vars).unwrap();
            assert_eq!(out.value(), Some(expected));
            assert!(cs.is_satisfied());
            assert_eq!(cs.num_constraints(), hash_constraints(arity));

            let mut fast = WitnessCS::<F>::new();
            let vars: Vec<_> = xs.iter().map(|x| Linear::alloc(&mut fast, "input", Some(*x)).unwrap()).collect();
            let out = hash_gadget(&mut fast, Domain::Leaf, &vars).unwrap();
            assert_eq!(out.value(), Some(expected));
            assert_eq!(fast.aux_assignment(), cs.scalar_aux());

            let names: Vec<String> =
                cs.pretty_print_list().into_iter().filter_map(|l| l.strip_prefix("AUX ").map(str::to_owned)).collect();
            for name in names {
                let honest = cs.get(&name);
                cs.set(&name, honest + F::ONE);
                assert!(cs.which_is_unsatisfied().is_some(), "{name} is free");
                cs.set(&name, honest);
            }
        }
    }
}
