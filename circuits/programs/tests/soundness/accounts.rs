//! Limits and measures attacked: one step at a time with the circuit and the twin, and whole folds judged by what they end
//! in. A lie that no single step can see must leave a difference that is not 0.

use assay_core::{
    check::Checks,
    field::{F, from_hex, power_of_two},
    sealed::Sealed,
    tree::UpperTree,
};
use assay_fold::program::Program;
use assay_programs::{
    ledger::{
        Ledger,
        book::FedColumn,
        page::{CappedEntry, Page},
        shape::{MAX_ASSETS, MAX_INSTRUMENTS, OPEN_COLUMNS, Shape},
        spec::ACCOUNT_RULES,
        state::{RuleState, State},
        statement::{Asset, Column, ColumnKind, Instrument, Statement, challenge, first_challenge},
        twin::{self, Private, Public},
        witness::StepWitness,
    },
    testing::{StepSystem, TEST_CAP, TestRandom, batch_roots, restate, test_columns, test_pages, test_statement},
};
use bellpepper_core::Comparable;
use ff::{Field, PrimeField};

fn shape() -> &'static Shape {
    Shape::named("compliance-8").unwrap()
}

/// One honest account of class 1 with two pages and capped holdings, one of class 2, padding.
fn pages() -> Vec<Page> {
    let mut pages = (0..)
        .map(|seed| test_pages(shape(), 4, seed))
        .find(|pages| pages[0].remaining == 2 && pages[2].capped.iter().all(|c| c.quantity > 1) && pages.len() == 24)
        .unwrap();
    // an account that is worth something beyond doubt and one that is not
    assert!(pages.iter().any(|p| p.measures[1] < 0));
    pages.truncate(24);
    pages
}

struct Folded {
    last: State,
    refused: Option<(String, String)>,
}

/// Folds `pages` under `statement` with `columns`, as a prover who writes down whatever they like.
fn fold(statement: &Statement, pages: &[Page], columns: &[FedColumn]) -> Folded {
    let rho = first_challenge(&statement.draft_bytes().unwrap());
    let mut state = State::initial(shape(), challenge(&Sealed::seal(statement.clone()).unwrap()), rho);
    let mut upper = UpperTree::new(shape().depths);
    let mut refused = None;
    for batch in pages.chunks(8) {
        let room = shape().columns_per_step;
        let fed = columns.iter().skip(upper.len() * room).take(room).copied().collect();
        let witness = StepWitness { pages: batch.to_vec(), path: upper.path(upper.len()), columns: fed };
        let system = StepSystem::<Ledger>::new(shape(), state, &witness);
        let public = Public { before: state, after: system.after() };
        let twin = twin::check(shape(), &public, &Private::honest(shape(), &witness, &state));
        match (system.cs.which_is_unsatisfied(), twin) {
            (None, Ok(())) => {}
            (Some(circuit), Err(twin)) => {
                refused.get_or_insert((circuit.to_owned(), twin.rule.to_owned()));
            }
            (circuit, twin) => panic!("circuit {circuit:?}, twin {twin:?}"),
        }
        state = system.after();
        upper.push(batch_roots(shape(), batch)[0]);
    }
    Folded { last: state, refused }
}

/// Names of the differences that are not 0, and of what else the verifier compares. It is finer than the judge, which puts
/// several of them under one check; the judge must refuse wherever a name is given.
fn broken(statement: &Statement, last: &State) -> Vec<&'static str> {
    let rules: RuleState = last.rules.unwrap();
    let claims = statement.rules.as_ref().unwrap();
    let results = claims.results.iter().zip(&rules.results).all(|(claimed, found)| {
        F::from_u128(claimed.positive.parse().unwrap()) == found.positive
            && F::from_u128(claimed.negative.parse().unwrap()) == found.negative
            && F::from(claimed.below) == found.below
    });
    let own = statement.shards[0].rules.as_ref().unwrap();
    let private = from_hex(own.private.as_deref().unwrap()).unwrap();
    let broken = [
        ("totals", statement.fractions(last.gamma).unwrap() == last.fractions),
        ("rows", rules.rows == F::ZERO),
        ("measures", rules.measures == [F::ZERO; 2]),
        ("indicators", rules.indicators == F::ZERO),
        ("caps", rules.caps == F::ZERO),
        ("book", rules.book == statement.book_digest().unwrap()),
        ("private", rules.private == private),
        ("results", results),
    ]
    .into_iter()
    .filter_map(|(name, holds)| (!holds).then_some(name))
    .collect::<Vec<_>>();
    let sealed = Sealed::seal(statement.clone()).unwrap();
    let judged = Ledger::judge(shape(), &sealed, 0, last, &mut Checks::default());
    assert_eq!(judged, broken.is_empty(), "{broken:?}");
    broken
}

