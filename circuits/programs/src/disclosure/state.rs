//! What is public in a disclosure: as numbers, and as the state of its single step, which hands it on unchanged.

use assay_core::field::F;
use assay_fold::slots;
use ff::Field;

use super::witness::bits;
use crate::ledger::book::signed;

/// Most attestations that one disclosure can speak of.
pub const MAX_ATTESTATIONS: usize = 4;

/// Everything public in a disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicInput {
    /// The claim's bytes, hashed: read by no rule, but part of z0, so that a proof is of one claim only.
    pub context: F,
    /// What the sum is at least, in the attestations' unit of the quote currency, below 2^98 in magnitude.
    pub threshold: i128,
    /// Which measure.
    pub measure: usize,
    /// The attestations; unused ones are not active.
    pub slots: [Slot; MAX_ATTESTATIONS],
}

/// One attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    /// Whether it counts.
    pub active: bool,
    /// The attested root.
    pub root: F,
    /// The account's identity where it is shown.
    pub shown: Option<F>,
}

slots! {
    /// The state z of a disclosure.
    pub struct State {
        /// [`PublicInput::context`].
        context: T,
        /// [`PublicInput::threshold`].
        threshold: T,
        /// [`PublicInput::measure`].
        measure: T,
        /// The attestations.
        slots: [SlotState<T>; MAX_ATTESTATIONS],
    }
}

slots! {
    /// One attestation.
    pub struct SlotState {
        /// 1 if it counts, else 0.
        active: T,
        /// The attested root.
        root: T,
        /// 1 if the account is shown, else 0.
        shown: T,
        /// The account's identity where it is shown, else 0.
        identity: T,
    }
}

impl PublicInput {
    /// The inverse of [`PublicInput::state`]; `None` for a state that is of no claim.
    pub fn of(state: &State) -> Option<Self> {
        let bit = |x: F| if x == F::ONE { Some(true) } else { (x == F::ZERO).then_some(false) };
        let low = |x: F| bits(x, 0, 127) as i128;
        let negative = bits(-state.threshold, 127, 128) == 0 && state.threshold != F::ZERO;
        let threshold = if negative { -low(-state.threshold) } else { low(state.threshold) };
        let mut slots = [Slot::default(); MAX_ATTESTATIONS];
        for (slot, own) in slots.iter_mut().zip(&state.slots) {
            let shown = bit(own.shown)?.then_some(own.identity);
            *slot = Slot { active: bit(own.active)?, root: own.root, shown };
        }
        let measure = usize::from(bit(state.measure)?);
        let public = Self { context: state.context, threshold, measure, slots };
        (public.state() == *state).then_some(public)
    }

    /// The state.
    pub fn state(&self) -> State {
        let bit = |b: bool| if b { F::ONE } else { F::ZERO };
        let slot = |slot: &Slot| SlotState {
            active: bit(slot.active),
            root: slot.root,
            shown: bit(slot.shown.is_some()),
            identity: slot.shown.unwrap_or(F::ZERO),
        };
        State {
            context: self.context,
            threshold: signed(self.threshold),
            measure: F::from(self.measure as u64),
            slots: std::array::from_fn(|k| slot(&self.slots[k])),
        }
    }
}
