//! A page as a circuit.

use assay_core::{
    field::{F, power_of_two},
    gadget::{
        hash::hash_gadget,
        linear::{Linear, enforce, enforce_product},
        range::range_gadget,
    },
    hash::Domain,
};
use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use crate::ledger::{
    page::{
        CAPPED_COLUMN_OFFSET, CLASS_OFFSET, CappedEntry, ENTRY_BITS, HEADER_OFFSET, Page, REMAINING_OFFSET, SIGNED_BITS,
    },
    shape::{
        CLASS_BITS, COLUMN_BITS, ENTRIES_PER_WORD, MEASURE_BITS, OPEN_COLUMNS, QUANTITY_BITS, REMAINING_BITS, Shape,
    },
};

/// A page inside the circuit: what the other rules read of it.
pub struct PageVariables {
    /// The identity.
    pub identity: Linear,
    /// 1 on an account's first page, else 0.
    pub first: Linear,
    /// Pages that follow.
    pub remaining: Linear,
    /// The class.
    pub class: Linear,
    /// Per entry, open ones first: the column's index and the quantity.
    pub entries: Vec<(Linear, Linear)>,
    /// The capped entries.
    pub capped: Vec<CappedVariables>,
    /// The measures.
    pub measures: Vec<MeasureVariables>,
    /// The leaf.
    pub leaf: Linear,
}

/// A capped entry inside the circuit.
pub struct CappedVariables {
    /// The column's number among the capped ones.
    pub number: Linear,
    /// By how much that is above the number of the entry before it, which may stand on the page before.
    pub rise: Linear,
    /// Quantity + slack.
    pub bound: Linear,
}

/// A measure inside the circuit.
pub struct MeasureVariables {
    /// The measure itself.
    pub signed: Linear,
    /// Its magnitude if it is negative, else 0.
    pub shortfall: Linear,
    /// 1 if it is negative, else 0.
    pub sign: Linear,
}

/// Allocates a page, range-checks every part of it, and hashes it to its leaf.
///
/// * `page-bits`: each packed bit is 0 or 1, so columns are below 2^13, quantities and slacks below 2^64, magnitudes
///   below 2^96, and packing is injective. Without it a quantity could be p − x and lower a total.
/// * `page-pad`: identity · t = Σ quantities for some t, so a page with identity 0 holds nothing.
/// * `page-leaf`: the leaf is the hash of exactly these bits, so totals are tied to the root.
///
/// And with rules:
///
/// * `capped-once`: an entry that does not rise above the column of the one before it holds nothing. Columns cannot
///   descend (a rise is 13 bits and one), so no account holds one capped column twice and so more than its cap.
/// * `measure-sign`: magnitude · t = sign for some t, so zero is not negative; and shortfall = sign · magnitude.
/// * `measure-first`: only a first page carries measures, so every account is valued once.
///
/// `before` is the number of the account's last capped column on the page before, 0 for a first page; a value for the
/// witness, which [`super::step`] ties to the page before.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn page_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    page: Option<&Page>,
    before: Option<u64>,
) -> Result<PageVariables, SynthesisError> {
    let identity = Linear::alloc(cs, "identity", page.map(|p| p.identity))?;

    let (first, remaining, class, mut entries) = {
        let mut cs = cs.namespace(|| "page-bits");
        let first = range_gadget(&mut cs, "first", page.map(|p| u64::from(p.first)), 1)?;
        let remaining = range_gadget(&mut cs, "remaining", page.map(|p| u64::from(p.remaining)), REMAINING_BITS)?;
        let class = range_gadget(&mut cs, "class", page.map(|p| u64::from(p.class)), CLASS_BITS)?;
        let mut entries = Vec::with_capacity(shape.entries() + shape.capped);
        for k in 0..shape.entries() {
            let mut cs = cs.namespace(|| format!("entry {k}"));
            let column = range_gadget(&mut cs, "column", page.map(|p| u64::from(p.entries[k].column)), COLUMN_BITS)?;
            let quantity = range_gadget(&mut cs, "quantity", page.map(|p| p.entries[k].quantity), QUANTITY_BITS)?;
            entries.push((column, quantity));
        }
        (first, remaining, class, entries)
    };

    let mut words: Vec<Linear> = entries
        .chunks(ENTRIES_PER_WORD)
        .map(|chunk| {
            let mut word = Linear::zero();
            for (k, (column, quantity)) in chunk.iter().enumerate() {
                let offset = k as u32 * ENTRY_BITS;
                word.add_scaled(power_of_two(offset), column);
                word.add_scaled(power_of_two(offset + COLUMN_BITS), quantity);
            }
            word
        })
        .collect();
    words[0].add_scaled(power_of_two(HEADER_OFFSET), &first);
    words[0].add_scaled(power_of_two(REMAINING_OFFSET), &remaining);
    words[0].add_scaled(power_of_two(CLASS_OFFSET), &class);

    let (mut capped, mut measures) = (Vec::new(), Vec::new());
    let mut last = before;
    for k in 0..shape.capped {
        let own = page.map(|p| p.capped[k]);
        let (entry, quantity, word) = capped_gadget(cs, k, own, last, capped.last())?;
        let mut column = entry.number.clone();
        column.add_constant::<CS>(F::from(u64::from(OPEN_COLUMNS)));
        entries.push((column, quantity));
        words.push(word);
        capped.push(entry);
        last = own.map(|e| e.number());
    }
    if shape.measures > 0 {
        words.push(measures_gadget(cs, shape, page, &first, &mut measures)?);
    }

    {
        let mut cs = cs.namespace(|| "page-pad");
        let sum = Linear::weighted_sum(entries.iter().map(|(_, q)| (F::ONE, q)));
        let ratio = identity.value().zip(sum.value()).map(|(id, sum)| {
            // identity 0 is honest only with sum 0, and then any ratio does
            Option::<F>::from(id.invert()).unwrap_or(F::ZERO) * sum
        });
        let ratio = Linear::alloc(&mut cs, "ratio", ratio)?;
        enforce(&mut cs, "identity divides the sum of quantities", &identity, &ratio, &sum);
    }

    let mut inputs = vec![identity.clone()];
    inputs.extend(words);
    let leaf = hash_gadget(&mut cs.namespace(|| "page-leaf"), Domain::Leaf, &inputs)?;

    Ok(PageVariables { identity, first, remaining, class, entries, capped, measures, leaf })
}