/// A lie in the pages with everything else following it, totals, sums and results included.
fn lie(change: impl FnOnce(&mut Vec<Page>)) -> (Option<String>, Vec<&'static str>) {
    let mut pages = pages();
    change(&mut pages);
    let mut statement = test_statement(shape(), &"01".repeat(32), &pages);
    restate(&mut statement, &pages);
    let columns = test_columns(&statement, &pages);
    let folded = fold(&statement, &pages, &columns);
    let refused = folded.refused.map(|(circuit, twin)| {
        assert!(circuit.contains(&twin), "circuit {circuit}, twin {twin}");
        twin
    });
    (refused, broken(&statement, &folded.last))
}

fn differences(change: impl FnOnce(&mut Vec<Page>)) -> Vec<&'static str> {
    let (refused, broken) = lie(change);
    assert_eq!(refused, None);
    broken
}

fn refused_by(change: impl FnOnce(&mut Vec<Page>)) -> String {
    lie(change).0.expect("a step accepts the lie")
}

#[test]
fn an_honest_fold_ends_with_every_difference_at_zero() {
    assert_eq!(lie(|_| {}), (None, vec![]));
}

/// The page's last capped entry, behind which the account goes on.
fn last(pages: &mut [Page]) -> &mut CappedEntry {
    pages[2].capped.last_mut().unwrap()
}

#[test]
fn p9_l16_one_contract_over_the_limit_leaves_a_difference() {
    // one over the limit: the least that a slack can be is 0
    let over = differences(|p| {
        let entry = last(p);
        (entry.quantity, entry.slack) = (TEST_CAP + 1, 0);
        revalue(p);
    });
    assert_eq!(over, ["caps"]);
    assert_eq!(differences(|p| last(p).slack += 1), ["caps"]);
}

#[test]
fn p9_a_negative_slack_cannot_be_packed() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns);
    let bits: Vec<String> = (0..64).map(|b| format!("page 2/page-bits capped 1/slack bit {b}")).collect();
    let bits: Vec<&str> = bits.iter().map(String::as_str).collect();
    let failed =
        system.tampered_together(&bits, |_| std::iter::once(-F::ONE).chain(std::iter::repeat_n(F::ZERO, 63)).collect());
    assert!(failed.unwrap().contains("page-bits"));
}

/// The attack that would make every limit worthless: the same capped column twice, each time within the cap.
#[test]
fn a_position_split_over_two_entries_of_one_column_is_refused() {
    // on one page
    assert_eq!(refused_by(|p| p[2].capped[0] = p[2].capped[1]), "capped-once");
    // over two pages of the account
    assert_eq!(refused_by(|p| p[1].capped[1] = p[2].capped[0]), "capped-once");
    // the second time with nothing in it is allowed, and harmless
    let empty = differences(|p| {
        let full = p[2].capped[0];
        p[2].capped[1] = CappedEntry { quantity: 0, slack: TEST_CAP, ..full };
        revalue(p);
    });
    assert_eq!(empty, Vec::<&str>::new());
    // columns that descend, so that a third entry could repeat the first
    assert_eq!(refused_by(|p| p[2].capped.swap(0, 1)), "capped-once");
    assert_eq!(
        refused_by(|p| {
            let low = p[1].capped[1];
            p[1].capped[1] = p[2].capped[1];
            p[2].capped[0] = low;
        }),
        "chain-capped"
    );
}

