//! What one step hands to the next, and what the whole fold starts and ends with.

use ff::Field;

use crate::{
    error::Error,
    field::F,
    shape::{MEASURES, Shape},
    tree::empty_roots,
};

/// The state z of the fold, in the order of its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Root of the tree over everything folded so far.
    pub root: F,
    /// Steps done.
    pub index: F,
    /// Identity of the account whose pages are not complete yet, else 0.
    pub open_identity: F,
    /// Pages of that account that must follow, else 0.
    pub open_remaining: F,
    /// Class of that account, else 0.
    pub open_class: F,
    /// Σ quantity / (γ − column) over everything folded so far.
    pub fractions: F,
    /// The challenge γ; never changes.
    pub gamma: F,
    /// What the compliance family carries beside that.
    pub rules: Option<RuleState>,
}

/// The part of the state that proves rules on accounts. The differences end at 0, so that they reveal nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleState {
    /// The challenge ρ; never changes.
    pub rho: F,
    /// ρ^e, where e counts the capped entries folded so far: the weight of the next one.
    pub weight: F,
    /// Weight of the account whose pages are not complete yet, else 0.
    pub open_weight: F,
    /// Number of that account's last capped column, else 0.
    pub open_capped: F,
    /// Σ account weight · quantity / (γ − column), less Σ S_c / (γ − c) over the columns taken in.
    pub rows: F,
    /// Per measure: Σ account weight · measure, less Σ column weight · S_c.
    pub measures: [F; MEASURES],
    /// Σ entry weight / (γ − column) over the capped entries, less Σ I_c / (γ − c).
    pub indicators: F,
    /// Σ entry weight · (quantity + slack + 2^65 · class), less Σ I_c · (cap_c + 2^65 · class_c).
    pub caps: F,
    /// The BOOK chain over the public parts of the columns taken in.
    pub book: F,
    /// The PRIVATE chain over their private parts.
    pub private: F,
    /// The results so far, per measure.
    pub results: [ResultState; MEASURES],
}

/// One measure over all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResultState {
    /// Sum of the measures that are not negative.
    pub positive: F,
    /// Sum of the magnitudes of the negative ones.
    pub negative: F,
    /// Accounts whose measure is negative.
    pub below: F,
}

const CORE: usize = 7;
const RULES: usize = 9 + MEASURES + 3 * MEASURES;

impl State {
    /// Elements of z.
    pub fn arity(shape: &Shape) -> usize {
        if shape.rules.is_some() { CORE + RULES } else { CORE }
    }

    /// z0: the empty tree, nothing summed, no account open, no column taken in. `rho` is read by shapes with rules only.
    pub fn initial(shape: &Shape, gamma: F, rho: F) -> Self {
        Self {
            root: empty_roots(shape.depth())[shape.depth()],
            index: F::ZERO,
            open_identity: F::ZERO,
            open_remaining: F::ZERO,
            open_class: F::ZERO,
            fractions: F::ZERO,
            gamma,
            rules: shape.rules.map(|_| RuleState {
                rho,
                weight: F::ONE,
                open_weight: F::ZERO,
                open_capped: F::ZERO,
                rows: F::ZERO,
                measures: [F::ZERO; MEASURES],
                indicators: F::ZERO,
                caps: F::ZERO,
                book: F::ZERO,
                private: F::ZERO,
                results: [ResultState::default(); MEASURES],
            }),
        }
    }

    /// z as a vector.
    pub fn to_z(self) -> Vec<F> {
        let mut z = vec![
            self.root,
            self.index,
            self.open_identity,
            self.open_remaining,
            self.open_class,
            self.fractions,
            self.gamma,
        ];
        if let Some(r) = self.rules {
            z.extend([r.rho, r.weight, r.open_weight, r.open_capped, r.rows]);
            z.extend(r.measures);
            z.extend([r.indicators, r.caps, r.book, r.private]);
            z.extend(r.results.iter().flat_map(|m| [m.positive, m.negative, m.below]));
        }
        z
    }

    /// The inverse of [`State::to_z`].
    ///
    /// # Errors
    /// [`Error::Malformed`] if `z` has another length.
    pub fn from_z(z: &[F]) -> Result<Self, Error> {
        let malformed =
            || Error::Malformed(format!("a state has {CORE} or {} elements, not {}", CORE + RULES, z.len()));
        let (core, rest) = z.split_at_checked(CORE).ok_or_else(malformed)?;
        let &[root, index, open_identity, open_remaining, open_class, fractions, gamma] = core else {
            return Err(malformed());
        };
        let rules = match *rest {
            [] => None,
            [
                rho,
                weight,
                open_weight,
                open_capped,
                rows,
                m0,
                m1,
                indicators,
                caps,
                book,
                private,
                ref results @ ..,
            ] if results.len() == 3 * MEASURES => {
                let result = |m: usize| ResultState {
                    positive: results[3 * m],
                    negative: results[3 * m + 1],
                    below: results[3 * m + 2],
                };
                Some(RuleState {
                    rho,
                    weight,
                    open_weight,
                    open_capped,
                    rows,
                    measures: [m0, m1],
                    indicators,
                    caps,
                    book,
                    private,
                    results: std::array::from_fn(result),
                })
            }
            _ => return Err(malformed()),
        };
        Ok(Self { root, index, open_identity, open_remaining, open_class, fractions, gamma, rules })
    }
}
