//! What must not drift: constraints by rule, parameters, proof sizes. `make pins` writes the files anew; a changed pin is
//! a new version of the circuit and wants a line in the changelog.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use assay_core::hash::hash_constraints;
use assay_fold::{keys::Keys, pins::Pin};
use assay_programs::ledger::shape::Family;
use assay_programs::{
    catalogue::catalogue,
    disclosure::{Disclosure, SHAPE},
    ledger::{
        Ledger,
        shape::{CLASS_BITS, COLUMN_BITS, MEASURE_BITS, MEASURES, QUANTITY_BITS, REMAINING_BITS, Shape},
    },
    testing::Counting,
};
use serde_json::Value;

fn pinned(shape: &Shape) -> Value {
    let path = format!("{}/../pins/{}.json", env!("CARGO_MANIFEST_DIR"), shape.name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A circuit that is not listed has no pin, and a pin without a circuit is left over.
#[test]
fn the_catalogue_lists_every_circuit_that_is_pinned_and_frozen() {
    let names = |folder: &str, from_name: fn(&str) -> Option<&str>| {
        let path = format!("{}/../{folder}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        files.map(|name| from_name(&name).unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let listed = |program: Option<&str>| {
        let entries = catalogue().into_iter().filter(|entry| program.is_none_or(|program| entry.program == program));
        entries.map(|entry| entry.circuit.to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(catalogue().len(), listed(None).len(), "two circuits of one name");
    assert_eq!(names("pins", |file| file.strip_suffix(".json")), listed(None));
    let frozen = |folder: &str| {
        names(folder, |file| file.strip_suffix("-v1").map(|name| name.strip_suffix("-3-shards").unwrap_or(name)))
    };
    assert_eq!(frozen("vectors/attestations"), listed(Some("ledger")));
    assert_eq!(frozen("vectors/disclosures"), listed(Some("disclosure")));
}

#[test]
fn constraints_by_rule_are_the_pinned_ones() {
    for shape in Shape::catalogue() {
        let counted = Counting::step::<Ledger>(shape);
        assert_eq!(serde_json::to_value(&counted.by_rule).unwrap(), pinned(shape)["rules"], "{}", shape.name);
    }
}

#[test]
fn novas_own_part_of_a_step_is_the_same_in_every_shape_of_a_family() {
    for shape in Shape::catalogue() {
        let own = Counting::step::<Ledger>(shape).total();
        // it hashes z, which is longer with rules
        let expected = if shape.family == Family::Compliance { 13_117 } else { 11_546 };
        assert_eq!(Pin::of::<Ledger>(shape).unwrap().step_constraints - own, expected, "{}", shape.name);
    }
}

#[test]
fn every_count_is_a_formula_with_named_terms() {
    for shape in Shape::catalogue() {
        let counted = Counting::step::<Ledger>(shape).by_rule;
        let pages = shape.batch();
        let (entry, header) = ((COLUMN_BITS + QUANTITY_BITS) as usize, (1 + REMAINING_BITS + CLASS_BITS) as usize);
        let inner_nodes = (pages - 1) / 7;
        let levels = shape.depths.upper;
        let node = hash_constraints(8);
        let rules = usize::from(shape.family == Family::Compliance);
        let (capped, measures, fed) = (shape.capped, rules * MEASURES, shape.columns_per_step);
        // fresh, gap, quantity and slack; magnitude and sign
        let capped_bits = 1 + (COLUMN_BITS + 2 * QUANTITY_BITS) as usize;
        let measure_bits = (MEASURE_BITS + 1) as usize;
        let formulas = [
            ("page-bits", pages * (shape.entries() * entry + header + capped * capped_bits + measures * measure_bits)),
            ("page-pad", pages),
            ("page-leaf", pages * hash_constraints(shape.leaf_arity())),
            ("total-fraction", pages * (shape.entries() + capped)),
            ("chain-first", pages),
            ("chain-identity", pages),
            ("chain-count", pages),
            // inverse and product, the check, three outputs; two more with rules
            ("chain-close", 5 + 2 * rules),
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
            ("capped-once", pages * capped),
            ("chain-capped", rules * pages),
            // zero is not negative, and the shortfall
            ("measure-sign", 2 * pages * measures),
            ("measure-first", rules * pages),
            ("weight-account", rules * pages),
            ("weight-entry", pages * capped),
            // a product a page, or an entry, and the output
            ("row-sum", rules * (pages + 1)),
            ("measure-sum", measures * (pages + 1)),
            ("indicator-sum", rules * (pages * capped + 1)),
            ("cap-sum", rules * (pages * capped + 1)),
            ("feed-active", 2 * fed),
            // a hash and the choice of the chain's next link
            ("feed-book", fed * (hash_constraints(5) + 1)),
            ("feed-private", fed * (hash_constraints(4) + 1)),
            // two gates, two fractions, a product for each measure and for the cap
            ("feed-terms", fed * (5 + MEASURES)),
            ("result-sum", 3 * measures),
        ];
        for (rule, expected) in formulas.iter().filter(|(_, n)| *n > 0) {
            assert_eq!(counted[*rule], *expected, "{rule} of {}", shape.name);
        }
        assert_eq!(
            counted.len(),
            formulas.iter().filter(|(_, n)| *n > 0).count(),
            "a rule without a formula in {}",
            shape.name
        );
    }
}

#[test]
fn a_page_of_solvency_512_costs_less_than_836_constraints_with_everything_included() {
    let shape = Shape::named("solvency-512").unwrap();
    let constraints = Pin::of::<Ledger>(shape).unwrap().step_constraints;
    assert!(constraints < 836 * shape.batch(), "{constraints}");
}

#[test]
fn a_page_of_compliance_512_costs_less_than_1_170_constraints_and_a_column_605() {
    let shape = Shape::named("compliance-512").unwrap();
    let constraints = Pin::of::<Ledger>(shape).unwrap().step_constraints;
    assert!(constraints < 1_170 * shape.batch(), "{constraints}");
    let counted = Counting::step::<Ledger>(shape).by_rule;
    let fed: usize = counted.iter().filter(|(rule, _)| rule.starts_with("feed-")).map(|(_, n)| n).sum();
    assert_eq!(fed, 605 * shape.columns_per_step);
}

/// Derived, not read from where they are kept: the digest is that of this very circuit.
#[test]
fn the_parameters_of_disclosures_are_the_pinned_ones() {
    let parameters = Keys::<Disclosure>::derive(&SHAPE).unwrap();
    parameters.check_pin().unwrap();
    assert_eq!(parameters.constraints().0, Pin::of::<Disclosure>(&SHAPE).unwrap().step_constraints);
}

#[test]
fn parameters_and_step_constraints_are_the_pinned_ones() {
    for name in ["solvency-8", "solvency-64", "compliance-8"] {
        let shape = Shape::named(name).unwrap();
        let parameters = Keys::<Ledger>::derive(shape).unwrap();
        parameters.check_pin().unwrap();
        assert_eq!(parameters.constraints().0, Pin::of::<Ledger>(shape).unwrap().step_constraints);

        let mut bytes = Vec::new();
        parameters.write_to(&mut bytes).unwrap();
        assert_eq!(Keys::<Ledger>::read_from(shape, &mut bytes.as_slice()).unwrap().digest(), parameters.digest());
        // one changed byte anywhere is refused: as bytes, or by the digest
        for at in (100..bytes.len()).step_by(bytes.len() / 7) {
            bytes[at] ^= 1;
            assert!(Keys::<Ledger>::read_from(shape, &mut bytes.as_slice()).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
        assert!(Keys::<Ledger>::read_from(shape, &mut &bytes[..bytes.len() / 2]).is_err());
    }
}