/// "fresh" claimed for an entry that repeats its predecessor's column: the column would have to rise.
#[test]
fn capped_once_and_chain_capped_tie_the_fresh_bit_to_the_columns() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns);
    for (variable, rule) in [
        ("page 2/page-bits capped 0/fresh bit 0", "capped-once"),
        ("page 2/capped 0 column", "page-leaf"),
        ("page 2/page-bits capped 1/gap bit 3", "page-leaf"),
    ] {
        let failed = system.tampered(variable, |x| if rule == "capped-once" { F::ONE - x } else { x + F::ONE });
        let failed = failed.unwrap();
        assert!(failed.contains(rule) || failed.contains("page-bits"), "{variable}: {failed}");
    }
    // the first entry's column is free of its page's bits; the chain ties it to the page before
    let failed = system.tampered("page 2/page-bits capped 0/gap bit 0", |x| F::ONE - x).unwrap();
    assert!(failed.contains("chain-capped"), "{failed}");
}

#[test]
fn p8_columns_of_another_class_unlisted_ones_and_full_null_columns_leave_differences() {
    // the whole account in the other class, its columns those of the first
    let class = differences(|p| p[..3].iter_mut().for_each(|page| page.class = 3 - page.class));
    assert_eq!(class, ["caps"]);
    // a column that the book does not list, even with nothing in it
    let unlisted = differences(|p| {
        *last(p) = CappedEntry { column: OPEN_COLUMNS + 500, quantity: 0, slack: 0 };
        revalue(p);
    });
    assert_eq!(unlisted, ["measures", "indicators", "caps"]);
    // something in a null column: its cap is 0
    let null = differences(|p| {
        let class = u16::from(p[0].class);
        p[0].capped = vec![CappedEntry { column: OPEN_COLUMNS + class, quantity: 5, slack: 0 }; 1];
        p[0].capped.push(CappedEntry { column: OPEN_COLUMNS + class, quantity: 0, slack: 0 });
        revalue(p);
    });
    assert_eq!(null, ["caps"]);
    // a null column of quantity 5 with slack −5 cannot be packed (p9); a capped instrument has no open index at all
    let open = differences(|p| p[0].entries[0].column = 8000);
    assert_eq!(open, ["totals", "rows", "measures"]);
}

#[test]
fn p11_a_measure_off_by_one_or_with_its_sign_flipped_leaves_a_difference() {
    for m in 0..2 {
        assert_eq!(differences(|p| p[0].measures[m] += 1), ["measures"]);
        let flipped = differences(|p| {
            let page = p.iter_mut().find(|p| p.measures[m] != 0).unwrap();
            page.measures[m] = -page.measures[m];
        });
        assert_eq!(flipped, ["measures"]);
        // compensated in another account: the weights differ
        let compensated = differences(|p| {
            p[0].measures[m] += 1;
            p[3].measures[m] -= 1;
        });
        assert_eq!(compensated, ["measures"]);
    }
}

#[test]
fn p11_a_measure_on_a_second_page_or_a_negative_zero_is_refused() {
    assert_eq!(refused_by(|p| p[1].measures[1] = 1), "measure-first");
    assert_eq!(refused_by(|p| p[2].measures[0] = -1), "measure-first");
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns);
    // padding has measures of 0 and could otherwise be counted as accounts below
    let zero = pages[..8].iter().position(|p| p.measures[1] == 0).unwrap();
    let sign = format!("page {zero}/page-bits measure 1/sign bit 0");
    let padding = system.tampered(&sign, |_| F::ONE).unwrap();
    assert!(padding.contains("measure-sign") || padding.contains("measure-first"), "{padding}");
    let bits: Vec<String> = (0..96).map(|b| format!("page 0/page-bits measure 0/magnitude bit {b}")).collect();
    let bits: Vec<&str> = bits.iter().map(String::as_str).collect();
    for magnitude in [power_of_two(96), -F::ONE] {
        let all = std::iter::once(magnitude).chain(std::iter::repeat_n(F::ZERO, 95)).collect();
        assert!(system.tampered_together(&bits, |_| all).unwrap().contains("page-bits"));
    }
    for name in ["inverse", "shortfall"] {
        let failed = system.tampered(&format!("page 0/measure-sign 0/{name}"), |x| x + F::ONE).unwrap();
        assert!(failed.contains("measure-sign"), "{failed}");
    }
}

