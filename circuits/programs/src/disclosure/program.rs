//! The disclosure as a program of the machine: a single step, whose state is handed on unchanged.

use assay_core::{
    check::{Checks, Violation},
    field::F,
    gadget::linear::Linear,
    sealed::Sealed,
};
use assay_fold::{Program, envelope::Kind, slots::Slots};
use bellpepper_core::{ConstraintSystem, SynthesisError};

use super::{
    claim::BoundClaim,
    spec::DISCLOSURE_RULES,
    state::{PublicInput, State},
    step::disclosure_gadget,
    twin,
    witness::Opening,
};
use crate::purpose::Purpose;

/// The disclosure of one account.
#[derive(Debug, Clone)]
pub struct Disclosure;

/// The one circuit of disclosures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Catalogue name.
    pub name: &'static str,
    /// Who may use it.
    pub purpose: Purpose,
}

/// The circuit for up to four attestations.
pub static SHAPE: Shape = Shape { name: "disclosure-4", purpose: Purpose::Release };

impl Program for Disclosure {
    type Shape = Shape;
    type Statement = BoundClaim;
    type State<T: Slots<T>> = State<T>;
    /// One opening for each place, unused ones included.
    type Witness = Vec<Opening>;

    const PROOF: Kind = Kind { magic: b"ASSAYDSC", name: "disclosure", max_payload: 1 << 20 };

    fn circuit(shape: &Shape) -> &'static str {
        shape.name
    }

    fn pin(_: &Shape) -> &'static str {
        include_str!("../../../pins/disclosure-4.json")
    }

    fn arity(_: &Shape) -> usize {
        <State as Slots<F>>::LEN
    }

    fn rules(_: &Shape) -> Vec<&'static str> {
        DISCLOSURE_RULES.to_vec()
    }

    fn steps(_: &BoundClaim, part: u32) -> Option<u64> {
        (part == 0).then_some(1)
    }

    fn initial(_: &Shape, statement: &Sealed<BoundClaim>) -> Result<State, assay_core::Error> {
        Ok(statement.public.state())
    }

    fn synthesize<CS: ConstraintSystem<F>>(
        cs: &mut CS,
        _: &Shape,
        state: State<Linear>,
        witness: Option<&Vec<Opening>>,
    ) -> Result<State<Linear>, SynthesisError> {
        disclosure_gadget(cs, &state, witness.map(Vec::as_slice))?;
        Ok(state)
    }

    fn twin(_: &Shape, before: &State, after: &State, witness: &Vec<Opening>) -> Result<(), Violation> {
        if before != after {
            return Err(Violation { rule: "open-value", detail: "the state changed".to_owned() });
        }
        match PublicInput::of(before) {
            Some(public) => twin::check(&public, witness),
            None => Err(Violation { rule: "open-value", detail: "the state is of no claim".to_owned() }),
        }
    }

    fn judge(_: &Shape, statement: &Sealed<BoundClaim>, _: u32, end: &State, checks: &mut Checks) -> bool {
        let unchanged = *end == statement.public.state();
        let outcome = if unchanged { Ok(String::new()) } else { Err("another claim was proved".to_owned()) };
        checks.add("disclosure-state", "the proof is of this claim", outcome)
    }
}
