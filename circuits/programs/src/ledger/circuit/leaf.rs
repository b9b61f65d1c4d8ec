//! The pages of a batch with what is derived from the challenge γ.

use assay_core::{
    field::F,
    gadget::linear::{Linear, enforce},
};
use bellpepper::util_cs::witness_cs::WitnessCS;
use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::{Field, PrimeField};
use rayon::prelude::*;

use super::page::{PageVariables, page_gadget};
use crate::ledger::{
    page::{CappedEntry, Page},
    shape::Shape,
    witness::StepWitness,
};

/// A page with what is derived from γ.
pub(crate) struct Leaf {
    pub(crate) page: PageVariables,
    /// Per entry: quantity / (γ − column).
    pub(crate) fractions: Vec<Linear>,
    /// Per entry: γ − column, and the inverse of its value.
    pub(crate) differences: Vec<(Linear, Option<F>)>,
}

/// Every page of the batch with its fractions. While generating a witness each page has a system of its own, so that all
/// cores work; the values are then joined in the order in which the constraints number their variables.
pub(crate) fn leaves_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    gamma: &Linear,
    open_capped: Option<F>,
    witness: Option<&StepWitness>,
) -> Result<Vec<Leaf>, SynthesisError> {
    // number of the last capped column before page i, where that page continues its account
    let before = |pages: &[Page], i: usize| -> Option<u64> {
        let last = |page: &Page| page.capped.last().map_or(0, CappedEntry::number);
        if pages[i].first {
            return Some(0);
        }
        if i == 0 { Some(open_capped.map_or(0, low_u64)) } else { Some(last(&pages[i - 1])) }
    };
    if cs.is_witness_generator() {
        let pages = &witness.ok_or(SynthesisError::AssignmentMissing)?.pages;
        let parts: Vec<(WitnessCS<F>, Leaf)> = (0..pages.len())
            .into_par_iter()
            .map(|i| {
                let mut own = WitnessCS::new();
                let leaf = leaf_gadget(&mut own, shape, gamma, Some(&pages[i]), before(pages, i))?;
                Ok((own, leaf))
            })
            .collect::<Result<_, SynthesisError>>()?;
        return Ok(parts
            .into_iter()
            .map(|(own, leaf)| {
                cs.extend_aux(own.aux_assignment());
                leaf
            })
            .collect());
    }
    (0..shape.batch())
        .map(|i| {
            let (page, before) = (witness.map(|w| &w.pages[i]), witness.and_then(|w| before(&w.pages, i)));
            leaf_gadget(&mut cs.namespace(|| format!("page {i}")), shape, gamma, page, before)
        })
        .collect()
}

/// A page and, for each of its entries, `total-fraction`: the w with w · (γ − column) = quantity.
fn leaf_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    gamma: &Linear,
    page: Option<&Page>,
    before: Option<u64>,
) -> Result<Leaf, SynthesisError> {
    let page = page_gadget(cs, shape, page, before)?;
    let mut cs = cs.namespace(|| "total-fraction");
    let differences: Vec<Linear> = page.entries.iter().map(|(column, _)| gamma.minus(column)).collect();
    let inverses = batch_invert(differences.iter().map(Linear::value).collect());
    let mut fractions = Vec::with_capacity(page.entries.len());
    for (k, (_, quantity)) in page.entries.iter().enumerate() {
        let value = inverses[k].zip(quantity.value()).map(|(i, q)| i * q);
        let fraction = Linear::alloc(&mut cs, &format!("fraction {k}"), value)?;
        enforce(&mut cs, &format!("fraction {k} is quantity over difference"), &fraction, &differences[k], quantity);
        fractions.push(fraction);
    }
    Ok(Leaf { page, fractions, differences: differences.into_iter().zip(inverses).collect() })
}

/// Montgomery's trick over the few values of a page; a zero, which a verifier's γ never gives, stays zero.
fn batch_invert(values: Vec<Option<F>>) -> Vec<Option<F>> {
    let Some(mut values) = values.iter().copied().collect::<Option<Vec<F>>>() else {
        return values;
    };
    let mut prefix = Vec::with_capacity(values.len());
    let mut product = F::ONE;
    for v in &values {
        prefix.push(product);
        if !v.is_zero_vartime() {
            product *= v;
        }
    }
    let mut inverse = Option::<F>::from(product.invert()).expect("a product of non-zero values");
    for (v, before) in values.iter_mut().zip(prefix).rev() {
        if !v.is_zero_vartime() {
            let own = inverse * before;
            inverse *= *v;
            *v = own;
        }
    }
    values.into_iter().map(Some).collect()
}

/// The low 64 bits.
pub(crate) fn low_u64(value: F) -> u64 {
    let repr = value.to_repr();
    let mut low = [0u8; 8];
    low.copy_from_slice(&repr.as_ref()[..8]);
    u64::from_le_bytes(low)
}