#[test]
fn p14_private_sums_that_are_not_the_pages_leave_differences_whatever_they_are_committed_to() {
    let (mut statement, pages) = honest();
    let mut with = |change: &dyn Fn(&mut Vec<FedColumn>)| {
        let mut columns = test_columns(&statement, &pages);
        change(&mut columns);
        let digest = assay_programs::ledger::book::private_digest(&columns);
        statement.shards[0].rules.as_mut().unwrap().private = Some(assay_core::field::to_hex(&digest));
        let folded = fold(&statement, &pages, &columns);
        assert_eq!(folded.refused, None);
        broken(&statement, &folded.last)
    };
    assert_eq!(with(&|_| {}), Vec::<&str>::new());
    assert_eq!(with(&|c| c[0].sums.rows += F::ONE), ["rows", "measures"]);
    // two columns of one weight whose sums are exchanged: every measure still holds, the rows do not
    assert_eq!(with(&|c| (c[0].sums.rows, c[2].sums.rows) = (c[2].sums.rows, c[0].sums.rows)), ["rows"]);
    let capped = 20 + 3;
    assert_eq!(with(&|c| c[capped].sums.indicators += F::ONE), ["indicators", "caps"]);
    // columns of one class and cap exchanged: the caps still hold
    let swapped = with(&|c| {
        let other = c[capped + 1].sums.indicators + F::ONE;
        c[capped + 1].sums.indicators = other;
        c[capped].sums.indicators -= F::ONE;
    });
    assert_eq!(swapped, ["indicators"]);
    // an open column has no indicators
    assert_eq!(with(&|c| c[1].sums.indicators = F::ONE), ["indicators"]);
}

/// What is read may come from anybody: sums beyond 128 bits end in a sentence, not in an overflow.
#[test]
fn an_asset_without_a_price_is_refused_whatever_its_totals_sum_to() {
    let (mut statement, _) = honest();
    statement.assets[0].price = None;
    for (assets, debts) in [(u128::MAX, 1), (1, 0), (0, 1)] {
        statement.columns[0].total = assets.to_string();
        statement.columns[1].total = debts.to_string();
        let refused = Sealed::seal(statement.clone()).unwrap_err().to_string();
        assert!(refused.contains("held and has no price"), "{refused}");
    }
}

/// Why a statement is refused; empty if it is not.
fn refused_reason(statement: Statement) -> String {
    Sealed::seal(statement).err().map(|e| e.to_string()).unwrap_or_default()
}

