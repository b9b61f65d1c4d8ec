//! What must not drift: constraints by rule, parameters, proof sizes. `make pins` writes the files anew; a changed pin is
//! a new version of the circuit and wants a line in the changelog.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_circuits::{
    hash::hash_constraints,
    setup::{Parameters, pin},
    shape::{CLASS_BITS, COLUMN_BITS, QUANTITY_BITS, REMAINING_BITS, Shape},
    spec::STEP_RULES,
    testing::Counting,
};
use serde_json::Value;

fn pinned(shape: &Shape) -> Value {
    let path = format!("{}/pins/{}.json", env!("CARGO_MANIFEST_DIR"), shape.name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn constraints_by_rule_are_the_pinned_ones() {
    for shape in Shape::catalogue() {
        let counted = Counting::step(shape, &STEP_RULES);
        assert_eq!(serde_json::to_value(&counted.by_rule).unwrap(), pinned(shape)["rules"], "{}", shape.name);
    }
}

#[test]
fn novas_own_part_of_a_step_is_the_same_in_every_shape() {
    for shape in Shape::catalogue() {
        let own = Counting::step(shape, &STEP_RULES).total();
        assert_eq!(pin(shape).unwrap().step_constraints - own, 11_546, "{}", shape.name);
    }
}

#[test]
fn every_count_is_a_formula_with_named_terms() {
    for shape in Shape::catalogue() {
        let counted = Counting::step(shape, &STEP_RULES).by_rule;
        let pages = shape.batch();
        let (entry, header) = ((COLUMN_BITS + QUANTITY_BITS) as usize, (1 + REMAINING_BITS + CLASS_BITS) as usize);
        let inner_nodes = (pages - 1) / 7;
        let levels = shape.upper_depth;
        let node = hash_constraints(8);
        for (rule, expected) in [
            ("page-bits", pages * (shape.entries() * entry + header)),
            ("page-pad", pages),
            ("page-leaf", pages * hash_constraints(shape.leaf_arity())),
            ("total-fraction", pages * shape.entries()),
            ("chain-first", pages),
            ("chain-identity", pages),
            ("chain-count", pages),
            // inverse and product, the check, three outputs
            ("chain-close", 5),
            ("tree-batch", inner_nodes * node),
            // three bits a level, and the number they spell
            ("tree-index", levels * 3 + 1),
            ("tree-position", levels * 4),
            // eight children and a hash a level, and the old root
            ("tree-old", levels * (8 + node) + 1),
            // seven changes and a hash a level, and the new root
            ("tree-new", levels * (7 + node) + 1),
            ("tree-next", 1),
            ("total-sum", 1),
        ] {
            assert_eq!(counted[rule], expected, "{rule} of {}", shape.name);
        }
        assert_eq!(counted.len(), 15, "a rule without a formula in {}", shape.name);
    }
}

#[test]
fn a_page_of_solvency_512_costs_less_than_836_constraints_with_everything_included() {
    let shape = Shape::named("solvency-512").unwrap();
    let constraints = pin(shape).unwrap().step_constraints;
    assert!(constraints < 836 * shape.batch(), "{constraints}");
}

#[test]
fn parameters_and_step_constraints_are_the_pinned_ones() {
    for name in ["solvency-8", "solvency-64"] {
        let shape = Shape::named(name).unwrap();
        let parameters = Parameters::derive(shape).unwrap();
        parameters.check_pin().unwrap();
        assert_eq!(parameters.constraints().0, pin(shape).unwrap().step_constraints);

        let mut bytes = Vec::new();
        parameters.write_to(&mut bytes).unwrap();
        assert_eq!(Parameters::read_from(shape, &mut bytes.as_slice()).unwrap().digest(), parameters.digest());
        // one changed byte anywhere is refused: as bytes, or by the digest
        for at in (100..bytes.len()).step_by(bytes.len() / 7) {
            bytes[at] ^= 1;
            assert!(Parameters::read_from(shape, &mut bytes.as_slice()).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
        assert!(Parameters::read_from(shape, &mut &bytes[..bytes.len() / 2]).is_err());
    }
}
