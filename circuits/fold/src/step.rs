//! bellpepper ⇄ nova: the only file that knows both front ends. Circuits are written against bellpepper; nova sees them
//! through here. Variables keep their index, so a nova variable enters bellpepper, and comes back, at no cost.

use std::sync::Arc;

use bellpepper_core as bp;
use nova_snark::{
    frontend as nova,
    frontend::{ConstraintSystem as _, num::AllocatedNum},
    traits::circuit::StepCircuit,
};

use assay_core::{field::F, gadget::linear::Linear};

use crate::{program::Program, slots::Slots};

/// The step of a program as nova folds it; without a witness it only describes constraints.
#[derive(Debug)]
pub struct FoldStep<P: Program> {
    shape: &'static P::Shape,
    witness: Option<Arc<P::Witness>>,
}

impl<P: Program> Clone for FoldStep<P> {
    fn clone(&self) -> Self {
        Self { shape: self.shape, witness: self.witness.clone() }
    }
}

impl<P: Program> FoldStep<P> {
    /// The constraints of `shape`.
    pub fn blank(shape: &'static P::Shape) -> Self {
        Self { shape, witness: None }
    }

    /// One step with its private values.
    pub fn new(shape: &'static P::Shape, witness: P::Witness) -> Self {
        Self { shape, witness: Some(Arc::new(witness)) }
    }
}

impl<P: Program> StepCircuit<F> for FoldStep<P> {
    fn arity(&self) -> usize {
        P::arity(self.shape)
    }

    fn synthesize<CS: nova::ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<F>],
    ) -> Result<Vec<AllocatedNum<F>>, nova::SynthesisError> {
        bridged(cs.get_root(), z, |bridge, z| {
            let length = z.len();
            let state = P::State::<Linear>::from_z(z)
                .ok_or_else(|| bp::SynthesisError::IncompatibleLengthVector(format!("z has {length} elements")))?;
            Ok(P::synthesize(bridge, self.shape, state, self.witness.as_deref())?.to_z())
        })
    }
}

/// A bellpepper gadget from z to z, written into a nova constraint system at its root.
fn bridged<R: nova::ConstraintSystem<F>>(
    root: &mut R,
    z: &[AllocatedNum<F>],
    gadget: impl FnOnce(&mut Bridge<'_, R>, Vec<Linear>) -> Result<Vec<Linear>, bp::SynthesisError>,
) -> Result<Vec<AllocatedNum<F>>, nova::SynthesisError> {
    let z = z.iter().map(|n| Linear::variable(variable_from_nova(n.get_variable()), n.get_value())).collect();
    let mut bridge = Bridge(root);
    let out = gadget(&mut bridge, z).map_err(error_to_nova)?;
    out.iter()
        .map(|x| {
            let variable = x.as_variable().ok_or_else(|| {
                nova::SynthesisError::Unsatisfiable("an output of the step is not a variable".to_owned())
            })?;
            Ok(AllocatedNum::from_parts(variable_to_nova(variable), x.value()))
        })
        .collect()
}

/// A nova constraint system, at its root, as a bellpepper one.
pub struct Bridge<'a, CS>(pub &'a mut CS);

fn variable_from_nova(v: nova::Variable) -> bp::Variable {
    bp::Variable::new_unchecked(match v.get_unchecked() {
        nova::Index::Input(i) => bp::Index::Input(i),
        nova::Index::Aux(i) => bp::Index::Aux(i),
    })
}

fn variable_to_nova(v: bp::Variable) -> nova::Variable {
    nova::Variable::new_unchecked(match v.get_unchecked() {
        bp::Index::Input(i) => nova::Index::Input(i),
        bp::Index::Aux(i) => nova::Index::Aux(i),
    })
}

fn terms_to_nova(terms: &bp::LinearCombination<F>) -> nova::LinearCombination<F> {
    terms.iter().fold(nova::LinearCombination::zero(), |sum, (v, factor)| sum + (*factor, variable_to_nova(v)))
}

fn error_to_nova(error: bp::SynthesisError) -> nova::SynthesisError {
    match error {
        bp::SynthesisError::AssignmentMissing => nova::SynthesisError::AssignmentMissing,
        bp::SynthesisError::DivisionByZero => nova::SynthesisError::DivisionByZero,
        other => nova::SynthesisError::Unsatisfiable(other.to_string()),
    }
}

fn error_from_nova(error: nova::SynthesisError) -> bp::SynthesisError {
    match error {
        nova::SynthesisError::AssignmentMissing => bp::SynthesisError::AssignmentMissing,
        nova::SynthesisError::DivisionByZero => bp::SynthesisError::DivisionByZero,
        _ => bp::SynthesisError::Unsatisfiable,
    }
}

impl<CS: nova::ConstraintSystem<F>> bp::ConstraintSystem<F> for Bridge<'_, CS> {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, annotation: A, f: V) -> Result<bp::Variable, bp::SynthesisError>
    where
        V: FnOnce() -> Result<F, bp::SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let variable = self.0.alloc(annotation, || f().map_err(error_to_nova));
        variable.map(variable_from_nova).map_err(error_from_nova)
    }

    fn alloc_input<V, A, AR>(&mut self, annotation: A, f: V) -> Result<bp::Variable, bp::SynthesisError>
    where
        V: FnOnce() -> Result<F, bp::SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let variable = self.0.alloc_input(annotation, || f().map_err(error_to_nova));
        variable.map(variable_from_nova).map_err(error_from_nova)
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, annotation: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(bp::LinearCombination<F>) -> bp::LinearCombination<F>,
        LB: FnOnce(bp::LinearCombination<F>) -> bp::LinearCombination<F>,
        LC: FnOnce(bp::LinearCombination<F>) -> bp::LinearCombination<F>,
    {
        self.0.enforce(
            annotation,
            |_| terms_to_nova(&a(bp::LinearCombination::zero())),
            |_| terms_to_nova(&b(bp::LinearCombination::zero())),
            |_| terms_to_nova(&c(bp::LinearCombination::zero())),
        );
    }

    fn push_namespace<NR, N>(&mut self, name_fn: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
        self.0.get_root().push_namespace(name_fn);
    }

    fn pop_namespace(&mut self) {
        self.0.get_root().pop_namespace();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }

    fn is_witness_generator(&self) -> bool {
        self.0.is_witness_generator()
    }

    fn extend_inputs(&mut self, new_inputs: &[F]) {
        self.0.extend_inputs(new_inputs);
    }

    fn extend_aux(&mut self, new_aux: &[F]) {
        self.0.extend_aux(new_aux);
    }

    fn allocate_empty(&mut self, aux_n: usize, inputs_n: usize) -> (&mut [F], &mut [F]) {
        self.0.allocate_empty(aux_n, inputs_n)
    }

    fn inputs_slice(&self) -> &[F] {
        self.0.inputs_slice()
    }

    fn aux_slice(&self) -> &[F] {
        self.0.aux_slice()
    }
}