/// Each of these is provable, and would be read as something else than what is proved.
#[test]
fn claims_that_would_mislead_their_reader_are_refused_where_they_are_read() {
    let refused = |change: &dyn Fn(&mut Statement)| {
        let (mut statement, _) = honest();
        change(&mut statement);
        statement.columns.sort_by_key(|c| c.index);
        Sealed::seal(statement).unwrap_err().to_string()
    };
    let column = |index, kind| Column { index, kind, total: "0".to_owned() };
    // an open position column in a book with limits: positions without a limit, and a sentence that says there are none
    let instrument = |name: &str| name.to_owned();
    let long = |name| ColumnKind::Long { instrument: instrument(name), class: None, cap: None };
    let short = |name| ColumnKind::Short { instrument: instrument(name), class: None, cap: None };
    for kind in [long("F00"), short("F00"), long("F02"), short("F02")] {
        let open = |s: &mut Statement| {
            let mut third = s.rules.as_ref().unwrap().instruments[0].clone();
            third.symbol = instrument("F02");
            s.rules.as_mut().unwrap().instruments.push(third);
            s.columns.push(column(20, kind.clone()));
        };
        assert!(refused(&open).contains("without a limit"), "{kind:?}");
    }
    // a collateral tier listed twice counts twice
    let twice = |s: &mut Statement| {
        let tier = s.columns.iter().find(|c| matches!(c.kind, ColumnKind::Collateral { .. })).unwrap().kind.clone();
        s.columns.push(column(8_192 + 99, tier));
    };
    assert!(refused(&twice).contains("tier listed twice"));
    // units in which a held coin counts nothing and an owed one too much; in finer units it counts what it is worth
    let tiny = |decimals: Option<u8>| {
        move |s: &mut Statement| {
            s.assets[0].price = Some("0.0000021".to_owned());
            s.assets[0].scale = 8;
            s.rules.as_mut().unwrap().value_decimals = decimals;
        }
    };
    assert!(refused(&tiny(None)).contains("worth too little in units of 10^-12"));
    let (mut finer, _) = honest();
    tiny(Some(20))(&mut finer);
    assert!(!refused_reason(finer).contains("worth too little"));
    for decimals in [0, 11, 12, 25, 255] {
        assert!(refused(&tiny(Some(decimals))).contains(&format!("valued in {decimals} decimals")), "{decimals}");
    }
    // symbols that nobody can tell apart
    for alike in ["t00", "\u{ff34}00", "T\u{ff10}0", "\u{422}00"] {
        let rename = |s: &mut Statement| {
            let before = s.assets[1].symbol.clone();
            s.assets[1].symbol = alike.to_owned();
            for c in &mut s.columns {
                if let ColumnKind::Asset { asset } | ColumnKind::Debt { asset } = &mut c.kind
                    && *asset == before
                {
                    *asset = alike.to_owned();
                }
            }
        };
        assert!(refused(&rename).contains("look the same"), "{alike}");
        // there is no Cyrillic F
        if alike.contains('\u{422}') {
            continue;
        }
        let instrument = |s: &mut Statement| {
            s.rules.as_mut().unwrap().instruments[1].symbol =
                alike.replace('T', "F").replace('t', "f").replace('\u{ff34}', "\u{ff26}");
        };
        assert!(refused(&instrument).contains("look the same"), "{alike}");
    }
    // more than a reader can be asked to compute with
    let many = |s: &mut Statement| {
        let asset = |i: usize| Asset { symbol: format!("M{i}"), ..s.assets[0].clone() };
        s.assets = (0..MAX_ASSETS + 1).map(asset).collect();
    };
    assert!(refused(&many).contains("4097 assets"));
    let many = |s: &mut Statement| {
        let rules = s.rules.as_mut().unwrap();
        let one = rules.instruments[0].clone();
        rules.instruments =
            (0..MAX_INSTRUMENTS + 1).map(|i| Instrument { symbol: format!("M{i}"), ..one.clone() }).collect();
    };
    assert!(refused(&many).contains("2049 instruments"));
}

#[test]
fn p14_the_private_digest_cannot_be_changed_after_the_challenge() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut later = columns.clone();
    later[3].sums.blind += F::ONE;
    assert_eq!(broken(&statement, &fold(&statement, &pages, &later).last), ["private"]);
    // and it enters γ, not ρ
    let mut other = statement.clone();
    other.shards[0].rules.as_mut().unwrap().private = Some("00".repeat(32));
    assert_eq!(other.draft_bytes().unwrap(), statement.draft_bytes().unwrap());
    assert_ne!(challenge(&Sealed::seal(other).unwrap()), challenge(&Sealed::seal(statement.clone()).unwrap()));
}

