//! The statement in plain Rust: the same rules as the circuit of `circuit::step`, under the same ids, on raw field
//! elements, so that a lie which no honest type could hold can be told to both. Written for reading, not for speed.

use assay_core::{
    check::Violation,
    field::{F, power_of_two},
    hash::{Domain, hash},
    tree::{TREE_ARITY, batch_levels, empty_roots, node},
};
use ff::{Field, PrimeField};

use super::{
    book::signed,
    page::Entry,
    shape::{
        CLASS_BITS, COLUMN_BITS, ENTRIES_PER_WORD, MEASURE_BITS, MEASURES, OPEN_COLUMNS, QUANTITY_BITS, REMAINING_BITS,
        Shape,
    },
    state::{RuleState, State},
    witness::StepWitness,
};

/// An entry as the prover claims it.
#[derive(Debug, Clone)]
pub struct RawEntry {
    /// Index of the column.
    pub column: F,
    /// Quantity.
    pub quantity: F,
    /// Quantity / (γ − column).
    pub fraction: F,
}

/// A page as the prover claims it.
#[derive(Debug, Clone)]
pub struct RawPage {
    /// Identity.
    pub identity: F,
    /// 1 on a first page.
    pub first: F,
    /// Pages that follow.
    pub remaining: F,
    /// Class.
    pub class: F,
    /// Open entries.
    pub entries: Vec<RawEntry>,
    /// Capped entries; none in the solvency family.
    pub capped: Vec<RawCapped>,
    /// Measures; none in the solvency family.
    pub measures: Vec<RawMeasure>,
    /// ρ to the number of the account's first capped entry.
    pub account_weight: F,
    /// The leaf.
    pub leaf: F,
}

/// A capped entry as the prover claims it.
#[derive(Debug, Clone)]
pub struct RawCapped {
    /// Number of the column among the capped ones.
    pub number: F,
    /// 1 if that is above the number of the entry before it in the account.
    pub fresh: F,
    /// By how much more than 1.
    pub gap: F,
    /// Quantity.
    pub quantity: F,
    /// What is left up to the cap.
    pub slack: F,
    /// Quantity / (γ − column).
    pub fraction: F,
    /// Entry weight / (γ − column).
    pub indicator: F,
}

/// A measure as the prover claims it.
#[derive(Debug, Clone)]
pub struct RawMeasure {
    /// Magnitude.
    pub magnitude: F,
    /// 1 if negative.
    pub sign: F,
}

/// A place for a column, active if there is one.
pub type RawPlace = Option<RawColumn>;

/// A column as the prover claims to take it in.
#[derive(Debug, Clone)]
pub struct RawColumn {
    /// Index.
    pub index: F,
    /// cap + 2^65 · class.
    pub bound: F,
    /// Weights.
    pub weights: [F; MEASURES],
    /// S_c.
    pub rows: F,
    /// I_c.
    pub indicators: F,
    /// Blind.
    pub blind: F,
}

/// Everything private in one step.
#[derive(Debug, Clone)]
pub struct Private {
    /// The batch.
    pub pages: Vec<RawPage>,
    /// Base-8 digits of the batch's position, lowest first.
    pub digits: Vec<F>,
    /// The children beside the path, before the insertion.
    pub path: Vec<[F; TREE_ARITY]>,
    /// The columns taken in.
    pub places: Vec<RawPlace>,
}

/// Everything public in one step.
#[derive(Debug, Clone, Copy)]
pub struct Public {
    /// z before.
    pub before: State,
    /// z after.
    pub after: State,
}

/// Returns from the calling function unless the condition holds.
macro_rules! require {
    ($rule:literal, $condition:expr, $($detail:tt)*) => {
        if !$condition {
            return Err(Violation { rule: $rule, detail: format!($($detail)*) });
        }
    };
}

