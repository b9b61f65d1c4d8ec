//! One lie after the other, told to the circuit and to the twin: both must name the rule that catches it.

use assay_core::{
    field::{F, power_of_two},
    hash::hash_constraints,
    tree::{UpperTree, empty_roots},
};
use assay_fold::{Program, slots::Slots};
use assay_programs::{
    ledger::{
        Ledger,
        book::{BookColumn, ColumnSums, FedColumn},
        page::{CappedEntry, Entry, Page},
        shape::{Family, Shape},
        state::State,
        twin::{self, Private, Public},
        witness::StepWitness,
    },
    testing::{Counting, StepSystem, TestRandom, batch_roots, free_variables, test_pages, unconstrained_variables},
};
use bellpepper::util_cs::witness_cs::WitnessCS;
use bellpepper_core::ConstraintSystem;
use ff::Field;

fn shape() -> &'static Shape {
    crate::shape_of(module_path!())
}

fn gamma() -> F {
    F::from(0x1234_5678_9abc_def1).pow_vartime([3u64])
}

fn rho() -> F {
    gamma() + F::from(7)
}

/// Two columns, then places that stay inactive; none in the solvency family.
fn columns() -> Vec<FedColumn> {
    let column = |index: u16, cap| FedColumn {
        book: BookColumn { index, class: 3, cap, weights: [-5, 1 << 100] },
        sums: ColumnSums { rows: gamma() * F::from(3), indicators: gamma() + F::from(5), blind: F::from(88) },
    };
    [column(4, 0), column(8200, 9)].into_iter().filter(|_| shape().family == Family::Compliance).collect()
}

/// An honest second step: one batch is in the tree already.
struct Case {
    before: State,
    witness: StepWitness,
    private: Private,
    system: StepSystem<Ledger>,
}

/// One batch: the accounts' pages, cut or padded.
fn pages_of(accounts: &[usize]) -> Vec<Page> {
    let mut pages = account_pages(accounts);
    pages.resize(shape().batch(), Page::padding(shape()));
    pages
}

fn account_pages(accounts: &[usize]) -> Vec<Page> {
    let mut pages = Vec::new();
    for (a, count) in accounts.iter().enumerate() {
        for k in 0..*count {
            pages.push(Page {
                identity: F::from(1_000 + a as u64).pow_vartime([5u64]),
                first: k == 0,
                remaining: (count - 1 - k) as u8,
                class: 7 * a as u8,
                entries: (0..shape().entries() as u16)
                    .map(|e| Entry { column: e * 3, quantity: 10_000 + u64::from(e) + a as u64 })
                    .collect(),
                capped: (0..shape().capped as u16)
                    .map(|e| CappedEntry { column: 8195 + 2 * k as u16 + e, quantity: 10 + u64::from(e), slack: 5 })
                    .collect(),
                // a first page may carry measures, and only it may
                measures: if k == 0 { [7 + a as i128, -(5 << 70) - a as i128] } else { [0; 2] },
            });
        }
    }
    pages
}

impl Case {
    /// Accounts with the given numbers of pages, then padding.
    fn new(accounts: &[usize]) -> Self {
        Self::with_pages(pages_of(accounts))
    }

    fn with_pages(pages: Vec<Page>) -> Self {
        let mut upper = UpperTree::new(shape().depths);
        upper.push(batch_roots(shape(), &test_pages(shape(), 3, 1))[0]);
        let mut before = State::initial(shape(), gamma(), rho());
        before.root = upper.root();
        before.index = F::ONE;
        before.fractions = F::from(99);
        let witness = StepWitness { pages, path: upper.path(1), columns: columns() };
        let private = Private::honest(shape(), &witness, &before);
        let system = StepSystem::<Ledger>::new(shape(), before, &witness);
        Self { before, witness, private, system }
    }

    fn twin(&self, after: State, private: &Private) -> Result<(), String> {
        twin::check(shape(), &Public { before: self.before, after }, private).map_err(|v| v.rule.to_owned())
    }

