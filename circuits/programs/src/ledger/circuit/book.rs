//! The columns of the book as a circuit takes them in.

use assay_core::{
    field::F,
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
    book::{FedColumn, signed},
    shape::{MEASURES, Shape},
};

/// What a step has taken in of the book: the chains, and the terms that the differences lose.
pub struct Taken {
    /// The BOOK chain.
    pub book: Linear,
    /// The PRIVATE chain.
    pub private: Linear,
    /// Σ S_c / (γ − c).
    pub rows: Linear,
    /// Per measure, Σ weight · S_c.
    pub measures: [Linear; MEASURES],
    /// Σ I_c / (γ − c).
    pub indicators: Linear,
    /// Σ I_c · bound_c.
    pub caps: Linear,
}

/// Takes in the next columns, as many as the shape has room for in a step; the rest of the room is inactive.
///
/// * `feed-active`: a place is active or not; an inactive one has column 0, so that its denominators are γ, not 0.
/// * `feed-book`, `feed-private`: an active column is absorbed into both chains, whose ends the verifier compares with the
///   digests of the statement. So every column was taken in once, in the order of the book.
/// * `feed-terms`: what it adds, from the very values absorbed; nothing from an inactive place.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn feed_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: &Shape,
    gamma: &Linear,
    (book, private): (&Linear, &Linear),
    columns: Option<&[FedColumn]>,
) -> Result<Taken, SynthesisError> {
    let mut taken = Taken {
        book: book.clone(),
        private: private.clone(),
        rows: Linear::zero(),
        measures: std::array::from_fn(|_| Linear::zero()),
        indicators: Linear::zero(),
        caps: Linear::zero(),
    };
    for k in 0..shape.columns_per_step {
        let column = columns.map(|c| c.get(k).copied());
        place_gadget(&mut cs.namespace(|| format!("column {k}")), gamma, column, &mut taken)?;
    }
    Ok(taken)
}

fn place_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    gamma: &Linear,
    column: Option<Option<FedColumn>>,
    taken: &mut Taken,
) -> Result<(), SynthesisError> {
    let value = |of: fn(&FedColumn) -> F| column.map(|c| c.as_ref().map_or(F::ZERO, of));
    let index = Linear::alloc(cs, "index", value(|c| F::from(u64::from(c.book.index))))?;
    let bound = Linear::alloc(cs, "bound", value(|c| c.book.bound()))?;
    let weights = [
        Linear::alloc(cs, "weight 0", value(|c| signed(c.book.weights[0])))?,
        Linear::alloc(cs, "weight 1", value(|c| signed(c.book.weights[1])))?,
    ];
    let rows = Linear::alloc(cs, "rows", value(|c| c.sums.rows))?;
    let indicators = Linear::alloc(cs, "indicators", value(|c| c.sums.indicators))?;
    let blind = Linear::alloc(cs, "blind", value(|c| c.sums.blind))?;

    let active = {
        let mut cs = cs.namespace(|| "feed-active");
        let active = range_gadget(&mut cs, "active", column.map(|c| u64::from(c.is_some())), 1)?;
        enforce(&mut cs, "inactive places have column 0", &active.complement::<CS>(), &index, &Linear::zero());
        active
    };
    let next_book = {
        let mut cs = cs.namespace(|| "feed-book");
        let inputs = [taken.book.clone(), index.clone(), bound.clone(), weights[0].clone(), weights[1].clone()];
        let absorbed = hash_gadget(&mut cs, Domain::Book, &inputs)?;
        select(&mut cs, "chain", &active, &absorbed, &taken.book)?
    };
    let next_private = {
        let mut cs = cs.namespace(|| "feed-private");
        let inputs = [taken.private.clone(), rows.clone(), indicators.clone(), blind];
        let absorbed = hash_gadget(&mut cs, Domain::Private, &inputs)?;
        select(&mut cs, "chain", &active, &absorbed, &taken.private)?
    };
    (taken.book, taken.private) = (next_book, next_private);

    let mut cs = cs.namespace(|| "feed-terms");
    let rows = enforce_product(&mut cs, "active rows", &active, &rows)?;
    let indicators = enforce_product(&mut cs, "active indicators", &active, &indicators)?;
    let difference = gamma.minus(&index);
    let inverse = difference.value().map(|d| Option::<F>::from(d.invert()).unwrap_or(F::ZERO));
    for (name, numerator, sum) in [("rows", &rows, &mut taken.rows), ("indicators", &indicators, &mut taken.indicators)]
    {
        let value = inverse.zip(numerator.value()).map(|(i, n)| i * n);
        let fraction = Linear::alloc(&mut cs, &format!("{name} fraction"), value)?;
        enforce(&mut cs, &format!("{name} over difference"), &fraction, &difference, numerator);
        sum.add_scaled(F::ONE, &fraction);
    }
    for (m, weight) in weights.iter().enumerate() {
        let term = enforce_product(&mut cs, &format!("measure {m}"), weight, &rows)?;
        taken.measures[m].add_scaled(F::ONE, &term);
    }
    let term = enforce_product(&mut cs, "cap", &bound, &indicators)?;
    taken.caps.add_scaled(F::ONE, &term);
    Ok(())
}

/// A new variable: `yes` where `condition` is 1, `no` where it is 0.
fn select<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    condition: &Linear,
    yes: &Linear,
    no: &Linear,
) -> Result<Linear, SynthesisError> {
    let value = condition.value().zip(yes.value().zip(no.value())).map(|(c, (y, n))| if c == F::ONE { y } else { n });
    let chosen = Linear::alloc(cs, name, value)?;
    enforce(cs, &format!("{name} is chosen"), condition, &yes.minus(no), &chosen.minus(no));
    Ok(chosen)
}