impl Private {
    /// The honest private values of a step from the state `before`.
    pub fn honest(shape: &Shape, witness: &StepWitness, before: &State) -> Self {
        let index = low(before.index);
        let gamma = before.gamma;
        let inverse = |column: F| Option::<F>::from((gamma - column).invert()).unwrap_or_default();
        // a shape without rules has no capped entries, which are all that these are for
        let carried = before.rules.map(|r| (r.rho, r.weight, r.open_weight, low(r.open_capped)));
        let (rho, mut weight, mut account_weight, mut last_number) = carried.unwrap_or_default();
        let mut pages = Vec::with_capacity(witness.pages.len());
        for page in &witness.pages {
            let entry = |e: &Entry| {
                let (column, quantity) = (F::from(u64::from(e.column)), F::from(e.quantity));
                RawEntry { column, quantity, fraction: quantity * inverse(column) }
            };
            if page.first {
                (account_weight, last_number) = (weight, 0);
            }
            let mut capped = Vec::new();
            for e in &page.capped {
                let rise = e.number().saturating_sub(last_number);
                let (quantity, own) = (F::from(e.quantity), inverse(F::from(u64::from(e.column))));
                capped.push(RawCapped {
                    number: F::from(e.number()),
                    fresh: F::from(u64::from(rise > 0)),
                    gap: F::from(rise.saturating_sub(1)),
                    quantity,
                    slack: F::from(e.slack),
                    fraction: quantity * own,
                    indicator: weight * own,
                });
                weight *= rho;
                last_number = e.number();
            }
            let measure =
                |m: &i128| RawMeasure { magnitude: F::from_u128(m.unsigned_abs()), sign: F::from(u64::from(*m < 0)) };
            pages.push(RawPage {
                identity: page.identity,
                first: F::from(u64::from(page.first)),
                remaining: F::from(u64::from(page.remaining)),
                class: F::from(u64::from(page.class)),
                entries: page.entries.iter().map(entry).collect(),
                capped,
                measures: page.measures.iter().take(shape.measures).map(measure).collect(),
                account_weight,
                leaf: page.leaf(),
            });
        }
        let place = |k: usize| {
            witness.columns.get(k).map(|c| RawColumn {
                index: F::from(u64::from(c.book.index)),
                bound: c.book.bound(),
                weights: c.book.weights.map(signed),
                rows: c.sums.rows,
                indicators: c.sums.indicators,
                blind: c.sums.blind,
            })
        };
        Self {
            pages,
            digits: (0..shape.depths.upper).map(|k| F::from((index >> (3 * k)) & 7)).collect(),
            path: witness.path.clone(),
            places: (0..shape.columns_per_step).map(place).collect(),
        }
    }
}

/// Whether one step is what SPEC.md says.
///
/// # Errors
/// The first [`Violation`], in the order of SPEC.md.
pub fn check(shape: &Shape, public: &Public, private: &Private) -> Result<(), Violation> {
    let Public { before, after } = *public;

    for (i, page) in private.pages.iter().enumerate() {
        check_page(i, page, before.gamma)?;
    }

    // The page chain
    let (mut identity, mut remaining, mut class) = (before.open_identity, before.open_remaining, before.open_class);
    for (i, page) in private.pages.iter().enumerate() {
        if page.first == F::ONE {
            require!(
                "chain-first",
                remaining == F::ZERO,
                "page {i} is first, {remaining:?} pages are missing before it"
            );
        } else {
            require!("chain-identity", page.identity == identity, "page {i} continues another account");
            let counts = page.class == class && page.remaining + F::ONE == remaining;
            require!("chain-count", counts, "page {i} does not count down, or changes the class");
        }
        (identity, remaining, class) = (page.identity, page.remaining, page.class);
    }
    let open = if remaining == F::ZERO { F::ZERO } else { F::ONE };
    let carried =
        after.open_remaining == remaining && after.open_identity == open * identity && after.open_class == open * class;
    require!("chain-close", carried, "what the next step must continue is not the last page's");

    // The tree
    let leaves: Vec<F> = private.pages.iter().map(|p| p.leaf).collect();
    let batch_root = batch_levels(&leaves).swap_remove(shape.depths.batch)[0];
    check_insertion(shape, public, private, batch_root)?;
    require!("tree-next", after.index == before.index + F::ONE, "the next index is not one more");

    // The totals
    let fractions: F = private.pages.iter().flat_map(RawPage::fractions).sum();
    require!("total-sum", after.fractions == before.fractions + fractions, "the fractions do not sum up");
    require!("state-gamma", after.gamma == before.gamma, "the challenge changed");

    // The rules on accounts
    if let (Some(rules), Some(after)) = (&before.rules, &after.rules) {
        check_rules(before.gamma, rules, after, open, private)?;
    }
    Ok(())
}

