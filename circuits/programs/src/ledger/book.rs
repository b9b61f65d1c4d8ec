//! The columns of the book as the fold takes them in: a public part, absorbed into the BOOK chain, and a private part,
//! absorbed into the PRIVATE chain, whose sums the proved differences are compared with. `circuit::book` has the circuit.

use std::collections::BTreeMap;

use assay_core::{
    field::{F, power_of_two},
    hash::{Domain, hash},
};
use ff::{Field, PrimeField};

use super::{
    page::Page,
    shape::{MEASURES, OPEN_COLUMNS, QUANTITY_BITS},
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
    /// Per measure, what one smallest unit adds, in the statement's unit of the quote currency. Below 2^127 in magnitude.
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
    sums: BTreeMap<u16, (F, F)>,
}

impl SumCollector {
    /// Starts with the challenge ρ and nothing read.
    pub fn new(rho: F) -> Self {
        Self { rho, weight: F::ONE, account: F::ZERO, sums: BTreeMap::new() }
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

const _: () = assert!(MEASURES == 2 && OPEN_COLUMNS == 1 << 13, "the chain absorbs two weights and a 14-bit index");