    /// The lie told to the twin by `lie`, and to the circuit by changing `variables`.
    fn both(
        &mut self,
        rule: &str,
        lie: impl FnOnce(&mut Private),
        variables: &[&str],
        change: impl FnOnce(Vec<F>) -> Vec<F>,
    ) {
        let after = self.system.after();
        let mut private = self.private.clone();
        lie(&mut private);
        assert_eq!(self.twin(after, &private), Err(rule.to_owned()), "twin");
        let failed = self.system.tampered_together(variables, change).expect("the circuit accepts the lie");
        assert!(failed.contains(rule), "circuit: {failed} failed, not {rule}");
    }

    /// The same witness, dishonest from the start, given to circuit and twin.
    fn dishonest(rule: &str, change: impl FnOnce(&mut Vec<Page>)) {
        let mut pages = pages_of(&[3, 1]);
        change(&mut pages);
        // so that nothing but the lie stands out
        for page in &mut pages {
            page.capped.fill(CappedEntry::unused(8192));
            page.measures = if page.first { page.measures } else { [0; 2] };
        }
        let mut case = Self::with_pages(pages);
        let after = case.system.after();
        assert_eq!(case.twin(after, &case.private.clone()), Err(rule.to_owned()), "twin");
        let failed = case.system.cs.which_is_unsatisfied().expect("the circuit accepts the lie").to_owned();
        assert!(failed.contains(rule), "circuit: {failed} failed, not {rule}");
        let _ = &mut case;
    }
}

fn quantity_bit(page: usize, entry: usize, bit: usize) -> String {
    format!("page {page}/page-bits/entry {entry}/quantity bit {bit}")
}

#[test]
fn an_honest_step_satisfies_circuit_and_twin() {
    for accounts in [&[3, 1][..], &[1, 1, 1, 1, 1, 1, 1, 1], &[8], &[]] {
        let case = Case::new(accounts);
        assert_eq!(case.system.cs.which_is_unsatisfied(), None);
        assert_eq!(case.twin(case.system.after(), &case.private), Ok(()));
    }
}

#[test]
fn p1_a_quantity_of_p_minus_x_or_2_to_the_64_cannot_be_packed() {
    let mut case = Case::new(&[3, 1]);
    let bits: Vec<String> = (0..64).map(|b| quantity_bit(0, 2, b)).collect();
    let bits: Vec<&str> = bits.iter().map(String::as_str).collect();
    // the number as one value in the lowest bit, as 2 in the highest, or as both
    for lie in [-F::from(500), power_of_two(64), power_of_two(64) + F::from(500)] {
        case.both(
            "page-bits",
            |p| p.pages[0].entries[2].quantity = lie,
            &bits,
            |_| std::iter::once(lie).chain(std::iter::repeat_n(F::ZERO, 63)).collect(),
        );
    }
    case.both(
        "page-bits",
        |p| p.pages[0].entries[2].quantity = power_of_two(64),
        &bits,
        |_| std::iter::repeat_n(F::ZERO, 63).chain([F::from(2)]).collect(),
    );
}

#[test]
fn p2_a_limb_that_borrows_from_its_neighbour_in_the_word_is_caught() {
    let mut case = Case::new(&[3, 1]);
    let quantity = quantity_bit(0, 0, 0);
    // one unit less, its 2^13 in the column's place: the word, and so the leaf, stays the same
    case.both(
        "page-bits",
        |p| {
            p.pages[0].entries[0].quantity -= F::ONE;
            p.pages[0].entries[0].column += power_of_two(13);
        },
        &["page 0/page-bits/entry 0/column bit 0", &quantity],
        |v| vec![v[0] + power_of_two(13), v[1] - F::ONE],
    );
}