#[test]
fn p3_p17_columns_left_out_fed_twice_reordered_or_with_another_cap_or_weight_are_not_the_book() {
    let (statement, pages) = honest();
    let honest = test_columns(&statement, &pages);
    let with = |change: &dyn Fn(&mut Vec<FedColumn>)| {
        let mut columns = honest.clone();
        change(&mut columns);
        broken(&statement, &fold(&statement, &pages, &columns).last)
    };
    let names = |wanted: &[&str], found: Vec<&'static str>| wanted.iter().all(|w| found.contains(w));
    assert!(names(&["book", "private"], with(&|c| c.truncate(c.len() - 1))));
    assert!(names(&["book", "private"], with(&|c| c.push(c[5]))));
    assert!(names(&["book", "private"], with(&|c| c.swap(1, 2))));
    let held = honest.iter().position(|c| c.book.cap > 0 && c.sums.indicators != F::ZERO).unwrap();
    assert_eq!(with(&|c| c[held].book.cap += 1), ["caps", "book"]);
    assert_eq!(with(&|c| c[held].book.class ^= 3), ["caps", "book"]);
    assert_eq!(with(&|c| c[0].book.weights[1] += 1), ["measures", "book"]);
}

/// What an inactive place may not do: γ as its column would make its fractions anything.
#[test]
fn feed_active_an_inactive_place_adds_nothing() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns[..2]);
    assert_eq!(system.cs.which_is_unsatisfied(), None);
    let gamma = challenge(&Sealed::seal(statement.clone()).unwrap());
    let failed = system
        .tampered_together(&["column 5/index", "column 5/feed-terms/rows fraction", "row-sum/rows"], |v| {
            vec![gamma, v[1] + F::ONE, v[2] - F::ONE]
        });
    assert!(failed.unwrap().contains("feed-active"));
    for (variable, rule) in [
        ("column 5/feed-active/active bit 0", "feed-active"),
        ("column 0/feed-book/chain", "feed-book"),
        ("column 5/feed-private/chain", "feed-private"),
        ("column 1/feed-terms/measure 1", "feed-terms"),
        ("column 1/feed-terms/cap", "feed-terms"),
        ("column 5/feed-terms/active rows", "feed-terms"),
    ] {
        let failed = system.tampered(variable, |x| x + F::from(2)).unwrap();
        assert!(failed.contains(rule), "{variable}: {failed}");
    }
}

/// The sums of the rules object to one error alone. Errors that cancel are caught by the constraint of each term.
#[test]
fn errors_that_cancel_in_a_sum_are_caught_where_they_are_made() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns);
    for term in ["indicator-sum 0", "indicator-sum 1", "cap-sum 0", "row-sum", "measure-sum 0", "measure-sum 1"] {
        let (first, second) = (format!("rules 3/{term}"), format!("rules 5/{term}"));
        let failed = system.tampered_together(&[&first, &second], |v| vec![v[0] + F::ONE, v[1] - F::ONE]);
        assert!(failed.is_some_and(|failed| failed.starts_with(&first)), "{term}");
    }
    // the twin derives the products; an indicator it only checks
    let before = State::initial(shape(), challenge(&Sealed::seal(statement.clone()).unwrap()), rho(&statement));
    let mut private = Private::honest(shape(), &witness(&pages, &columns), &before);
    private.pages[3].capped[0].indicator += F::ONE;
    private.pages[5].capped[0].indicator -= F::ONE;
    let public = Public { before, after: system.after() };
    assert_eq!(twin::check(shape(), &public, &private).unwrap_err().rule, "indicator-sum");
}

/// A number with one bit too many passes for another: `first`, `fresh` or a sign could be 2. Each has the bits that SPEC.md
/// gives it, and none of them can be anything but 0 or 1.
#[test]
fn every_number_of_a_page_has_its_bits_and_each_is_0_or_1() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns);
    let names: Vec<String> = system.cs.aux();
    for (number, bits) in [
        ("page 2/page-bits/first", 1),
        ("page 2/page-bits/remaining", 8),
        ("page 2/page-bits/class", 8),
        ("page 2/page-bits/entry 0/column", 13),
        ("page 2/page-bits/entry 0/quantity", 64),
        ("page 2/page-bits capped 0/fresh", 1),
        ("page 2/page-bits capped 0/gap", 13),
        ("page 2/page-bits capped 0/quantity", 64),
        ("page 2/page-bits capped 0/slack", 64),
        ("page 2/page-bits measure 0/magnitude", 96),
        ("page 2/page-bits measure 0/sign", 1),
        ("page 2/page-bits measure 1/sign", 1),
        ("column 0/feed-active/active", 1),
    ] {
        let start = format!("{number} bit ");
        let own: Vec<&String> = names.iter().filter(|name| name.starts_with(&start)).collect();
        assert_eq!(own.len(), bits, "{number}");
        for name in [own[0], own[bits - 1]] {
            let failed = system.tampered(name, |_| F::from(2)).unwrap();
            assert!(failed.starts_with(&format!("{name} is 0 or 1")), "{name}: {failed}");
        }
    }
}