/// The differences that must end at 0, as they grow in one step.
fn check_rules(gamma: F, before: &RuleState, after: &RuleState, open: F, private: &Private) -> Result<(), Violation> {
    let class_weight = power_of_two(QUANTITY_BITS + 1);
    let mut grown = *before;
    let (mut account, mut last) = (before.open_weight, before.open_capped);
    for (i, page) in private.pages.iter().enumerate() {
        let goes_on = page.capped[0].number == (F::ONE - page.first) * last + page.capped[0].rise();
        require!("chain-capped", goes_on, "page {i} does not go on above the account's last capped column");
        let own = if page.first == F::ONE { grown.weight } else { account };
        require!("weight-account", page.account_weight == own, "page {i} has the weight of another account");
        account = own;
        grown.rows += account * page.fractions().sum::<F>();
        for (m, measure) in page.measures.iter().enumerate() {
            grown.measures[m] += account * (measure.magnitude - measure.magnitude.double() * measure.sign);
            grown.results[m].positive += measure.magnitude * (F::ONE - measure.sign);
            grown.results[m].negative += measure.magnitude * measure.sign;
            grown.results[m].below += measure.sign;
        }
        for entry in &page.capped {
            let honest = entry.indicator * (gamma - entry.column()) == grown.weight;
            require!("indicator-sum", honest, "an indicator of page {i} is not weight / (γ − column)");
            grown.indicators += entry.indicator;
            grown.caps += grown.weight * (entry.quantity + entry.slack + class_weight * page.class);
            grown.weight *= before.rho;
            last = entry.number;
        }
    }
    for column in private.places.iter().flatten() {
        let &RawColumn { index, bound, weights, rows, indicators, blind } = column;
        grown.book = hash(Domain::Book, &[grown.book, index, bound, weights[0], weights[1]]);
        grown.private = hash(Domain::Private, &[grown.private, rows, indicators, blind]);
        let Some(inverse) = Option::<F>::from((gamma - index).invert()) else {
            return Err(Violation { rule: "feed-terms", detail: "a column's index is the challenge".to_owned() });
        };
        grown.rows -= rows * inverse;
        grown.indicators -= indicators * inverse;
        grown.caps -= indicators * bound;
        for (sum, weight) in grown.measures.iter_mut().zip(weights) {
            *sum -= weight * rows;
        }
    }
    let closed = after.open_weight == open * account && after.open_capped == open * last;
    require!("chain-close", closed, "what the next step must continue is not the last account's");
    require!("weight-entry", after.weight == grown.weight, "the next entry's weight is not the next power of ρ");
    require!("row-sum", after.rows == grown.rows, "the row sums do not grow by what was folded");
    require!("measure-sum", after.measures == grown.measures, "the measures do not grow by what was folded");
    require!("indicator-sum", after.indicators == grown.indicators, "the indicators do not grow by what was folded");
    require!("cap-sum", after.caps == grown.caps, "the caps do not grow by what was folded");
    require!("feed-book", after.book == grown.book, "other columns were absorbed");
    require!("feed-private", after.private == grown.private, "other private sums were absorbed");
    require!("result-sum", after.results == grown.results, "the results do not grow by what was folded");
    require!("state-rho", after.rho == before.rho, "the first challenge changed");
    Ok(())
}

impl RawCapped {
    fn column(&self) -> F {
        self.number + F::from(u64::from(OPEN_COLUMNS))
    }

    fn rise(&self) -> F {
        self.fresh + self.gap
    }
}

impl RawPage {
    /// Quantity / (γ − column) of every entry, capped ones included.
    fn fractions(&self) -> impl Iterator<Item = F> + '_ {
        self.entries.iter().map(|e| e.fraction).chain(self.capped.iter().map(|e| e.fraction))
    }
}

