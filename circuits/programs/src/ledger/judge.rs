//! What the final state of a fold says about its statement: each element of the state is compared with what the statement
//! claims, and no element is left out.

use assay_core::{
    check::Checks,
    decimal::parse_count,
    field::{F, from_hex},
};
use ff::{Field, PrimeField};

use super::{
    state::{RuleState, State},
    statement::{MEASURE_NAMES, Statement},
};

/// Notes the checks `root`, `complete`, `totals` and, for compliance, `book`, `limits` and `measures`; returns whether all
/// hold. `gamma` is the challenge that the verifier drew itself.
pub(crate) fn final_state_checks(checks: &mut Checks, statement: &Statement, state: &State, gamma: F) -> bool {
    let root = from_hex(&statement.root).map(|root| root == state.root).unwrap_or(false);
    let mut holds = checks.add(
        "root",
        "the tree that was folded, from the empty tree on, has the statement's root",
        if root { Ok(statement.root.clone()) } else { Err("it has another root".to_owned()) },
    );
    let complete = state.index == F::from(statement.steps)
        && state.open_identity == F::ZERO
        && state.open_remaining == F::ZERO
        && state.open_class == F::ZERO
        && state.rules.is_none_or(|r| r.open_weight == F::ZERO && r.open_capped == F::ZERO)
        && state.rules.is_some() == statement.rules.is_some()
        && state.gamma == gamma;
    holds &= checks.add(
        "complete",
        "every account's pages are complete and every batch was folded once",
        if complete { Ok(String::new()) } else { Err("the fold ended in the middle of an account".to_owned()) },
    );
    let totals = match statement.fractions(gamma) {
        Ok(fractions) if fractions == state.fractions => Ok(format!("{} columns", statement.columns.len())),
        Ok(_) => Err("the totals are not those of the accounts that were folded".to_owned()),
        Err(e) => Err(e.to_string()),
    };
    holds &=
        checks.add("totals", "every column's total is the sum over all accounts, and no other column is held", totals);
    match &state.rules {
        Some(rules) => holds & rule_checks(checks, statement, rules),
        None => holds,
    }
}

/// What the final state says about limits and measures.
fn rule_checks(checks: &mut Checks, statement: &Statement, state: &RuleState) -> bool {
    let claims = statement.rules.as_ref();
    let private = claims.and_then(|r| r.private.as_deref()).map(from_hex);
    let taken_in = statement.book_digest().is_ok_and(|book| book == state.book)
        && private.is_some_and(|p| p.is_ok_and(|p| p == state.private));
    let mut holds = checks.add(
        "book",
        "every column, with its limit and its weights, was taken in once, under the sums committed to beforehand",
        if taken_in { Ok(format!("{} columns", statement.columns.len())) } else { Err("others were".to_owned()) },
    );
    let within = state.indicators == F::ZERO && state.caps == F::ZERO;
    let limits = statement.limits();
    holds &= checks.add(
        "limits",
        "every position of every account is at most the limit of its class, and every collateral tier within its width",
        if within { Ok(format!("{} limits", limits.len())) } else { Err("an account exceeds one".to_owned()) },
    );
    let valued = state.rows == F::ZERO && state.measures.iter().all(|m| *m == F::ZERO);
    let results = claims.map_or(&[][..], |r| &r.results);
    let same = results.len() == state.results.len()
        && results.iter().zip(&state.results).all(|(claimed, found)| {
            let is = |text: &str, found: F| parse_count(text).is_ok_and(|units| F::from_u128(units) == found);
            is(&claimed.positive, found.positive)
                && is(&claimed.negative, found.negative)
                && F::from(claimed.below) == found.below
        });
    let outcome = match (valued, same) {
        (true, true) => Ok(MEASURE_NAMES.join(", ")),
        (false, _) => Err("an account is valued by other weights".to_owned()),
        (true, false) => Err("the published results are not the sums over all accounts".to_owned()),
    };
    holds & checks.add("measures", "every account is valued by the public weights, and the results sum up", outcome)
}