#[test]
fn every_output_of_the_rules_is_bound() {
    let (statement, pages) = honest();
    let columns = test_columns(&statement, &pages);
    let mut system = first_step(&statement, &pages, &columns);
    for (variable, rule) in [
        ("chain-close rules/open weight", "chain-close"),
        ("chain-close rules/open capped", "chain-close"),
        ("row-sum/rows", "row-sum"),
        ("measure-sum 0/measure", "measure-sum"),
        ("measure-sum 1/measure", "measure-sum"),
        ("indicator-sum/indicators", "indicator-sum"),
        ("cap-sum/caps", "cap-sum"),
        ("result-sum 0/result", "result-sum"),
        ("result-sum 5/result", "result-sum"),
        ("rules 3/weight-account/account", "weight-account"),
        ("rules 3/weight-entry 1", "weight-entry"),
        ("rules 3/indicator-sum 0", "indicator-sum"),
    ] {
        let failed = system.tampered(variable, |x| x + F::ONE).unwrap();
        assert!(failed.contains(rule) || rule == "weight-entry", "{variable}: {failed}");
    }
    // ρ leaves the step as the variable that came in: `state-rho`
    assert_eq!(system.outputs[7].as_variable(), system.inputs[7].as_variable());
    let before = State::initial(shape(), challenge(&Sealed::seal(statement.clone()).unwrap()), rho(&statement));
    let witness = witness(&pages, &columns);
    let private = Private::honest(shape(), &witness, &before);
    type Change = fn(&mut RuleState);
    let lies: [(&str, Change); 9] = [
        ("state-rho", |r| r.rho += F::ONE),
        ("weight-entry", |r| r.weight += F::ONE),
        ("row-sum", |r| r.rows += F::ONE),
        ("measure-sum", |r| r.measures[1] += F::ONE),
        ("indicator-sum", |r| r.indicators += F::ONE),
        ("cap-sum", |r| r.caps += F::ONE),
        ("feed-book", |r| r.book += F::ONE),
        ("feed-private", |r| r.private += F::ONE),
        ("result-sum", |r| r.results[0].below += F::ONE),
    ];
    for (rule, change) in lies {
        let mut after = system.after();
        change(after.rules.as_mut().unwrap());
        assert_eq!(twin::check(shape(), &Public { before, after }, &private).unwrap_err().rule, rule);
    }
}

/// Two pages of holdings, the rest padding: every variable of the step changed alone.
#[test]
fn every_single_variable_of_a_two_page_ledger_is_caught_or_documented() {
    let mut pages = pages()[..3].to_vec();
    pages.remove(1);
    pages[0].remaining = 1;
    pages.resize(8, Page::padding(shape()));
    revalue(&mut pages);
    let statement = test_statement(shape(), &"01".repeat(32), &pages);
    let columns: Vec<FedColumn> = test_columns(&statement, &pages).into_iter().take(shape().columns_per_step).collect();
    let system = first_step(&statement, &pages, &columns);
    assert_eq!(system.cs.which_is_unsatisfied(), None);
    for change in [F::ONE, -F::ONE, power_of_two(64), power_of_two(96)] {
        let free = assay_programs::testing::free_variables(&system.cs, change);
        let undocumented: Vec<&String> = free
            .iter()
            .filter(|name| {
                let input = name.len() <= 3 && name.starts_with('z');
                let zero = name.ends_with("/page-pad/ratio") || name.contains("/measure-sign");
                !(input || zero || *name == "chain-close/inverse")
            })
            .collect();
        assert_eq!(undocumented, Vec::<&String>::new());
    }
}

