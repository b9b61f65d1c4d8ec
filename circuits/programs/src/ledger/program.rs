//! The ledger as a program of the machine.

use assay_core::{
    check::{Checks, Violation},
    field::F,
    gadget::linear::Linear,
    sealed::Sealed,
};
use assay_fold::{Program, envelope::Kind, slots::Slots};
use bellpepper_core::{ConstraintSystem, SynthesisError};
use ff::Field;

use super::{
    circuit::step_gadget,
    judge::{final_state_checks, shard_state_checks},
    shape::{Family, Shape},
    spec::step_rules,
    state::{RuleState, State},
    statement::{Statement, challenge, first_challenge},
    twin::{self, Private, Public},
    witness::StepWitness,
};

/// Solvency and compliance: the family is chosen by the shape.
#[derive(Debug, Clone)]
pub struct Ledger;

impl Program for Ledger {
    type Shape = Shape;
    type Statement = Statement;
    type State<T: Slots<T>> = State<T>;
    type Witness = StepWitness;

    const PROOF: Kind = Kind { magic: b"ASSAYPRF", name: "proof", max_payload: 1 << 20 };

    fn circuit(shape: &Shape) -> &'static str {
        shape.name
    }

    fn pin(shape: &Shape) -> &'static str {
        match shape.name {
            "solvency-8" => include_str!("../../../pins/solvency-8.json"),
            "solvency-64" => include_str!("../../../pins/solvency-64.json"),
            "solvency-512" => include_str!("../../../pins/solvency-512.json"),
            "compliance-8" => include_str!("../../../pins/compliance-8.json"),
            "compliance-64" => include_str!("../../../pins/compliance-64.json"),
            "compliance-512" => include_str!("../../../pins/compliance-512.json"),
            _ => "no such pin",
        }
    }

    fn arity(shape: &Shape) -> usize {
        let all = <State as Slots<F>>::LEN;
        match shape.family {
            Family::Solvency => all - <RuleState as Slots<F>>::LEN,
            Family::Compliance => all,
        }
    }

    fn rules(shape: &Shape) -> Vec<&'static str> {
        step_rules(shape)
    }

    fn steps(statement: &Statement, part: u32) -> Option<u64> {
        statement.shards.get(part as usize).map(|shard| shard.steps)
    }

    fn initial(shape: &Shape, statement: &Sealed<Statement>) -> Result<State, assay_core::Error> {
        let rho = match shape.family {
            Family::Solvency => F::ZERO,
            Family::Compliance => first_challenge(&statement.draft_bytes()?),
        };
        Ok(State::initial(shape, challenge(statement), rho))
    }

    fn synthesize<CS: ConstraintSystem<F>>(
        cs: &mut CS,
        shape: &Shape,
        state: State<Linear>,
        witness: Option<&StepWitness>,
    ) -> Result<State<Linear>, SynthesisError> {
        step_gadget(cs, shape, &state, witness)
    }

    fn twin(shape: &Shape, before: &State, after: &State, witness: &StepWitness) -> Result<(), Violation> {
        let public = Public { before: *before, after: *after };
        twin::check(shape, &public, &Private::honest(shape, witness, before))
    }

    fn judge(_shape: &Shape, statement: &Sealed<Statement>, part: u32, end: &State, checks: &mut Checks) -> bool {
        let gamma = challenge(statement);
        // what is whole in itself is judged whole
        if statement.shards.len() == 1 {
            return final_state_checks(checks, statement, std::slice::from_ref(end), gamma);
        }
        shard_state_checks(checks, statement, part as usize, end, gamma)
    }
}