const _: () = assert!(F::CAPACITY >= 253, "u128 totals never wrap");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::LazyLock;

    use super::*;
    use crate::{
        ledger::{
            shape::Shape,
            state::ResultState,
            statement::{ColumnKind, MeasureResult, challenge, first_challenge},
        },
        testing::{test_pages, test_statement},
    };
    use assay_core::{sealed::Sealed, tree::empty_roots};
    use assay_fold::slots::Slots;

    const FAMILIES: [&str; 2] = ["solvency-8", "compliance-8"];
    /// Every slot of the state in the order of z, with the check that judges it. Nothing judges ρ and its power: no step
    /// changes ρ, and the power follows from the number of pages.
    const SLOTS: [(&str, &[&str]); 24] = [
        ("root", &["root"]),
        ("index", &["complete"]),
        ("open_identity", &["complete"]),
        ("open_remaining", &["complete"]),
        ("open_class", &["complete"]),
        ("fractions", &["totals"]),
        ("gamma", &["complete"]),
        ("rho", &[]),
        ("weight", &[]),
        ("open_weight", &["complete"]),
        ("open_capped", &["complete"]),
        ("rows", &["measures"]),
        ("equity", &["measures"]),
        ("margin excess", &["measures"]),
        ("indicators", &["limits"]),
        ("caps", &["limits"]),
        ("book", &["book"]),
        ("private", &["book"]),
        ("positive equity", &["measures"]),
        ("negative equity", &["measures"]),
        ("accounts with negative equity", &["measures"]),
        ("positive excess", &["measures"]),
        ("negative excess", &["measures"]),
        ("accounts below the margin", &["measures"]),
    ];

    /// A statement with the state in which an honest fold of it ends; no proof is needed to judge a final state.
    #[derive(Clone)]
    struct Ending {
        statement: Statement,
        state: State,
        gamma: F,
    }

    impl Ending {
        /// The end of an honest fold, made once for each family.
        fn honest(shape: &str) -> Self {
            static ENDS: LazyLock<[Ending; 2]> = LazyLock::new(|| FAMILIES.map(Ending::make));
            ENDS[usize::from(shape == FAMILIES[1])].clone()
        }

        fn make(shape: &str) -> Self {
            let shape = Shape::named(shape).unwrap();
            let pages = test_pages(shape, 9, 4);
            let statement = test_statement(shape, &"01".repeat(32), &pages);
            let gamma = challenge(&Sealed::seal(statement.clone()).unwrap());
            let open = pages.iter().flat_map(|p| &p.entries).map(|e| (e.column, e.quantity));
            let capped = pages.iter().flat_map(|p| &p.capped).map(|e| (e.column, e.quantity));
            let fraction = |(column, quantity): (u16, u64)| {
                F::from(quantity) * (gamma - F::from(u64::from(column))).invert().unwrap()
            };
            let rho = first_challenge(&statement.draft_bytes().unwrap());
            let mut state = State {
                root: from_hex(&statement.root).unwrap(),
                index: F::from(statement.steps),
                fractions: open.chain(capped).map(fraction).sum(),
                ..State::initial(shape, gamma, rho)
            };
            if let (Some(rules), Some(claims)) = (&mut state.rules, &statement.rules) {
                rules.weight = rho.pow_vartime([(pages.len() * shape.capped) as u64]);
                rules.book = statement.book_digest().unwrap();
                rules.private = from_hex(claims.private.as_ref().unwrap()).unwrap();
                rules.results = std::array::from_fn(|m| {
                    let measures = || pages.iter().map(|p| p.measures[m]);
                    let sum = |of: fn(&i128) -> bool| {
                        measures().filter(of).map(|value| F::from_u128(value.unsigned_abs())).sum()
                    };
                    let below = measures().filter(|value| *value < 0).count() as u64;
                    ResultState { positive: sum(|v| *v >= 0), negative: sum(|v| *v < 0), below: F::from(below) }
                });
                assert!(rules.results[1].to_z().iter().all(|result| *result != F::ZERO), "a result says nothing");
            }
            Self { statement, state, gamma }
        }

        /// The checks that do not hold, with what they say.
        fn reasons(&self) -> Vec<(&'static str, String)> {
            let mut checks = Checks::default();
            let holds = final_state_checks(&mut checks, &self.statement, &self.state, self.gamma);
            let failed = checks.iter().filter(|c| !c.passed).map(|c| (c.id, c.detail.clone())).collect::<Vec<_>>();
            assert_eq!(holds, failed.is_empty());
            failed
        }

        fn failed(&self) -> Vec<&'static str> {
            self.reasons().into_iter().map(|(id, _)| id).collect()
        }
    }

    /// The checks that fail once the state of an honest end is changed.
    fn failed_with_state(shape: &str, change: impl FnOnce(&mut State)) -> Vec<&'static str> {
        let mut end = Ending::honest(shape);
        change(&mut end.state);
        end.failed()
    }

    /// The checks that fail once the statement of an honest end is changed; γ stays, so that nothing else differs.
    fn failed_with_statement(shape: &str, change: impl FnOnce(&mut Statement)) -> Vec<&'static str> {
        let mut end = Ending::honest(shape);
        change(&mut end.statement);
        end.failed()
    }

    fn none() -> Vec<&'static str> {
        Vec::new()
    }

    #[test]
    fn an_honest_end_passes_every_check_of_its_family() {
        for (shape, expected) in FAMILIES
            .into_iter()
            .zip([&["root", "complete", "totals"][..], &["root", "complete", "totals", "book", "limits", "measures"]])
        {
            let end = Ending::honest(shape);
            let mut checks = Checks::default();
            assert!(final_state_checks(&mut checks, &end.statement, &end.state, end.gamma));
            assert!(checks.all_passed());
            assert_eq!(checks.iter().map(|c| c.id).collect::<Vec<_>>(), expected);
            assert_eq!(checks[2].detail, format!("{} columns", end.statement.columns.len()));
        }
    }

    #[test]
    fn every_element_of_the_final_state_is_judged() {
        for shape in FAMILIES {
            let honest = Ending::honest(shape);
            let z = honest.state.to_z();
            assert!(shape == "solvency-8" || z.len() == SLOTS.len());
            for (i, (slot, judges)) in SLOTS.iter().enumerate().take(z.len()) {
                // one more, one less, twice as much, its negative, nothing
                for wrong in [z[i] + F::ONE, z[i] - F::ONE, z[i].double(), -z[i], F::ZERO] {
                    let mut changed = z.clone();
                    changed[i] = wrong;
                    let expected = if wrong == z[i] { &[] } else { *judges };
                    let found = failed_with_state(shape, |s| *s = State::from_z(changed).unwrap());
                    assert_eq!(found, expected, "{slot} of {shape}");
                }
            }
        }
        let found = failed_with_state("solvency-8", |s| s.root = empty_roots(3)[3]);
        assert_eq!(found, ["root"]);
    }

    #[test]
    fn two_wrongs_do_not_make_a_right() {
        for (i, (first, judges)) in SLOTS.iter().enumerate() {
            for (j, (second, others)) in SLOTS.iter().enumerate().skip(i + 1) {
                let mut end = Ending::honest("compliance-8");
                let mut z = end.state.to_z();
                z[i] += F::ONE;
                z[j] -= F::ONE;
                end.state = State::from_z(z).unwrap();
                let failed = end.failed();
                let all = judges.iter().chain(*others);
                assert!(all.clone().all(|id| failed.contains(id)), "{first} and {second}: {failed:?}");
                assert_eq!(failed.is_empty(), all.count() == 0, "{first} and {second}");
            }
        }
    }

    #[test]
    fn a_columns_index_as_challenge_is_no_challenge() {
        for shape in FAMILIES {
            let mut end = Ending::honest(shape);
            end.gamma = F::from(3);
            end.state.gamma = end.gamma;
            assert_eq!(end.failed(), ["totals"]);
        }
    }

    #[test]
    fn the_end_of_the_other_family_is_not_complete() {
        assert_eq!(failed_with_state("compliance-8", |s| s.rules = None), ["complete"]);
        let rules = Ending::honest("compliance-8").state.rules;
        // a statement without rules has no results and no commitment either
        let found = failed_with_state("solvency-8", |s| s.rules = rules);
        assert_eq!(found, ["complete", "book", "measures"]);
    }

    #[test]
    fn every_claim_that_the_state_answers_is_compared() {
        for shape in FAMILIES {
            for (check, change) in [
                ("root", (|s| s.root = "00".repeat(32)) as fn(&mut Statement)),
                ("root", |s| s.root.truncate(62)),
                ("root", |s| s.root.clear()),
                ("complete", |s| s.steps += 1),
                ("complete", |s| s.steps = 0),
                ("totals", |s| s.columns[4].total = "0".to_owned()),
                ("totals", |s| s.columns[4].total.push('0')),
                ("totals", |s| s.columns[4].total.push('x')),
            ] {
                assert_eq!(failed_with_statement(shape, change), [check], "{shape}");
            }
        }
        // a column of which nothing is held is missed by the book, not by the totals
        let empty = |s: &mut Statement| {
            let at = s.columns.iter().position(|c| matches!(c.kind, ColumnKind::Null { .. })).unwrap();
            s.columns.remove(at);
        };
        assert_eq!(failed_with_statement("compliance-8", empty), ["book"]);
    }

    #[test]
    fn limits_weights_and_the_commitment_are_those_that_were_folded() {
        for change in [
            // another price, margin and limit
            (|s| s.rules.as_mut().unwrap().instruments[0].mark_price = "999".to_owned()) as fn(&mut Statement),
            |s| s.rules.as_mut().unwrap().instruments[1].maintenance_margin_bps += 1,
            |s| s.assets[1].price = Some("1.4".to_owned()),
            |s| {
                let long = s.columns.iter_mut().find_map(|c| match &mut c.kind {
                    ColumnKind::Long { cap, .. } => Some(cap),
                    _ => None,
                });
                *long.unwrap() = Some("1001".to_owned());
            },
            // a book with no integers at all
            |s| s.assets[1].price = Some("one".to_owned()),
            |s| s.rules.as_mut().unwrap().private = None,
            |s| s.rules.as_mut().unwrap().private = Some("00".repeat(32)),
            |s| s.rules.as_mut().unwrap().private = Some("0".to_owned()),
        ] {
            assert_eq!(failed_with_statement("compliance-8", change), ["book"]);
        }
    }

    #[test]
    fn the_results_are_those_of_the_fold_in_their_one_spelling() {
        let result = |m: usize, change: fn(&mut MeasureResult)| {
            failed_with_statement("compliance-8", |s| change(&mut s.rules.as_mut().unwrap().results[m]))
        };
        for m in 0..MEASURE_NAMES.len() {
            assert_eq!(result(m, |r| r.below += 1), ["measures"]);
            assert_eq!(result(m, |r| r.positive.insert(0, '1')), ["measures"]);
            assert_eq!(result(m, |r| r.negative.insert(0, '1')), ["measures"]);
            assert_eq!(result(m, |r| r.positive.insert(0, '0')), ["measures"]);
            assert_eq!(result(m, |r| r.negative.insert(0, '+')), ["measures"]);
            assert_eq!(result(m, |r| r.negative.clear()), ["measures"]);
        }
        let results = |change: fn(&mut Vec<MeasureResult>)| {
            failed_with_statement("compliance-8", |s| change(&mut s.rules.as_mut().unwrap().results))
        };
        assert_eq!(results(|_| {}), none());
        assert_eq!(results(|r| drop(r.pop())), ["measures"]);
        assert_eq!(results(Vec::clear), ["measures"]);
        assert_eq!(results(|r| r.swap(0, 1)), ["measures"]);
        assert_eq!(results(|r| r.push(r[1].clone())), ["measures"]);
    }

    #[test]
    fn the_reason_says_what_differs() {
        let reason = |change: fn(&mut RuleState)| {
            let mut end = Ending::honest("compliance-8");
            change(end.state.rules.as_mut().unwrap());
            end.reasons().pop().unwrap().1
        };
        let (weights, results) =
            ("an account is valued by other weights", "the published results are not the sums over all accounts");
        assert_eq!(reason(|r| r.rows = F::ONE), weights);
        assert_eq!(reason(|r| r.measures[1] = F::ONE), weights);
        assert_eq!(reason(|r| (r.rows, r.results[0].below) = (F::ONE, F::from(9))), weights);
        assert_eq!(reason(|r| r.results[0].below += F::ONE), results);
    }
}