/// A capped entry, its quantity and its word. The first of a page has its column as a variable, which the page chain ties
/// to the page before; the others rise from the one before them.
fn capped_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    k: usize,
    entry: Option<CappedEntry>,
    before: Option<u64>,
    previous: Option<&CappedVariables>,
) -> Result<(CappedVariables, Linear, Linear), SynthesisError> {
    let rise = entry.zip(before).map(|(e, before)| e.number().saturating_sub(before));
    let (fresh, rise, quantity, slack) = {
        let mut cs = cs.namespace(|| format!("page-bits capped {k}"));
        let fresh = range_gadget(&mut cs, "fresh", rise.map(|r| u64::from(r > 0)), 1)?;
        let gap = range_gadget(&mut cs, "gap", rise.map(|r| r.saturating_sub(1)), COLUMN_BITS)?;
        let quantity = range_gadget(&mut cs, "quantity", entry.map(|e| e.quantity), QUANTITY_BITS)?;
        let slack = range_gadget(&mut cs, "slack", entry.map(|e| e.slack), QUANTITY_BITS)?;
        let rise = gap.plus(&fresh);
        (fresh, rise, quantity, slack)
    };
    let name = format!("capped-once {k}");
    enforce(cs, &name, &fresh.complement::<CS>(), &quantity, &Linear::zero());
    let number = match previous {
        None => Linear::alloc(cs, &format!("capped {k} column"), entry.map(|e| F::from(e.number())))?,
        Some(previous) => previous.number.plus(&rise),
    };
    let mut word = quantity.clone();
    word.add_scaled(power_of_two(QUANTITY_BITS), &slack);
    word.add_scaled(power_of_two(CAPPED_COLUMN_OFFSET), &number);
    let bound = quantity.plus(&slack);
    Ok((CappedVariables { number, rise, bound }, quantity, word))
}

/// All measures, and the word that packs them.
fn measures_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    page: Option<&Page>,
    first: &Linear,
    measures: &mut Vec<MeasureVariables>,
) -> Result<Linear, SynthesisError> {
    let mut word = Linear::zero();
    for m in 0..shape.measures {
        let own = page.map(|p| p.measures[m]);
        let (magnitude, sign) = {
            let mut cs = cs.namespace(|| format!("page-bits measure {m}"));
            let magnitude = range_gadget(&mut cs, "magnitude", own.map(i128::unsigned_abs), MEASURE_BITS)?;
            let sign = range_gadget(&mut cs, "sign", own.map(|v| u64::from(v < 0)), 1)?;
            (magnitude, sign)
        };
        let offset = m as u32 * SIGNED_BITS;
        word.add_scaled(power_of_two(offset), &magnitude);
        word.add_scaled(power_of_two(offset + MEASURE_BITS), &sign);

        let mut cs = cs.namespace(|| format!("measure-sign {m}"));
        let inverse = magnitude.value().zip(sign.value());
        let inverse = inverse.map(|(m, s)| Option::<F>::from(m.invert()).unwrap_or(F::ZERO) * s);
        let inverse = Linear::alloc(&mut cs, "inverse", inverse)?;
        enforce(&mut cs, "zero is not negative", &magnitude, &inverse, &sign);
        let shortfall = enforce_product(&mut cs, "shortfall", &sign, &magnitude)?;
        let mut signed = magnitude;
        signed.add_scaled(-F::from(2), &shortfall);
        measures.push(MeasureVariables { signed, shortfall, sign });
    }
    // the packed magnitudes and signs are not negative, so the word is zero only if all of them are
    enforce(cs, "measure-first", &first.complement::<CS>(), &word, &Linear::zero());
    Ok(word)
}
