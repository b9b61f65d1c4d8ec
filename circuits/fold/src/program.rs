//! What the machine asks of a program.

use std::fmt::Debug;

use assay_core::{
    check::{Checks, Violation},
    field::F,
    gadget::linear::Linear,
    sealed::Sealed,
};
use bellpepper_core::{ConstraintSystem, SynthesisError};

use crate::{envelope::Kind, slots::Slots};

/// A statement that can be proved step by step: the rules of one step as a circuit, the state before the first step, and
/// what the state after the last one says about the statement.
pub trait Program: Clone + Debug + Send + Sync + 'static {
    /// Dimensions of the circuit: one entry of the program's catalogue.
    type Shape: Debug + Sync + 'static;
    /// Everything public that is claimed.
    type Statement: Debug;
    /// What one step hands to the next, natively ([`F`]) and in the circuit ([`Linear`]); see [`crate::slots!`].
    type State<T: Slots<T>>: Slots<T>;
    /// The private values of one step.
    type Witness: Debug + Send + Sync;

    /// What the envelope of a finished proof says it holds.
    const PROOF: Kind;

    /// Name of the circuit, under which its parameters are pinned and kept.
    fn circuit(shape: &Self::Shape) -> &'static str;

    /// The circuit's pin: the text of its file under `pins/`.
    fn pin(shape: &Self::Shape) -> &'static str;

    /// Elements of z.
    fn arity(shape: &Self::Shape) -> usize;

    /// The ids of the circuit's rules: each is a row of SPEC.md and a namespace of the circuit.
    fn rules(shape: &Self::Shape) -> Vec<&'static str>;

    /// Steps of a part of the statement. A statement has one or more parts, counted from 0: each is folded, compressed and
    /// verified by itself, from the same first state, and only together do they prove the statement. `None` if there is no
    /// such part.
    fn steps(statement: &Self::Statement, part: u32) -> Option<u64>;

    /// The state before the first step.
    ///
    /// # Errors
    /// Where no challenge can be drawn from the statement.
    fn initial(shape: &Self::Shape, statement: &Sealed<Self::Statement>) -> Result<Self::State<F>, assay_core::Error>;

    /// Writes down one step: the state in, the state out. Without a witness only the constraints.
    ///
    /// # Errors
    /// Only what the constraint system itself returns; in particular a witness that breaks a rule is no error here, it
    /// makes a constraint unsatisfied.
    fn synthesize<CS: ConstraintSystem<F>>(
        cs: &mut CS,
        shape: &Self::Shape,
        state: Self::State<Linear>,
        witness: Option<&Self::Witness>,
    ) -> Result<Self::State<Linear>, SynthesisError>;

    /// The same rules in plain Rust, for an honest witness: whether the step leads from `before` to `after`.
    ///
    /// # Errors
    /// The first rule that does not hold.
    fn twin(
        shape: &Self::Shape,
        before: &Self::State<F>,
        after: &Self::State<F>,
        witness: &Self::Witness,
    ) -> Result<(), Violation>;

    /// What the state after the last step of a part says about the statement: notes each check that the part alone tells,
    /// returns whether all hold.
    fn judge(
        shape: &Self::Shape,
        statement: &Sealed<Self::Statement>,
        part: u32,
        end: &Self::State<F>,
        checks: &mut Checks,
    ) -> bool;
}
