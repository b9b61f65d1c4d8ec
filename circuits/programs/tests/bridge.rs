//! The step that nova folds is, constraint for constraint, the one that bellpepper's tests tamper with, for each program;
//! and the twin in plain Rust accepts what the circuit accepts.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use assay_core::{
    field::{F, from_hex},
    identity::MasterSecret,
    sealed::Sealed,
    tree::UpperTree,
};
use assay_fold::{Program, slots::Slots, step::FoldStep};
use assay_programs::{
    disclosure::{
        self, Disclosure, SHAPE,
        state::{MAX_ATTESTATIONS, PublicInput, Slot},
        witness::Opening,
    },
    ledger::{Ledger, shape::Shape, state::State, witness::StepWitness},
    testing::{StepSystem, assert_twins_agree, test_inclusion, test_pages, test_statement},
};
use bellpepper_core::Comparable;
use ff::Field;
use nova_snark::{
    frontend::{
        ConstraintSystem, Index, LinearCombination, num::AllocatedNum, shape_cs::ShapeCS,
        util_cs::witness_cs::WitnessCS,
    },
    provider::Bn256EngineIPA,
    traits::circuit::StepCircuit,
};

type Terms = BTreeMap<(bool, usize), F>;

fn nova_terms(terms: &LinearCombination<F>) -> Terms {
    let key = |index| match index {
        Index::Input(i) => (false, i),
        Index::Aux(i) => (true, i),
    };
    terms.iter().filter(|(_, f)| **f != F::ZERO).map(|(v, f)| (key(v.get_unchecked()), *f)).collect()
}

fn bellpepper_terms(terms: &bellpepper_core::LinearCombination<F>) -> Terms {
    let key = |index| match index {
        bellpepper_core::Index::Input(i) => (false, i),
        bellpepper_core::Index::Aux(i) => (true, i),
    };
    terms.iter().filter(|(_, f)| **f != F::ZERO).map(|(v, f)| (key(v.get_unchecked()), *f)).collect()
}

fn allocate_z<CS: ConstraintSystem<F>>(cs: &mut CS, z: &[F]) -> Vec<AllocatedNum<F>> {
    z.iter()
        .enumerate()
        .map(|(i, x)| AllocatedNum::alloc(cs.namespace(|| format!("z{i}")), || Ok(*x)).unwrap())
        .collect()
}

/// Holds nova's view of one honest step against bellpepper's, and the circuit against the twin.
fn assert_one_step<P: Program>(shape: &'static P::Shape, before: P::State<F>, witness: P::Witness)
where
    P::State<F>: Copy,
{
    let after = assert_twins_agree::<P>(shape, before, &witness);
    let own = StepSystem::<P>::new(shape, before, &witness);

    let mut constraints: ShapeCS<Bn256EngineIPA> = ShapeCS::new();
    let z = allocate_z(&mut constraints, &before.to_z());
    FoldStep::<P>::blank(shape).synthesize(&mut constraints, &z).unwrap();
    assert_eq!(constraints.num_aux(), own.cs.scalar_aux().len());
    assert_eq!(constraints.constraints.len(), own.cs.num_constraints());
    for ((a, b, c), (x, y, z, name)) in constraints.constraints.iter().zip(own.cs.constraints()) {
        assert_eq!(nova_terms(a), bellpepper_terms(x), "{name}");
        assert_eq!(nova_terms(b), bellpepper_terms(y), "{name}");
        assert_eq!(nova_terms(c), bellpepper_terms(z), "{name}");
    }

    let mut values = WitnessCS::<F>::with_capacity(0, 0);
    let z = allocate_z(&mut values, &before.to_z());
    let out = FoldStep::<P>::new(shape, witness).synthesize(&mut values, &z).unwrap();
    assert_eq!(values.aux_assignment(), own.cs.scalar_aux());
    let out: Vec<F> = out.iter().map(|x| x.get_value().unwrap()).collect();
    assert_eq!(out, after.to_z());
}

#[test]
fn a_step_of_the_ledger_is_the_same_in_both_front_ends_and_in_the_twin() {
    for name in ["solvency-8", "compliance-8"] {
        let shape = Shape::named(name).unwrap();
        let before = State::initial(shape, F::from(123_456_789).pow_vartime([7u64]), F::from(77).pow_vartime([9u64]));
        for seed in 0..3 {
            let pages = test_pages(shape, 5, seed)[..8].to_vec();
            let witness = StepWitness { pages, path: UpperTree::new(shape.depths).path(0), columns: Vec::new() };
            assert_one_step::<Ledger>(shape, before, witness);
        }
    }
}

#[test]
fn a_disclosure_is_the_same_in_both_front_ends_and_in_the_twin() {
    let shape = Shape::named("compliance-8").unwrap();
    let pages = test_pages(shape, 4, 1);
    let statement = Sealed::seal(test_statement(shape, &"0".repeat(64), &pages)).unwrap();
    let file = test_inclusion(shape, &statement, &pages, &MasterSecret::new([1; 32]), "account 0");
    let opening = Opening::new(shape, &pages[file.pages[0].index as usize], &file.pages[0]).unwrap();
    let worth = opening.measures[0];
    let slot = Slot { active: true, root: from_hex(&statement.shards[0].root).unwrap(), shown: Some(opening.identity) };
    let mut slots = [Slot::default(); MAX_ATTESTATIONS];
    slots[0] = slot;
    let mut openings = vec![opening];
    openings.resize_with(MAX_ATTESTATIONS, Opening::unused);
    for threshold in [worth, worth - 1, -(1 << 97)] {
        let public = PublicInput { context: F::from(7), threshold, measure: 0, slots };
        assert_eq!(PublicInput::of(&public.state()), Some(public));
        assert_one_step::<Disclosure>(&SHAPE, public.state(), openings.clone());
    }
    // a state that no claim has
    let honest = PublicInput { context: F::from(7), threshold: 0, measure: 0, slots }.state();
    for change in [
        (|s: &mut disclosure::state::State| s.measure = F::from(2)) as fn(&mut disclosure::state::State),
        |s| s.slots[1].active = F::from(2),
        |s| s.slots[1].identity = F::ONE,
        |s| s.threshold = F::from(2).pow_vartime([200u64]),
    ] {
        let mut state = honest;
        change(&mut state);
        assert_eq!(PublicInput::of(&state), None);
    }
}