fn check_page(i: usize, page: &RawPage, gamma: F) -> Result<(), Violation> {
    let entries = page.entries.iter();
    let in_range = below(page.first, 1)
        && below(page.remaining, REMAINING_BITS)
        && below(page.class, CLASS_BITS)
        && entries.clone().all(|e| below(e.column, COLUMN_BITS) && below(e.quantity, QUANTITY_BITS))
        && page.capped.iter().all(|e| {
            let amounts = below(e.quantity, QUANTITY_BITS) && below(e.slack, QUANTITY_BITS);
            amounts && below(e.fresh, 1) && below(e.gap, COLUMN_BITS)
        })
        && page.measures.iter().all(|m| below(m.magnitude, MEASURE_BITS) && below(m.sign, 1));
    require!("page-bits", in_range, "page {i} holds a number out of its range");

    for entry in &page.capped {
        let once = entry.fresh == F::ONE || entry.quantity == F::ZERO;
        require!("capped-once", once, "page {i} holds a capped column a second time");
    }
    for (k, pair) in page.capped.windows(2).enumerate() {
        let rises = pair[1].number == pair[0].number + pair[1].rise();
        require!("page-leaf", rises, "capped entry {} of page {i} does not rise from the one before", k + 1);
    }
    for measure in &page.measures {
        let sound = measure.sign == F::ZERO || measure.magnitude != F::ZERO;
        require!("measure-sign", sound, "page {i} has a negative zero");
    }
    let silent = page.measures.iter().all(|m| m.magnitude == F::ZERO && m.sign == F::ZERO);
    require!("measure-first", page.first == F::ONE || silent, "page {i} carries a measure and is not first");

    let capped_sum: F = page.capped.iter().map(|e| e.quantity).sum();
    let sum: F = entries.clone().map(|e| e.quantity).sum::<F>() + capped_sum;
    require!("page-pad", page.identity != F::ZERO || sum == F::ZERO, "page {i} is nobody's, yet holds something");

    let mut words: Vec<F> = page
        .entries
        .chunks(ENTRIES_PER_WORD)
        .map(|chunk| {
            chunk.iter().rev().fold(F::ZERO, |word, e| {
                word * power_of_two(COLUMN_BITS + QUANTITY_BITS) + e.quantity * power_of_two(COLUMN_BITS) + e.column
            })
        })
        .collect();
    let header = page.first + page.remaining * F::from(2) + page.class * F::from(512);
    words[0] += header * power_of_two(ENTRIES_PER_WORD as u32 * (COLUMN_BITS + QUANTITY_BITS));
    let mut inputs = vec![page.identity];
    inputs.extend(words);
    if !page.capped.is_empty() {
        let word = |e: &RawCapped| {
            e.quantity + e.slack * power_of_two(QUANTITY_BITS) + e.number * power_of_two(2 * QUANTITY_BITS)
        };
        inputs.extend(page.capped.iter().map(word));
        let signed = |m: &RawMeasure| m.magnitude + m.sign * power_of_two(MEASURE_BITS);
        let word = |word: F, m: &RawMeasure| word * power_of_two(MEASURE_BITS + 1) + signed(m);
        inputs.push(page.measures.iter().rev().fold(F::ZERO, word));
    }
    require!("page-leaf", page.leaf == hash(Domain::Leaf, &inputs), "page {i} is not what its leaf commits to");

    let honest = entries.clone().all(|e| e.fraction * (gamma - e.column) == e.quantity)
        && page.capped.iter().all(|e| e.fraction * (gamma - e.column()) == e.quantity);
    require!("total-fraction", honest, "a fraction of page {i} is not quantity / (γ − column)");
    Ok(())
}

fn check_insertion(shape: &Shape, public: &Public, private: &Private, batch_root: F) -> Result<(), Violation> {
    let mut spelled = F::ZERO;
    for digit in private.digits.iter().rev() {
        require!("tree-index", below(*digit, 3), "a digit of the position is not below 8");
        spelled = spelled * F::from(8) + digit;
    }
    require!("tree-index", spelled == public.before.index, "the digits do not spell the step's index");

    let mut old = empty_roots(shape.depths.batch)[shape.depths.batch];
    let mut new = batch_root;
    for (k, (digit, children)) in private.digits.iter().zip(&private.path).enumerate() {
        let position = usize::from(digit.to_repr().as_ref()[0]);
        require!("tree-old", children[position] == old, "level {k} does not hold the old node at its position");
        let mut replaced = *children;
        replaced[position] = new;
        old = node(children);
        new = node(&replaced);
    }
    require!("tree-old", old == public.before.root, "the old path does not end in the old root");
    require!("tree-new", new == public.after.root, "the new path does not end in the new root");
    Ok(())
}

/// The low 64 bits.
fn low(value: F) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&value.to_repr().as_ref()[..8]);
    u64::from_le_bytes(bytes)
}

/// Whether `value` is below 2^`bits`, for at most 127 bits.
fn below(value: F, bits: u32) -> bool {
    let repr = value.to_repr();
    let bytes = repr.as_ref();
    let mut low = [0u8; 16];
    low.copy_from_slice(&bytes[..16]);
    bytes[16..].iter().all(|b| *b == 0) && u128::from_le_bytes(low) < 1 << bits
}