#[test]
fn p3_the_challenge_and_so_every_total_is_the_same_in_every_step() {
    let case = Case::new(&[3, 1]);
    // in the circuit z's last element leaves the step as the very variable that came in
    assert_eq!(case.system.outputs[6].as_variable(), case.system.inputs[6].as_variable());
    let mut after = case.system.after();
    after.gamma += F::ONE;
    assert_eq!(case.twin(after, &case.private), Err("state-gamma".to_owned()));
}

#[test]
fn p4_a_leaf_that_commits_to_other_entries_than_those_summed_is_caught() {
    let mut case = Case::new(&[3, 1]);
    let squares: Vec<String> = case
        .system
        .cs
        .pretty_print_list()
        .into_iter()
        .filter_map(|l| l.strip_prefix("AUX ").map(str::to_owned))
        .filter(|l| l.starts_with("page 1/page-leaf"))
        .collect();
    assert_eq!(squares.len(), hash_constraints(shape().leaf_arity()));
    for variable in squares.iter().step_by(17) {
        let failed = case.system.tampered(variable, |x| x + F::ONE).unwrap();
        assert!(failed.contains("page-leaf"), "{failed}");
    }
    let mut private = case.private.clone();
    private.pages[1].leaf += F::ONE;
    assert_eq!(case.twin(case.system.after(), &private), Err("page-leaf".to_owned()));
}

#[test]
fn p5_a_position_skipped_or_past_capacity_is_caught() {
    let mut case = Case::new(&[3, 1]);
    // digits that spell another position than the index
    case.both(
        "tree-index",
        |p| p.digits[0] = F::from(2),
        &["tree-index/level 0 digit 0 bit 0", "tree-index/level 0 digit 1 bit 0"],
        |_| vec![F::ZERO, F::ONE],
    );
    // index 64 of a tree of 64 batches: no digits spell it
    let mut before = case.before;
    before.index = F::from(64);
    let system = StepSystem::<Ledger>::new(shape(), before, &case.witness);
    assert!(system.cs.which_is_unsatisfied().unwrap().contains("tree-index"));
    let public = Public { before, after: system.after() };
    assert_eq!(twin::check(shape(), &public, &case.private).unwrap_err().rule, "tree-index");
    // a digit of 8, which the circuit has no bits for, spells an index that has other digits
    let before = State { index: F::from(8), ..case.before };
    let private = Private { digits: vec![F::from(8), F::ZERO], ..case.private.clone() };
    let public = Public { before, after: case.system.after() };
    assert_eq!(twin::check(shape(), &public, &private).unwrap_err().rule, "tree-index");
}

#[test]
fn p5_the_same_position_twice_is_caught() {
    // position 0 holds a batch already; a state that claims index 0 again cannot show an empty subtree there
    let case = Case::new(&[3, 1]);
    let mut before = case.before;
    before.index = F::ZERO;
    let system = StepSystem::<Ledger>::new(shape(), before, &case.witness);
    assert!(system.cs.which_is_unsatisfied().unwrap().contains("tree-old"));
    let private = Private::honest(shape(), &case.witness, &before);
    let public = Public { before, after: system.after() };
    assert_eq!(twin::check(shape(), &public, &private).unwrap_err().rule, "tree-old");
    // nor by pretending that the subtree is empty: then the old path ends in another root
    let mut witness = case.witness.clone();
    witness.path[0][0] = empty_roots(shape().depths.batch)[shape().depths.batch];
    let system = StepSystem::<Ledger>::new(shape(), before, &witness);
    assert!(system.cs.which_is_unsatisfied().unwrap().contains("tree-old"));
}

#[test]
fn p6_a_sibling_that_was_never_folded_changes_the_old_root() {
    let mut case = Case::new(&[3, 1]);
    case.both("tree-old", |p| p.path[1][5] += F::ONE, &["level 1/tree-old/child 5"], |v| vec![v[0] + F::ONE]);
}

