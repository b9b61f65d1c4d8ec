//! What one step hands to the next, and what the whole fold starts and ends with.

use ff::Field;

use crate::{error::Error, field::F, shape::Shape, tree::empty_roots};

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
    /// The challenge; never changes.
    pub gamma: F,
}

impl State {
    /// Elements of z.
    pub const ARITY: usize = 7;

    /// z0: the empty tree, nothing summed, no account open.
    pub fn initial(shape: &Shape, gamma: F) -> Self {
        Self {
            root: empty_roots(shape.depth())[shape.depth()],
            index: F::ZERO,
            open_identity: F::ZERO,
            open_remaining: F::ZERO,
            open_class: F::ZERO,
            fractions: F::ZERO,
            gamma,
        }
    }

    /// z as a vector.
    pub fn to_z(self) -> Vec<F> {
        vec![
            self.root,
            self.index,
            self.open_identity,
            self.open_remaining,
            self.open_class,
            self.fractions,
            self.gamma,
        ]
    }

    /// The inverse of [`State::to_z`].
    ///
    /// # Errors
    /// [`Error::Malformed`] if `z` has another length.
    pub fn from_z(z: &[F]) -> Result<Self, Error> {
        let [root, index, open_identity, open_remaining, open_class, fractions, gamma] = *z else {
            return Err(Error::Malformed(format!("the state has {} elements, not {}", z.len(), Self::ARITY)));
        };
        Ok(Self { root, index, open_identity, open_remaining, open_class, fractions, gamma })
    }
}
