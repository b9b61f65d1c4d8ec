//! The step that nova folds is, constraint for constraint, the one that bellpepper's tests tamper with.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use assay_core::{field::F, tree::UpperTree};
use assay_fold::{slots::Slots, step::FoldStep};
use assay_programs::{
    ledger::{Ledger, shape::Shape, state::State, witness::StepWitness},
    testing::{StepSystem, test_pages},
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

#[test]
fn the_bridged_constraints_and_witness_are_identical() {
    let shape = Shape::named("solvency-8").unwrap();
    let before = State::initial(shape, F::from(123_456_789).pow_vartime([7u64]), F::from(77).pow_vartime([9u64]));
    for seed in 0..3 {
        let pages = test_pages(shape, 5, seed)[..8].to_vec();
        let witness = StepWitness { pages, path: UpperTree::new(shape.depths).path(0), columns: Vec::new() };
        let own = StepSystem::<Ledger>::new(shape, before, &witness);

        let mut constraints: ShapeCS<Bn256EngineIPA> = ShapeCS::new();
        let z = allocate_z(&mut constraints, &before.to_z());
        FoldStep::<Ledger>::blank(shape).synthesize(&mut constraints, &z).unwrap();
        assert_eq!(constraints.num_aux(), own.cs.scalar_aux().len());
        assert_eq!(constraints.constraints.len(), own.cs.num_constraints());
        for ((a, b, c), (x, y, z, name)) in constraints.constraints.iter().zip(own.cs.constraints()) {
            assert_eq!(nova_terms(a), bellpepper_terms(x), "{name}");
            assert_eq!(nova_terms(b), bellpepper_terms(y), "{name}");
            assert_eq!(nova_terms(c), bellpepper_terms(z), "{name}");
        }

        let mut values = WitnessCS::<F>::with_capacity(0, 0);
        let z = allocate_z(&mut values, &before.to_z());
        let out = FoldStep::<Ledger>::new(shape, witness).synthesize(&mut values, &z).unwrap();
        assert_eq!(values.aux_assignment(), own.cs.scalar_aux());
        let out: Vec<F> = out.iter().map(|x| x.get_value().unwrap()).collect();
        assert_eq!(out, own.after().to_z());
    }
}