/// Everything else follows the lie, so that only the leaf, the hash of the very bits that are summed, stands against it.
#[test]
fn p7_an_entry_dropped_from_a_page_is_caught_by_the_leaf_alone() {
    let mut case = Case::new(&[3, 1]);
    let quantity = case.witness.pages[2].entries[1].quantity;
    let fraction = case.private.pages[2].entries[1].fraction;
    let identity = case.witness.pages[2].identity;
    let bits: Vec<String> = (0..64).filter(|b| (quantity >> b) & 1 == 1).map(|b| quantity_bit(2, 1, b)).collect();
    let mut variables: Vec<&str> = bits.iter().map(String::as_str).collect();
    variables.extend(["page 2/page-pad/ratio", "page 2/total-fraction/fraction 1", "total-sum/fractions"]);
    let follow = |v: Vec<F>| {
        let (ratio, sum) = (v[v.len() - 3], v[v.len() - 1]);
        let mut lied = vec![F::ZERO; v.len() - 3];
        lied.extend([ratio - F::from(quantity) * identity.invert().unwrap(), F::ZERO, sum - fraction]);
        lied
    };
    let failed = case.system.tampered_together(&variables, follow).expect("the circuit accepts the lie");
    assert!(failed.starts_with("page 2/page-leaf"), "{failed}");
    let mut private = case.private.clone();
    private.pages[2].entries[1].quantity = F::ZERO;
    private.pages[2].entries[1].fraction = F::ZERO;
    assert_eq!(case.twin(case.system.after(), &private), Err("page-leaf".to_owned()));
}

/// The same for header and column: each packed bit, changed alone with all that can follow, is caught by the leaf.
#[test]
fn p4_every_bit_of_a_page_enters_its_leaf() {
    let mut case = Case::new(&[3, 1]);
    let mut header: Vec<String> = (0..8).map(|b| format!("class bit {b}")).collect();
    header.extend((0..8).map(|b| format!("remaining bit {b}")));
    if shape().family == Family::Solvency {
        // with rules `measure-first` objects before the leaf does
        header.push("first bit 0".to_owned());
    }
    for bit in header {
        let variable = format!("page 3/page-bits/{bit}");
        // the leaf's constraints come before those of the chain, which would object as well
        let failed = case.system.tampered(&variable, |x| F::ONE - x).unwrap();
        assert!(failed.starts_with("page 3/page-leaf"), "{variable}: {failed}");
    }
    for entry in 0..shape().entries() {
        for bit in 0..13 {
            let Entry { column, quantity } = case.witness.pages[3].entries[entry];
            let moved = F::from(u64::from(column ^ (1 << bit)));
            let honest = case.private.pages[3].entries[entry].fraction;
            let fraction = F::from(quantity) * (gamma() - moved).invert().unwrap();
            let names = [
                format!("page 3/page-bits/entry {entry}/column bit {bit}"),
                format!("page 3/total-fraction/fraction {entry}"),
                "total-sum/fractions".to_owned(),
            ];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let follow = |v: Vec<F>| vec![F::ONE - v[0], fraction, v[2] - honest + fraction];
            let failed = case.system.tampered_together(&names, follow).expect("the circuit accepts the lie");
            assert!(failed.starts_with("page 3/page-leaf"), "entry {entry} bit {bit}: {failed}");
        }
    }
    let leaf_identity = case.system.tampered("page 3/identity", |x| x + F::ONE).unwrap();
    assert!(leaf_identity.starts_with("page 3/page-"), "{leaf_identity}");
}

