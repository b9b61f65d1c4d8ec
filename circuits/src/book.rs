//! The columns of the book as the fold takes them in: a public part, absorbed into the BOOK chain, and a private part,
//! absorbed into the PRIVATE chain, whose sums the proved differences are compared with.

use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::{Field, PrimeField};

use crate::{
    field::{F, power_of_two},
    hash::{Domain, hash, hash_gadget},
    linear::{Linear, enforce, enforce_product},
    page::{Page, range_gadget},
    shape::{MEASURES, OPEN_COLUMNS, QUANTITY_BITS, Shape},
};

/// The public part of a column, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookColumn {
    /// Index: an open column below 2^13, a capped one from there up to 2^14.
    pub index: u16,
    /// Class of the accounts that may use it; 0 for an open column, which is anybody's.
    pub class: u8,
    /// Most that one account may hold of it; 0 for an open column, which has no cap.
    pub cap: u64,
    /// Per measure, what one smallest unit adds, in 10^-12 of the quote currency. Below 2^127 in magnitude.
    pub weights: [i128; MEASURES],
}

/// The private part of a column: sums with random weights, and a blind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSums {
    /// S_c = Σ account weight · quantity over the entries of the column.
    pub rows: F,
    /// I_c = Σ entry weight over its capped entries.
    pub indicators: F,
    /// Random, so that the published digest confirms no guess at the sums.
    pub blind: F,
}

/// A column as one step takes it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FedColumn {
    /// What everybody knows of it.
    pub book: BookColumn,
    /// What only the prover knows.
    pub sums: ColumnSums,
}

/// A signed integer as a field element.
pub fn signed(value: i128) -> F {
    let magnitude = F::from_u128(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// Weight of a class beside quantity + slack, or cap, both below 2^65: the sum of the two determines both.
pub fn class_weight() -> F {
    power_of_two(QUANTITY_BITS + 1)
}

impl BookColumn {
    /// cap + 2^65 · class.
    pub fn bound(&self) -> F {
        F::from(self.cap) + F::from(u64::from(self.class)) * class_weight()
    }

    /// What the BOOK chain absorbs: index, bound and weights.
    pub fn elements(&self) -> [F; 2 + MEASURES] {
        [F::from(u64::from(self.index)), self.bound(), signed(self.weights[0]), signed(self.weights[1])]
    }
}

/// One link of the BOOK chain.
pub fn book_link(chain: F, column: &BookColumn) -> F {
    let [index, bound, first, second] = column.elements();
    hash(Domain::Book, &[chain, index, bound, first, second])
}

/// One link of the PRIVATE chain.
pub fn private_link(chain: F, sums: &ColumnSums) -> F {
    hash(Domain::Private, &[chain, sums.rows, sums.indicators, sums.blind])
}

/// The BOOK chain over all columns, from 0.
pub fn book_digest(columns: &[BookColumn]) -> F {
    columns.iter().fold(F::ZERO, book_link)
}

/// The PRIVATE chain over all columns, from 0.
pub fn private_digest(columns: &[FedColumn]) -> F {
    columns.iter().fold(F::ZERO, |chain, c| private_link(chain, &c.sums))
}

/// Collects the private sums of all columns, page after page in the order of the tree.
pub struct SumCollector {
    rho: F,
    /// Weight of the next capped entry.
    weight: F,
    /// Weight of the account whose pages are being read.
    account: F,
    /// By index of the column.
    sums: std::collections::BTreeMap<u16, (F, F)>,
}

impl SumCollector {
    /// Starts with the challenge ρ and nothing read.
    pub fn new(rho: F) -> Self {
        Self { rho, weight: F::ONE, account: F::ZERO, sums: std::collections::BTreeMap::new() }
    }

    /// Takes in the next page, padding included.
    pub fn add(&mut self, page: &Page) {
        if page.first {
            self.account = self.weight;
        }
        for entry in page.entries.iter().filter(|e| e.quantity > 0) {
            self.sums.entry(entry.column).or_default().0 += self.account * F::from(entry.quantity);
        }
        for entry in &page.capped {
            let (rows, indicators) = self.sums.entry(entry.column).or_default();
            *rows += self.account * F::from(entry.quantity);
            *indicators += self.weight;
            self.weight *= self.rho;
        }
    }

    /// The columns with their sums, in the order given, each with the blind that `blind` gives for its index.
    pub fn finish(&self, columns: &[BookColumn], blind: impl Fn(u16) -> F) -> Vec<FedColumn> {
        let fed = |book: &BookColumn| {
            let (rows, indicators) = self.sums.get(&book.index).copied().unwrap_or_default();
            FedColumn { book: *book, sums: ColumnSums { rows, indicators, blind: blind(book.index) } }
        };
        columns.iter().map(fed).collect()
    }
}

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
    for k in 0..shape.columns_per_step() {
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

const _: () = assert!(MEASURES == 2 && OPEN_COLUMNS == 1 << 13, "the chain absorbs two weights and a 14-bit index");
