//! Constraint systems to look into: one step of a program written down with names, variables nobody constrains, variables
//! that can be changed alone, and constraints counted by rule; and proofs of lies.

use std::collections::BTreeMap;

use assay_core::{field::F, gadget::linear::Linear};
use bellpepper_core::{
    Comparable, ConstraintSystem, Index, LinearCombination, SynthesisError, Variable, test_cs::TestConstraintSystem,
};
use ff::Field;

use crate::{error::Error, program::Program, run::Run, slots::Slots};

/// One step with all its names and values.
pub struct StepSystem<P: Program> {
    /// The constraints; `set` a value and ask `which_is_unsatisfied`.
    pub cs: TestConstraintSystem<F>,
    /// z after the step, as variables.
    pub outputs: Vec<Linear>,
    /// z before the step, as variables.
    pub inputs: Vec<Linear>,
    program: std::marker::PhantomData<P>,
}

impl<P: Program> StepSystem<P> {
    /// Writes down one step from `before`.
    ///
    /// # Panics
    /// If the witness is not one of a step of the shape.
    pub fn new(shape: &P::Shape, before: P::State<F>, witness: &P::Witness) -> Self {
        let mut cs = TestConstraintSystem::new();
        let inputs: Vec<Linear> = before
            .to_z()
            .iter()
            .enumerate()
            .map(|(i, x)| Linear::alloc(&mut cs, &format!("z{i}"), Some(*x)).expect("a value is given"))
            .collect();
        let state = P::State::from_z(inputs.clone()).expect("a state of the shape");
        let outputs = P::synthesize(&mut cs, shape, state, Some(witness)).expect("all values are given").to_z();
        Self { cs, outputs, inputs, program: std::marker::PhantomData }
    }

    /// The state after the step.
    ///
    /// # Panics
    /// Never: all values are given.
    pub fn after(&self) -> P::State<F> {
        let z: Vec<F> = self.outputs.iter().map(|x| x.value().expect("all values are given")).collect();
        P::State::from_z(z).expect("a step returns a whole state")
    }

    /// Sets a variable, asks which constraint fails, and sets it back.
    pub fn tampered(&mut self, variable: &str, change: impl FnOnce(F) -> F) -> Option<String> {
        self.tampered_together(&[variable], |values| vec![change(values[0])])
    }

    /// Sets several variables together, asks which constraint fails, and sets them back.
    pub fn tampered_together(&mut self, variables: &[&str], change: impl FnOnce(Vec<F>) -> Vec<F>) -> Option<String> {
        tampered_together(&mut self.cs, variables, change)
    }
}

/// Writes down one step with an honest witness and holds the circuit against the twin: both accept it.
///
/// # Panics
/// If one of them does not, with the constraint or the rule.
pub fn assert_twins_agree<P: Program>(shape: &P::Shape, before: P::State<F>, witness: &P::Witness) -> P::State<F>
where
    P::State<F>: Copy,
{
    let system = StepSystem::<P>::new(shape, before, witness);
    assert_eq!(system.cs.which_is_unsatisfied(), None, "the circuit refuses an honest step");
    let after = system.after();
    assert_eq!(P::twin(shape, &before, &after, witness), Ok(()), "the twin refuses an honest step");
    after
}

/// The proof of a complete fold whatever it claims, as a cheating prover makes it.
///
/// # Errors
/// Those of [`Run::compress`] but for the judgement.
pub fn compress_unjudged<P: Program>(run: &Run<'_, P>) -> Result<Vec<u8>, Error> {
    run.compress_unjudged()
}

/// Sets several variables together, asks which constraint fails, and sets them back.
pub fn tampered_together(
    cs: &mut TestConstraintSystem<F>,
    variables: &[&str],
    change: impl FnOnce(Vec<F>) -> Vec<F>,
) -> Option<String> {
    let honest: Vec<F> = variables.iter().map(|v| cs.get(v)).collect();
    for (variable, value) in variables.iter().zip(change(honest.clone())) {
        cs.set(variable, value);
    }
    let failed = cs.which_is_unsatisfied().map(str::to_owned);
    for (variable, value) in variables.iter().zip(honest) {
        cs.set(variable, value);
    }
    failed
}

fn aux_terms(terms: &LinearCombination<F>) -> impl Iterator<Item = (usize, F)> + '_ {
    terms.iter().filter_map(|(v, factor)| match v.get_unchecked() {
        Index::Aux(i) if *factor != F::ZERO => Some((i, *factor)),
        _ => None,
    })
}

