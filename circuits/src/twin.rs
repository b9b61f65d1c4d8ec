//! The statement in plain Rust: the same rules as the circuit of [`crate::step`], under the same ids, on raw field
//! elements, so that a lie which no honest type could hold can be told to both. Written for reading, not for speed.

use ff::{Field, PrimeField};

use crate::{
    field::{F, power_of_two},
    hash::hash,
    page::Page,
    shape::{CLASS_BITS, COLUMN_BITS, ENTRIES_PER_WORD, QUANTITY_BITS, REMAINING_BITS, Shape, TREE_ARITY},
    state::State,
    step::StepWitness,
    tree::{batch_levels, empty_roots, node},
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
    /// Entries.
    pub entries: Vec<RawEntry>,
    /// The leaf.
    pub leaf: F,
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
}

/// Everything public in one step.
#[derive(Debug, Clone, Copy)]
pub struct Public {
    /// z before.
    pub before: State,
    /// z after.
    pub after: State,
}

/// A rule that does not hold, by its id in SPEC.md.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Violation {
    /// The id.
    pub rule: &'static str,
    /// Where.
    pub detail: String,
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
    /// The honest private values of a step at position `index` under challenge `gamma`.
    pub fn honest(shape: &Shape, witness: &StepWitness, index: u64, gamma: F) -> Self {
        let raw_entry = |column: u16, quantity: u64| {
            let (column, quantity) = (F::from(u64::from(column)), F::from(quantity));
            let inverse = Option::<F>::from((gamma - column).invert()).unwrap_or(F::ZERO);
            RawEntry { column, quantity, fraction: quantity * inverse }
        };
        let raw_page = |page: &Page| RawPage {
            identity: page.identity,
            first: F::from(u64::from(page.first)),
            remaining: F::from(u64::from(page.remaining)),
            class: F::from(u64::from(page.class)),
            entries: page.entries.iter().map(|e| raw_entry(e.column, e.quantity)).collect(),
            leaf: page.leaf(shape),
        };
        Self {
            pages: witness.pages.iter().map(raw_page).collect(),
            digits: (0..shape.upper_depth).map(|k| F::from((index >> (3 * k)) & 7)).collect(),
            path: witness.path.clone(),
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
        check_page(shape, i, page, before.gamma)?;
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
    let batch_root = batch_levels(&leaves).swap_remove(shape.batch_depth)[0];
    check_insertion(shape, public, private, batch_root)?;
    require!("tree-next", after.index == before.index + F::ONE, "the next index is not one more");

    // The totals
    let fractions: F = private.pages.iter().flat_map(|p| &p.entries).map(|e| e.fraction).sum();
    require!("total-sum", after.fractions == before.fractions + fractions, "the fractions do not sum up");
    require!("state-gamma", after.gamma == before.gamma, "the challenge changed");
    Ok(())
}

fn check_page(shape: &Shape, i: usize, page: &RawPage, gamma: F) -> Result<(), Violation> {
    let entries = page.entries.iter();
    let in_range = below(page.first, 1)
        && below(page.remaining, REMAINING_BITS)
        && below(page.class, CLASS_BITS)
        && entries.clone().all(|e| below(e.column, COLUMN_BITS) && below(e.quantity, QUANTITY_BITS));
    require!("page-bits", in_range, "page {i} holds a number out of its range");

    let sum: F = entries.clone().map(|e| e.quantity).sum();
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
    require!("page-leaf", page.leaf == hash(shape.leaf_domain(), &inputs), "page {i} is not what its leaf commits to");

    let honest = entries.clone().all(|e| e.fraction * (gamma - e.column) == e.quantity);
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

    let mut old = empty_roots(shape.batch_depth)[shape.batch_depth];
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

/// Whether `value` is below 2^`bits`, for at most 64 bits.
fn below(value: F, bits: u32) -> bool {
    let repr = value.to_repr();
    let bytes = repr.as_ref();
    let mut low = [0u8; 16];
    low.copy_from_slice(&bytes[..16]);
    bytes[16..].iter().all(|b| *b == 0) && u128::from_le_bytes(low) < 1 << bits
}
