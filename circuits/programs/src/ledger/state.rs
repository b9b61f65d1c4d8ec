//! What one step hands to the next, and what the whole fold starts and ends with.

use assay_core::{field::F, tree::empty_roots};
use assay_fold::slots;
use ff::Field;

use super::shape::{Family, MEASURES, Shape};

slots! {
    /// The state z of the fold.
    pub struct State {
        /// Root of the tree over everything folded so far.
        root: T,
        /// Steps done.
        index: T,
        /// Identity of the account whose pages are not complete yet, else 0.
        open_identity: T,
        /// Pages of that account that must follow, else 0.
        open_remaining: T,
        /// Class of that account, else 0.
        open_class: T,
        /// Σ quantity / (γ − column) over everything folded so far.
        fractions: T,
        /// The challenge γ; never changes.
        gamma: T,
        /// What the compliance family carries beside that.
        rules: Option<RuleState<T>>,
    }
}

slots! {
    /// The part of the state that proves rules on accounts. The differences end at 0, so that they reveal nothing.
    pub struct RuleState {
        /// The challenge ρ; never changes.
        rho: T,
        /// ρ^e, where e counts the capped entries folded so far: the weight of the next one.
        weight: T,
        /// Weight of the account whose pages are not complete yet, else 0.
        open_weight: T,
        /// Number of that account's last capped column, else 0.
        open_capped: T,
        /// Σ account weight · quantity / (γ − column), less Σ S_c / (γ − c) over the columns taken in.
        rows: T,
        /// Per measure: Σ account weight · measure, less Σ column weight · S_c.
        measures: [T; MEASURES],
        /// Σ entry weight / (γ − column) over the capped entries, less Σ I_c / (γ − c).
        indicators: T,
        /// Σ entry weight · (quantity + slack + 2^65 · class), less Σ I_c · (cap_c + 2^65 · class_c).
        caps: T,
        /// The BOOK chain over the public parts of the columns taken in.
        book: T,
        /// The PRIVATE chain over their private parts.
        private: T,
        /// The results so far, per measure.
        results: [ResultState<T>; MEASURES],
    }
}

slots! {
    /// One measure over all accounts.
    pub struct ResultState {
        /// Sum of the measures that are not negative.
        positive: T,
        /// Sum of the magnitudes of the negative ones.
        negative: T,
        /// Accounts whose measure is negative.
        below: T,
    }
}

impl State {
    /// The state before the first step: the empty tree, nothing summed, no account open, no column taken in. ρ is carried by
    /// the compliance family only.
    pub fn initial(shape: &Shape, gamma: F, rho: F) -> Self {
        let zero = F::ZERO;
        let none = ResultState { positive: zero, negative: zero, below: zero };
        let rules = RuleState {
            rho,
            weight: F::ONE,
            open_weight: zero,
            open_capped: zero,
            rows: zero,
            measures: [zero; MEASURES],
            indicators: zero,
            caps: zero,
            book: zero,
            private: zero,
            results: [none; MEASURES],
        };
        Self {
            root: empty_roots(shape.depth())[shape.depth()],
            index: zero,
            open_identity: zero,
            open_remaining: zero,
            open_class: zero,
            fractions: zero,
            gamma,
            rules: (shape.family == Family::Compliance).then_some(rules),
        }
    }
}