/// Two ledgers with equal public results end in the same state but for root and challenges, and what follows from those.
#[test]
fn the_final_state_is_a_function_of_the_statement() {
    let mut random = TestRandom(5);
    for _ in 0..3 {
        let pages = pages();
        // the same holdings under other identities, in another order, cut into accounts differently
        let mut other = pages.clone();
        for page in other.iter_mut().filter(|p| p.identity != F::ZERO) {
            page.identity += F::from(1_000 + (random.next_u64() >> 40) * u64::from(page.first));
        }
        for i in 1..3 {
            other[i].identity = other[0].identity;
        }
        let end = |pages: &[Page]| {
            let statement = test_statement(shape(), &"01".repeat(32), pages);
            let folded = fold(&statement, pages, &test_columns(&statement, pages));
            (statement, folded)
        };
        let ((first, a), (second, b)) = (end(&pages), end(&other));
        assert!(b.refused.is_none_or(|(rule, _)| rule.contains("chain-identity")));
        let public = |statement: &Statement, state: &State| {
            let rules = state.rules.unwrap();
            let pages = F::from(statement.all_steps()) * F::from(8);
            assert_eq!(state.index * F::from(8), pages);
            // everything is 0, public, or follows from the statement's bytes
            let powers = shape().capped as u64 * statement.all_steps() * 8;
            assert_eq!(rules.weight, rho(statement).pow_vartime([powers]));
            assert_eq!(rules.rho, rho(statement));
            assert_eq!(state.gamma, challenge(&Sealed::seal(statement.clone()).unwrap()));
            assert_eq!(broken(statement, state), Vec::<&str>::new());
            let zeros =
                [state.open_identity, state.open_remaining, state.open_class, rules.open_weight, rules.open_capped];
            assert_eq!(zeros, [F::ZERO; 5]);
            (rules.results, rules.book)
        };
        assert_eq!(public(&first, &a.last), public(&second, &b.last));
        assert_ne!(a.last.root, b.last.root);
    }
}

#[test]
fn every_rule_on_accounts_is_attacked_here() {
    let source = include_str!("accounts.rs");
    for rule in ACCOUNT_RULES {
        assert!(source.contains(&format!("\"{rule}\"")) || source.contains(&format!("`{rule}`")), "{rule}");
    }
}

fn honest() -> (Statement, Vec<Page>) {
    let pages = pages();
    (test_statement(shape(), &"01".repeat(32), &pages), pages)
}

fn rho(statement: &Statement) -> F {
    first_challenge(&statement.draft_bytes().unwrap())
}

fn witness(pages: &[Page], columns: &[FedColumn]) -> StepWitness {
    let columns = columns.iter().take(shape().columns_per_step).copied().collect();
    StepWitness { pages: pages[..8].to_vec(), path: UpperTree::new(shape().depths).path(0), columns }
}

fn first_step(statement: &Statement, pages: &[Page], columns: &[FedColumn]) -> StepSystem<Ledger> {
    let before = State::initial(shape(), challenge(&Sealed::seal(statement.clone()).unwrap()), rho(statement));
    StepSystem::<Ledger>::new(shape(), before, &witness(pages, columns))
}

/// Makes every account's measures follow its holdings again.
fn revalue(pages: &mut [Page]) {
    let book = test_statement(shape(), &"01".repeat(32), &test_pages(shape(), 1, 1));
    let mut start = 0;
    while start < pages.len() {
        let end = start + 1 + usize::from(pages[start].remaining);
        let known = pages[start..end].iter().flat_map(|p| &p.capped).all(|c| book.column(c.column).is_some());
        if known {
            pages[start].measures = assay_programs::ledger::inclusion::measures(&book, &pages[start..end]).unwrap();
        }
        start = end;
    }
}
