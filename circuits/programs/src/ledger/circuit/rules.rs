//! What the compliance family adds to a step: every account within its limits, and valued by public weights. A matrix of
//! holdings times a public vector is checked for all accounts at once with random weights; the columns of the book are
//! taken in beside the pages (`book.rs`), and what pages add and columns take away must end at 0.

use assay_core::{
    field::F,
    gadget::linear::{Linear, alloc_equal, enforce, enforce_product},
};
use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use super::{
    book::{Taken, feed_gadget},
    leaf::Leaf,
};
use crate::ledger::{
    book::class_weight,
    shape::{MEASURES, Shape},
    state::{ResultState, RuleState},
    witness::StepWitness,
};

/// What the pages of a batch add to the differences.
struct Sums {
    rows: Linear,
    measures: [Linear; MEASURES],
    indicators: Linear,
    caps: Linear,
}

/// The rules on accounts; returns the part of the state that carries them.
///
/// * `chain-capped`: a page that continues an account goes on above its last capped column.
/// * `weight-entry`, `weight-account`: every capped entry has a power of ρ of its own, and every account that of its first.
/// * `row-sum`: rows grows by account weight · Σ fractions, less the columns' S_c / (γ − c): proves every S_c.
/// * `measure-sum`: account weight · measure, less weight · S_c: proves every measure of every account.
/// * `indicator-sum`: entry weight / (γ − column), less I_c / (γ − c): proves every I_c, and that capped columns are listed.
/// * `cap-sum`: entry weight · (quantity + slack + 2^65 · class), less I_c · bound_c: every entry is within its cap, and
///   its account of the column's class.
/// * `result-sum`: what is published of the measures.
pub(crate) fn rules_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    gamma: &Linear,
    open: &Linear,
    before: &RuleState<Linear>,
    leaves: &[Leaf],
    witness: Option<&StepWitness>,
) -> Result<RuleState<Linear>, SynthesisError> {
    let mut sums = Sums {
        rows: before.rows.clone(),
        measures: before.measures.clone(),
        indicators: before.indicators.clone(),
        caps: before.caps.clone(),
    };
    let mut results = before.results.clone();
    let (mut weight, mut account) = (before.weight.clone(), before.open_weight.clone());
    let mut last_capped = &before.open_capped;
    for (i, leaf) in leaves.iter().enumerate() {
        let mut cs = cs.namespace(|| format!("rules {i}"));
        (weight, account) = page_rules(&mut cs, shape, before, leaf, last_capped, (weight, account), &mut sums)?;
        for (m, measure) in leaf.page.measures.iter().enumerate() {
            // what is not negative is the measure plus its shortfall
            results[m].positive.add_scaled(F::ONE, &measure.signed.plus(&measure.shortfall));
            results[m].negative.add_scaled(F::ONE, &measure.shortfall);
            results[m].below.add_scaled(F::ONE, &measure.sign);
        }
        last_capped = &leaf.page.capped[shape.capped - 1].number;
    }
    let (open_weight, open_capped) = {
        let mut cs = cs.namespace(|| "chain-close rules");
        let open_weight = enforce_product(&mut cs, "open weight", open, &account)?;
        (open_weight, enforce_product(&mut cs, "open capped", open, last_capped)?)
    };

    let columns = witness.map(|w| w.columns.as_slice());
    let Taken { book, private, rows, measures, indicators, caps } =
        feed_gadget(cs, shape, gamma, (&before.book, &before.private), columns)?;

    let rows = alloc_equal(&mut cs.namespace(|| "row-sum"), "rows", &sums.rows.minus(&rows))?;
    let mut differences = sums.measures;
    for (m, (difference, lost)) in differences.iter_mut().zip(&measures).enumerate() {
        let mut cs = cs.namespace(|| format!("measure-sum {m}"));
        *difference = alloc_equal(&mut cs, "measure", &difference.minus(lost))?;
    }
    let indicators = sums.indicators.minus(&indicators);
    let indicators = alloc_equal(&mut cs.namespace(|| "indicator-sum"), "indicators", &indicators)?;
    let caps = alloc_equal(&mut cs.namespace(|| "cap-sum"), "caps", &sums.caps.minus(&caps))?;
    for (m, ResultState { positive, negative, below }) in results.iter_mut().enumerate() {
        for (i, result) in [positive, negative, below].into_iter().enumerate() {
            let mut cs = cs.namespace(|| format!("result-sum {}", 3 * m + i));
            *result = alloc_equal(&mut cs, "result", result)?;
        }
    }
    let rho = before.rho.clone();
    let measures = differences;
    Ok(RuleState { rho, weight, open_weight, open_capped, rows, measures, indicators, caps, book, private, results })
}

/// The rules on one page; returns the weights of the next entry and of the account.
fn page_rules<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    before: &RuleState<Linear>,
    leaf: &Leaf,
    last_capped: &Linear,
    (mut weight, account): (Linear, Linear),
    sums: &mut Sums,
) -> Result<(Linear, Linear), SynthesisError> {
    let page = &leaf.page;
    let capped = &page.capped[0];
    let continues = page.first.complement::<CS>();
    enforce(cs, "chain-capped", &continues, last_capped, &capped.number.minus(&capped.rise));

    let own = {
        let mut cs = cs.namespace(|| "weight-account");
        let first = page.first.value().map(|f| f == F::ONE);
        let value = first.and_then(|first| if first { weight.value() } else { account.value() });
        let own = Linear::alloc(&mut cs, "account", value)?;
        enforce(
            &mut cs,
            "the first page's, or the one before",
            &page.first,
            &weight.minus(&account),
            &own.minus(&account),
        );
        own
    };
    let fractions = Linear::weighted_sum(leaf.fractions.iter().map(|f| (F::ONE, f)));
    sums.rows.add_scaled(F::ONE, &enforce_product(cs, "row-sum", &own, &fractions)?);
    for (m, measure) in page.measures.iter().enumerate() {
        let term = enforce_product(cs, &format!("measure-sum {m}"), &own, &measure.signed)?;
        sums.measures[m].add_scaled(F::ONE, &term);
    }
    for (k, entry) in page.capped.iter().enumerate() {
        let (difference, inverse) = &leaf.differences[shape.entries() + k];
        let value = weight.value().zip(*inverse).map(|(w, i)| w * i);
        let fraction = Linear::alloc(cs, &format!("indicator-sum {k}"), value)?;
        enforce(cs, &format!("indicator-sum {k} is weight over difference"), &fraction, difference, &weight);
        sums.indicators.add_scaled(F::ONE, &fraction);

        let mut bound = entry.bound.clone();
        bound.add_scaled(class_weight(), &page.class);
        sums.caps.add_scaled(F::ONE, &enforce_product(cs, &format!("cap-sum {k}"), &weight, &bound)?);

        weight = enforce_product(cs, &format!("weight-entry {k}"), &weight, &before.rho)?;
    }
    Ok((weight, own))
}