/// Names of the variables that stand in no constraint.
pub fn unconstrained_variables(cs: &TestConstraintSystem<F>) -> Vec<String> {
    let names = cs.aux();
    let mut seen = vec![false; names.len()];
    for (a, b, c, _) in cs.constraints() {
        for (i, _) in aux_terms(a).chain(aux_terms(b)).chain(aux_terms(c)) {
            seen[i] = true;
        }
    }
    names.into_iter().zip(seen).filter(|(_, s)| !s).map(|(n, _)| n).collect()
}

/// Names of the variables that can be changed, each alone and by `change`, without any constraint failing.
pub fn free_variables(cs: &TestConstraintSystem<F>, change: F) -> Vec<String> {
    let names = cs.aux();
    let (inputs, aux) = (cs.scalar_inputs(), cs.scalar_aux());
    let value = |terms: &LinearCombination<F>| -> F {
        terms
            .iter()
            .map(|(v, factor)| match v.get_unchecked() {
                Index::Input(i) => inputs[i] * factor,
                Index::Aux(i) => aux[i] * factor,
            })
            .sum()
    };
    let mut caught = vec![false; names.len()];
    for (a, b, c, _) in cs.constraints() {
        let (va, vb, vc) = (value(a), value(b), value(c));
        // by how much each variable's change moves a, b and c
        let mut moves: BTreeMap<usize, [F; 3]> = BTreeMap::new();
        for (part, terms) in [a, b, c].into_iter().enumerate() {
            for (i, factor) in aux_terms(terms) {
                moves.entry(i).or_insert([F::ZERO; 3])[part] += factor * change;
            }
        }
        for (i, [da, db, dc]) in moves {
            caught[i] |= (va + da) * (vb + db) != vc + dc;
        }
    }
    names.into_iter().zip(caught).filter(|(_, c)| !c).map(|(n, _)| n).collect()
}

/// Counts constraints by rule, keeping nothing else, so that the largest shapes are counted in seconds.
#[derive(Default)]
pub struct Counting {
    path: Vec<String>,
    variables: usize,
    /// Constraints by rule: the last part of a constraint's path that is one of `rules`, else `other`.
    pub by_rule: BTreeMap<String, usize>,
    rules: Vec<&'static str>,
}

impl Counting {
    /// Counts the constraints of one step of `shape`.
    ///
    /// # Panics
    /// Never: without values nothing can be missing.
    pub fn step<P: Program>(shape: &P::Shape) -> Self {
        let mut cs = Self { rules: P::rules(shape), ..Self::default() };
        let mut variable = |i: usize| cs.alloc(|| format!("z{i}"), || Ok(F::ZERO)).expect("counting never fails");
        let z = (0..P::arity(shape)).map(|i| Linear::variable(variable(i), None)).collect();
        let state = P::State::from_z(z).expect("a state has as many elements as its shape says");
        P::synthesize(&mut cs, shape, state, None).expect("counting needs no values");
        cs
    }

    /// All constraints.
    pub fn total(&self) -> usize {
        self.by_rule.values().sum()
    }

    /// All variables, z before the step included.
    pub fn variables(&self) -> usize {
        self.variables
    }
}

impl ConstraintSystem<F> for Counting {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, _: A, _: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.variables += 1;
        Ok(Variable::new_unchecked(Index::Aux(self.variables - 1)))
    }

    fn alloc_input<V, A, AR>(&mut self, annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.alloc(annotation, f)
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, annotation: A, _: LA, _: LB, _: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        self.path.push(annotation().into());
        let rule = rule_of(&self.path, &self.rules).unwrap_or("other").to_owned();
        self.path.pop();
        *self.by_rule.entry(rule).or_default() += 1;
    }

    fn push_namespace<NR, N>(&mut self, name_fn: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
        self.path.push(name_fn().into());
    }

    fn pop_namespace(&mut self) {
        self.path.pop();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

/// The rule a path belongs to: its last part that begins with a rule's id.
fn rule_of<'r>(path: &[String], rules: &[&'r str]) -> Option<&'r str> {
    path.iter().rev().find_map(|part| {
        let word = part.split(' ').next().unwrap_or(part);
        rules.iter().find(|rule| **rule == word).copied()
    })
}