/// A step that begins in the middle of an account: its first page must go on where the step before left off.
#[test]
fn p12_the_first_page_of_a_step_continues_the_account_left_open() {
    let pages = account_pages(&[1, 1, 1, 1, 1, 6]);
    let mut second: Vec<Page> = pages[8..].to_vec();
    assert_eq!(second.len(), 3);
    second.resize(8, Page::padding(shape()));
    let open = |s: &mut State| {
        s.open_identity = pages[7].identity;
        s.open_remaining = F::from(3);
        s.open_class = F::from(35);
    };
    let verdicts = |change: &dyn Fn(&mut Vec<Page>, &mut State)| {
        let mut case = Case::new(&[1]);
        let mut lied = second.clone();
        open(&mut case.before);
        change(&mut lied, &mut case.before);
        let witness = StepWitness { pages: lied, path: case.witness.path.clone(), columns: columns() };
        let system = StepSystem::<Ledger>::new(shape(), case.before, &witness);
        let private = Private::honest(shape(), &witness, &case.before);
        let public = Public { before: case.before, after: system.after() };
        let twin = twin::check(shape(), &public, &private).map_err(|v| v.rule);
        (system.cs.which_is_unsatisfied().map(str::to_owned), twin)
    };
    assert_eq!(verdicts(&|_, _| {}), (None, Ok(())));
    type Change = fn(&mut Vec<Page>, &mut State);
    let lies: [(&'static str, Change); 7] = [
        ("chain-identity", |p, _| p[0].identity += F::ONE),
        ("chain-identity", |_, s| s.open_identity += F::ONE),
        ("chain-count", |p, _| p[0].class += 1),
        ("chain-count", |_, s| s.open_remaining += F::ONE),
        ("chain-count", |_, s| s.open_class = F::ZERO),
        ("chain-first", |p, _| p[0].first = true),
        ("chain-first", |p, _| {
            p.drain(..3);
            p.resize(8, Page::padding(shape()));
        }),
    ];
    for (rule, lie) in lies {
        let (circuit, twin) = verdicts(&lie);
        assert_eq!(twin, Err(rule));
        assert!(circuit.as_ref().is_some_and(|c| c.contains(rule)), "{circuit:?} failed, not {rule}");
    }
}

/// Old and new path read the same children: a child that differs from the old root's is caught there, though the new
/// root follows it.
#[test]
fn p6_a_page_slipped_in_beside_the_batch_is_caught() {
    let case = Case::new(&[3, 1]);
    let mut witness = case.witness.clone();
    witness.path[0][6] = F::from(77);
    let system = StepSystem::<Ledger>::new(shape(), case.before, &witness);
    assert!(system.cs.which_is_unsatisfied().unwrap().contains("tree-old"));
    let private = Private::honest(shape(), &witness, &case.before);
    let public = Public { before: case.before, after: system.after() };
    assert_eq!(twin::check(shape(), &public, &private).unwrap_err().rule, "tree-old");
}

#[test]
fn p7_the_same_column_twice_in_one_account_adds_up() {
    let mut pages = pages_of(&[1]);
    pages[0].capped.fill(CappedEntry::unused(8192));
    for entry in &mut pages[0].entries {
        *entry = Entry { column: 4, quantity: u64::MAX };
    }
    let case = Case::with_pages(pages);
    assert_eq!(case.system.cs.which_is_unsatisfied(), None);
    let entries = F::from(shape().entries() as u64);
    let expected = F::from(99) + entries * F::from(u64::MAX) * (gamma() - F::from(4)).invert().unwrap();
    assert_eq!(case.system.after().fractions, expected);
}

#[test]
fn p10_a_fraction_or_a_sum_off_by_one_is_caught() {
    let mut case = Case::new(&[3, 1]);
    case.both(
        "total-fraction",
        |p| p.pages[0].entries[1].fraction += F::ONE,
        &["page 0/total-fraction/fraction 1"],
        |v| vec![v[0] + F::ONE],
    );
    // compensating errors in two accounts: the sum holds, each fraction does not
    case.both(
        "total-fraction",
        |p| {
            p.pages[0].entries[1].fraction += F::ONE;
            p.pages[3].entries[1].fraction -= F::ONE;
        },
        &["page 0/total-fraction/fraction 1", "page 3/total-fraction/fraction 1"],
        |v| vec![v[0] + F::ONE, v[1] - F::ONE],
    );
    let failed = case.system.tampered("total-sum/fractions", |x| x - F::ONE).unwrap();
    assert!(failed.contains("total-sum"), "{failed}");
    let mut after = case.system.after();
    after.fractions -= F::ONE;
    assert_eq!(case.twin(after, &case.private), Err("total-sum".to_owned()));
}

#[test]
fn p12_a_page_appended_to_a_complete_account_is_caught() {
    // a debt appended to account 1, whose customer was shown one page
    Case::dishonest("chain-count", |pages| {
        pages[4] = Page { first: false, remaining: 0, ..pages[3].clone() };
    });
    // the same with a page that claims to be followed by 255 more
    Case::dishonest("chain-count", |pages| {
        pages[4] = Page { first: false, remaining: 255, ..pages[3].clone() };
    });
}

#[test]
fn p12_a_page_dropped_from_an_account_is_caught() {
    Case::dishonest("chain-count", |pages| {
        pages.remove(1);
        pages.push(Page::padding(shape()));
    });
    // without its last page the next account's first page comes too early
    Case::dishonest("chain-first", |pages| {
        pages.remove(2);
        pages.push(Page::padding(shape()));
    });
}

#[test]
fn p12_a_wrong_count_two_first_pages_and_a_foreign_page_are_caught() {
    Case::dishonest("chain-count", |pages| pages[1].remaining = 0);
    Case::dishonest("chain-first", |pages| pages[1].first = true);
    Case::dishonest("chain-identity", |pages| pages[1].identity += F::ONE);
    Case::dishonest("chain-count", |pages| pages[1].class += 1);
    // a change of class cannot be paid for with the count: 2^9 is more than any count
    Case::dishonest("chain-count", |pages| {
        pages[1].class += 1;
        pages[1].remaining = 255;
    });
    // the very first page cannot continue anybody, not even nobody
    Case::dishonest("chain-identity", |pages| pages[0].first = false);
    Case::dishonest("chain-count", |pages| {
        pages.insert(0, Page { first: false, ..Page::padding(shape()) });
        pages.pop();
    });
}

#[test]
fn p12_an_account_left_open_at_the_end_of_a_step_must_go_on_in_the_next() {
    let pages = pages_of(&[1, 1, 1, 1, 1, 6]);
    let mut case = Case::with_pages(pages[..8].to_vec());
    let after = case.system.after();
    assert_eq!(case.system.cs.which_is_unsatisfied(), None);
    assert_eq!(after.open_remaining, F::from(3));
    assert_eq!(after.open_identity, pages[7].identity);
    assert_eq!(after.open_class, F::from(35));
    for output in ["open identity", "open remaining", "open class", "open", "inverse"] {
        let failed = case.system.tampered(&format!("chain-close/{output}"), |x| x + F::ONE).unwrap();
        assert!(failed.contains("chain-close"), "{failed}");
    }
    // "nothing is open" with all values following the lie
    let failed = case.system.tampered_together(
        &["chain-close/inverse", "chain-close/open", "chain-close/open identity", "chain-close/open class"],
        |v| vec![F::ZERO; v.len()],
    );
    assert!(failed.unwrap().contains("open wherever pages remain"));
    for change in [
        |s: &mut State| s.open_identity = F::ZERO,
        |s: &mut State| s.open_remaining = F::ZERO,
        |s: &mut State| s.open_class = F::ZERO,
    ] {
        let mut lied = after;
        change(&mut lied);
        assert_eq!(case.twin(lied, &case.private), Err("chain-close".to_owned()));
    }
}

#[test]
fn p16_a_padding_page_with_a_quantity_is_caught() {
    Case::dishonest("page-pad", |pages| pages[6].entries[2].quantity = 1);
    // an account's page cannot be made nobody's either
    Case::dishonest("page-pad", |pages| pages[3].identity = F::ZERO);
}

#[test]
fn every_output_of_a_step_is_bound() {
    let mut case = Case::new(&[3, 1]);
    for (output, rule) in [
        ("tree-new/new root", "tree-new"),
        ("tree-next/next index", "tree-next"),
        ("chain-close/open identity", "chain-close"),
        ("chain-close/open remaining", "chain-close"),
        ("chain-close/open class", "chain-close"),
        ("total-sum/fractions", "total-sum"),
    ] {
        let failed = case.system.tampered(output, |x| x + F::ONE).unwrap();
        assert!(failed.contains(rule), "{output}: {failed}");
    }
    let honest = case.system.after();
    for (rule, change) in [
        ("tree-new", (|s| s.root += F::ONE) as fn(&mut State)),
        ("tree-next", |s| s.index += F::ONE),
        ("chain-close", |s| s.open_identity += F::ONE),
    ] {
        let mut lied = honest;
        change(&mut lied);
        assert_eq!(case.twin(lied, &case.private), Err(rule.to_owned()));
    }
}

#[test]
fn tree_batch_every_node_of_the_batch_is_bound() {
    let mut case = Case::new(&[3, 1]);
    for variable in ["round 0 element 1/square", "round 30 element 0/fourth", "round 64 element 8/fifth"] {
        let failed = case.system.tampered(&format!("tree-batch/node 0 0/{variable}"), |x| x + F::ONE).unwrap();
        assert!(failed.contains("tree-batch"), "{failed}");
    }
}

/// Every selector, for every digit: what the twin expresses as an index, the circuit as eight bits of which one is set.
#[test]
fn tree_position_each_selector_is_bound() {
    let mut case = Case::new(&[3, 1]);
    for level in 0..2 {
        for name in ["low and mid", "selector 4", "selector 5", "selector 6"] {
            let variable = format!("level {level}/tree-position/{name}");
            let failed = case.system.tampered(&variable, |x| x + F::ONE).unwrap();
            assert!(failed.contains("tree-position"), "{failed}");
        }
    }
    for digit in 0..64 {
        let mut upper = UpperTree::new(shape().depths);
        let root = batch_roots(shape(), &test_pages(shape(), 3, 1))[0];
        for i in 0..digit {
            upper.push(root + F::from(i));
        }
        let mut before = State::initial(shape(), gamma(), rho());
        before.root = upper.root();
        before.index = F::from(digit);
        let witness = StepWitness { pages: pages_of(&[2]), path: upper.path(digit as usize), columns: columns() };
        let system = StepSystem::<Ledger>::new(shape(), before, &witness);
        assert_eq!(system.cs.which_is_unsatisfied(), None);
        let public = Public { before, after: system.after() };
        assert_eq!(twin::check(shape(), &public, &Private::honest(shape(), &witness, &before)), Ok(()));
        upper.push(batch_roots(shape(), &witness.pages)[0]);
        assert_eq!(system.after().root, upper.root());
    }
}

/// Hundreds of ledgers, honest or lied about in some way that a page can express: circuit and twin always agree.
#[test]
fn circuit_and_twin_agree_on_random_pages() {
    let mut random = TestRandom(11);
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..250 {
        let mut pages = test_pages(shape(), 4, seed)[..8].to_vec();
        if random.below(4) > 0 {
            let (i, j) = (random.below(8) as usize, random.below(8) as usize);
            match random.below(9) {
                0 => pages.swap(i, j),
                1 => pages[i] = pages[j].clone(),
                2 => pages[i].first = !pages[i].first,
                3 => pages[i].remaining = random.below(4) as u8,
                4 => pages[i].class ^= 1,
                5 => pages[i].identity = pages[j].identity,
                6 => pages[i].entries[j % 3].quantity ^= 1 << random.below(64),
                7 => pages[i].entries[j % 3].column = random.below(8192) as u16,
                _ => pages[i].identity = F::ZERO,
            }
        }
        let case = Case::with_pages(pages);
        let twin = case.twin(case.system.after(), &case.private);
        let circuit = case.system.cs.which_is_unsatisfied();
        match (&twin, circuit) {
            (Ok(()), None) => accepted += 1,
            (Err(rule), Some(failed)) => {
                assert!(failed.contains(rule.as_str()), "twin: {rule}, circuit: {failed}");
                refused += 1;
            }
            (twin, circuit) => panic!("seed {seed}: twin {twin:?}, circuit {circuit:?}"),
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
}

#[test]
fn no_variable_stands_in_no_constraint() {
    let case = Case::new(&[3, 1]);
    assert_eq!(unconstrained_variables(&case.system.cs), Vec::<String>::new());
}

/// The blind of an inactive place, and what else of it is multiplied by "inactive".
fn inactive_place(name: &str) -> bool {
    let free = ["rows", "indicators", "blind", "bound", "weight 0", "weight 1"];
    let place = name.strip_prefix("column ").and_then(|rest| rest.split_once('/'));
    place.is_some_and(|(k, what)| k.parse::<usize>().unwrap() >= columns().len() && free.contains(&what))
}

/// SPEC.md lists the places where a prover may choose a value, and why that is harmless.
#[test]
fn every_variable_changed_alone_is_caught_but_for_the_documented_ones() {
    // z before the step is bound by the fold, which hashes it, not by the step
    let free = |case: &Case, change: F| -> Vec<String> {
        let all = free_variables(&case.system.cs, change).into_iter().filter(|name| !inactive_place(name));
        all.filter(|name| !(0..Ledger::arity(shape())).any(|i| *name == format!("z{i}"))).collect()
    };
    // no padding and an open account at the end: nothing is free
    let full = Case::with_pages(pages_of(&[1, 1, 1, 1, 1, 6])[..8].to_vec());
    // a measure of 0 is not negative whatever it is multiplied with
    let zeros = |i: usize| {
        let zero = |m: &usize| shape().family == Family::Compliance && full.witness.pages[i].measures[*m] == 0;
        (0..2).filter(zero).map(move |m| format!("page {i}/measure-sign {m}/inverse")).collect::<Vec<_>>()
    };
    for change in [F::ONE, -F::ONE, power_of_two(64)] {
        assert_eq!(free(&full, change), (0..8).flat_map(zeros).collect::<Vec<_>>());
    }
    let padded = Case::new(&[3, 1]);
    let mut documented = Vec::new();
    for (i, page) in padded.witness.pages.iter().enumerate() {
        let zero = |m: &usize| shape().family == Family::Compliance && page.measures[*m] == 0;
        documented.extend((0..2).filter(zero).map(|m| format!("page {i}/measure-sign {m}/inverse")));
        if page.identity == F::ZERO {
            documented.push(format!("page {i}/page-pad/ratio"));
        }
    }
    documented.push("chain-close/inverse".to_owned());
    for change in [F::ONE, -F::ONE, power_of_two(64)] {
        assert_eq!(free(&padded, change), documented);
    }
}

#[test]
fn the_witness_made_on_all_cores_is_the_one_the_constraints_number() {
    for seed in 0..3 {
        let pages = test_pages(shape(), 6, seed)[..8].to_vec();
        let case = Case::with_pages(pages);
        let mut fast = WitnessCS::<F>::new();
        let z: Vec<_> = case
            .before
            .to_z()
            .iter()
            .map(|x| assay_core::gadget::linear::Linear::alloc(&mut fast, "z", Some(*x)).unwrap())
            .collect();
        let state = State::from_z(z).unwrap();
        assay_programs::ledger::circuit::step_gadget(&mut fast, shape(), &state, Some(&case.witness)).unwrap();
        assert_eq!(fast.aux_assignment(), case.system.cs.scalar_aux());
    }
}

#[test]
fn counting_agrees_with_the_written_constraints() {
    let case = Case::new(&[3, 1]);
    let counted = Counting::step::<Ledger>(shape());
    assert_eq!(counted.total(), case.system.cs.num_constraints());
    assert_eq!(counted.variables(), case.system.cs.scalar_aux().len());
}
