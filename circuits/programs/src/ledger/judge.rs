//! What the final state of a fold says about its statement: each element of the state is compared with what the statement
//! claims, and no element is left out.

use assay_core::{
    check::Checks,
    decimal::parse_count,
    field::{F, from_hex},
};
use ff::{Field, PrimeField};

use super::{
    state::State,
    statement::{MEASURE_NAMES, Shard, Statement},
};

/// Notes the checks `root`, `complete`, `totals` and, for compliance, `book`, `limits` and `measures`; returns whether all
/// hold. `ends` are the final states of all shards, in order; `gamma` is the challenge that the verifier drew itself.
pub(crate) fn final_state_checks(checks: &mut Checks, statement: &Statement, ends: &[State], gamma: F) -> bool {
    if ends.len() != statement.shards.len() {
        let found = format!("{} ends for {} shards", ends.len(), statement.shards.len());
        return checks.add("complete", "every shard was folded", Err(found));
    }
    let end = Ending { statement, first: 0, ends, gamma };
    let mut holds = end.folded(checks);
    let totals = match statement.fractions(gamma) {
        Ok(fractions) if fractions == ends.iter().map(|end| end.fractions).sum::<F>() => {
            Ok(format!("{} columns", statement.columns.len()))
        }
        Ok(_) => Err("the totals are not those of the accounts that were folded".to_owned()),
        Err(e) => Err(e.to_string()),
    };
    holds &=
        checks.add("totals", "every column's total is the sum over all accounts, and no other column is held", totals);
    holds & end.ruled(checks)
}

/// The same for one shard alone, without `totals`, which only all shards together tell.
pub(crate) fn shard_state_checks(
    checks: &mut Checks,
    statement: &Statement,
    shard: usize,
    state: &State,
    gamma: F,
) -> bool {
    let end = Ending { statement, first: shard, ends: std::slice::from_ref(state), gamma };
    let folded = end.folded(checks);
    folded & end.ruled(checks)
}

/// Final states of some shards beside each other, and what they are compared with.
struct Ending<'a> {
    statement: &'a Statement,
    /// The shard of the first state.
    first: usize,
    ends: &'a [State],
    gamma: F,
}

impl<'a> Ending<'a> {
    /// Notes one check: the first shard for which `holds` gives a reason fails it.
    fn check(
        &self,
        checks: &mut Checks,
        (id, title): (&'static str, &str),
        passed: String,
        holds: impl Fn(&'a Shard, &'a State) -> Result<(), &'static str>,
    ) -> bool {
        let count = self.statement.shards.len();
        let own = self.statement.shards.iter().enumerate().skip(self.first).zip(self.ends);
        let failed = own.map(|((s, shard), state)| (s, holds(shard, state))).find(|(_, outcome)| outcome.is_err());
        let of_all = |what: String| match (count, self.ends.len()) {
            (1, _) => what,
            (_, checked) if what.is_empty() => format!("{checked} of {count} shards"),
            (_, checked) => format!("{what}, {checked} of {count} shards"),
        };
        let outcome = match failed {
            None => Ok(of_all(passed)),
            Some((_, Err(reason))) if count == 1 => Err(reason.to_owned()),
            Some((s, outcome)) => Err(format!("shard {s} of {count}: {}", outcome.err().unwrap_or_default())),
        };
        checks.add(id, title, outcome)
    }

    /// What is said of the tree and of the accounts in it.
    fn folded(&self, checks: &mut Checks) -> bool {
        let root = if let [shard] = &self.statement.shards[..] { shard.root.clone() } else { String::new() };
        let title = "the tree that was folded, from the empty tree on, has the statement's root";
        let holds = self.check(checks, ("root", title), root, |shard, state| {
            let same = from_hex(&shard.root).is_ok_and(|root| root == state.root);
            same.then_some(()).ok_or("it has another root")
        });
        let title = "every account's pages are complete and every batch was folded once";
        holds
            & self.check(checks, ("complete", title), String::new(), |shard, state| {
                let complete = state.index == F::from(shard.steps)
                    && state.open_identity == F::ZERO
                    && state.open_remaining == F::ZERO
                    && state.open_class == F::ZERO
                    && state.rules.is_none_or(|r| r.open_weight == F::ZERO && r.open_capped == F::ZERO)
                    && state.rules.is_some() == shard.rules.is_some()
                    && state.gamma == self.gamma;
                complete.then_some(()).ok_or("the fold ended in the middle of an account")
            })
    }

    /// What is said of limits and measures; nothing where no shard has any.
    fn ruled(&self, checks: &mut Checks) -> bool {
        if self.ends.iter().all(|state| state.rules.is_none()) {
            return true;
        }
        let columns = self.statement.columns.len();
        let digest = self.statement.book_digest();
        let title =
            "every column, with its limit and its weights, was taken in once, under the sums committed to beforehand";
        let mut holds = self.check(checks, ("book", title), format!("{columns} columns"), |shard, state| {
            let private = shard.rules.as_ref().and_then(|r| r.private.as_deref()).map(from_hex);
            let taken_in = state.rules.is_some_and(|rules| {
                digest.as_ref().is_ok_and(|book| *book == rules.book)
                    && private.is_some_and(|p| p.is_ok_and(|p| p == rules.private))
            });
            taken_in.then_some(()).ok_or("others were")
        });
        let title = "every position of every account is at most the limit of its class, and every collateral tier within its width";
        let limits = format!("{} limits", self.statement.limits().len());
        holds &= self.check(checks, ("limits", title), limits, |_, state| {
            let within = state.rules.is_some_and(|rules| rules.indicators == F::ZERO && rules.caps == F::ZERO);
            within.then_some(()).ok_or("an account exceeds one")
        });
        let title = "every account is valued by the public weights, and the results sum up";
        holds & self.check(checks, ("measures", title), MEASURE_NAMES.join(", "), measured)
    }
}

/// Whether the measures of a shard are valued by the public weights, and its results are the statement's.
fn measured(shard: &Shard, state: &State) -> Result<(), &'static str> {
    let results = shard.rules.as_ref().map_or(&[][..], |r| &r.results);
    let valued = state.rules.is_some_and(|r| r.rows == F::ZERO && r.measures.iter().all(|m| *m == F::ZERO));
    let same = state.rules.is_some_and(|rules| {
        results.len() == rules.results.len()
            && results.iter().zip(&rules.results).all(|(claimed, found)| {
                let is = |text: &str, found: F| parse_count(text).is_ok_and(|units| F::from_u128(units) == found);
                is(&claimed.positive, found.positive)
                    && is(&claimed.negative, found.negative)
                    && F::from(claimed.below) == found.below
            })
    });
    match (valued, same) {
        (true, true) => Ok(()),
        (false, _) => Err("an account is valued by other weights"),
        (true, false) => Err("the published results are not the sums over all accounts"),
    }
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
            state::{ResultState, RuleState},
            statement::{ColumnKind, MeasureResult, challenge, first_challenge},
        },
        testing::{test_pages, test_statement},
    };
    use assay_core::{field::to_hex, sealed::Sealed, tree::empty_roots};
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
    struct Honest {
        statement: Statement,
        state: State,
        gamma: F,
    }

    impl Honest {
        /// The end of an honest fold, made once for each family.
        fn of(shape: &str) -> Self {
            static ENDS: LazyLock<[Honest; 2]> = LazyLock::new(|| FAMILIES.map(Honest::make));
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
                root: from_hex(&statement.shards[0].root).unwrap(),
                index: F::from(statement.shards[0].steps),
                fractions: open.chain(capped).map(fraction).sum(),
                ..State::initial(shape, gamma, rho)
            };
            if let (Some(rules), Some(claims)) = (&mut state.rules, &statement.shards[0].rules) {
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
            let holds = final_state_checks(&mut checks, &self.statement, &[self.state], self.gamma);
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
        let mut end = Honest::of(shape);
        change(&mut end.state);
        end.failed()
    }

    /// The checks that fail once the statement of an honest end is changed; γ stays, so that nothing else differs.
    fn failed_with_statement(shape: &str, change: impl FnOnce(&mut Statement)) -> Vec<&'static str> {
        let mut end = Honest::of(shape);
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
            let end = Honest::of(shape);
            let mut checks = Checks::default();
            assert!(final_state_checks(&mut checks, &end.statement, &[end.state], end.gamma));
            assert!(checks.all_passed());
            assert_eq!(checks.iter().map(|c| c.id).collect::<Vec<_>>(), expected);
            assert_eq!(checks[2].detail, format!("{} columns", end.statement.columns.len()));
        }
    }

    #[test]
    fn every_element_of_the_final_state_is_judged() {
        for shape in FAMILIES {
            let honest = Honest::of(shape);
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
                let mut end = Honest::of("compliance-8");
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
            let mut end = Honest::of(shape);
            end.gamma = F::from(3);
            end.state.gamma = end.gamma;
            assert_eq!(end.failed(), ["totals"]);
        }
    }

    #[test]
    fn the_end_of_the_other_family_is_not_complete() {
        assert_eq!(failed_with_state("compliance-8", |s| s.rules = None), ["complete"]);
        let rules = Honest::of("compliance-8").state.rules;
        // a statement without rules has no results and no commitment either
        let found = failed_with_state("solvency-8", |s| s.rules = rules);
        assert_eq!(found, ["complete", "book", "measures"]);
    }

    #[test]
    fn every_claim_that_the_state_answers_is_compared() {
        for shape in FAMILIES {
            for (check, change) in [
                ("root", (|s| s.shards[0].root = "00".repeat(32)) as fn(&mut Statement)),
                ("root", |s| s.shards[0].root.truncate(62)),
                ("root", |s| s.shards[0].root.clear()),
                ("complete", |s| s.shards[0].steps += 1),
                ("complete", |s| s.shards[0].steps = 0),
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
            |s| s.shards[0].rules.as_mut().unwrap().private = None,
            |s| s.shards[0].rules.as_mut().unwrap().private = Some("00".repeat(32)),
            |s| s.shards[0].rules.as_mut().unwrap().private = Some("0".to_owned()),
        ] {
            assert_eq!(failed_with_statement("compliance-8", change), ["book"]);
        }
    }

    #[test]
    fn the_results_are_those_of_the_fold_in_their_one_spelling() {
        let result = |m: usize, change: fn(&mut MeasureResult)| {
            failed_with_statement("compliance-8", |s| change(&mut s.shards[0].rules.as_mut().unwrap().results[m]))
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
            failed_with_statement("compliance-8", |s| change(&mut s.shards[0].rules.as_mut().unwrap().results))
        };
        assert_eq!(results(|_| {}), none());
        assert_eq!(results(|r| drop(r.pop())), ["measures"]);
        assert_eq!(results(Vec::clear), ["measures"]);
        assert_eq!(results(|r| r.swap(0, 1)), ["measures"]);
        assert_eq!(results(|r| r.push(r[1].clone())), ["measures"]);
    }

    /// Two shards: the second one's state and claims are the first one's, but for their root.
    fn pair(shape: &str) -> (Statement, [State; 2], F) {
        let Honest { mut statement, state, gamma } = Honest::of(shape);
        let mut second = state;
        second.root += F::ONE;
        let mut shard = statement.shards[0].clone();
        shard.root = to_hex(&second.root);
        statement.shards.push(shard);
        for column in &mut statement.columns {
            column.total = (2 * column.total.parse::<u128>().unwrap()).to_string();
        }
        (statement, [state, second], gamma)
    }

    fn judged(statement: &Statement, ends: &[State], gamma: F) -> Vec<(&'static str, String)> {
        let mut checks = Checks::default();
        let holds = final_state_checks(&mut checks, statement, ends, gamma);
        let failed: Vec<_> = checks.into_vec().into_iter().filter(|c| !c.passed).map(|c| (c.id, c.detail)).collect();
        assert_eq!(holds, failed.is_empty());
        failed
    }

    #[test]
    fn every_element_of_every_shards_state_is_judged_and_the_shard_is_named() {
        for shape in FAMILIES {
            let (statement, ends, gamma) = pair(shape);
            assert_eq!(judged(&statement, &ends, gamma), []);
            for (s, (i, (slot, judges))) in (0..2).flat_map(|s| SLOTS.iter().enumerate().map(move |slot| (s, slot))) {
                let mut z = ends[s].to_z();
                let Some(element) = z.get_mut(i) else { continue };
                *element += F::ONE;
                let mut changed = ends;
                changed[s] = State::from_z(z).unwrap();
                let failed = judged(&statement, &changed, gamma);
                assert_eq!(failed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), *judges, "{slot} of {shape}");
                for (id, detail) in failed.iter().filter(|(id, _)| *id != "totals") {
                    assert!(detail.starts_with(&format!("shard {s} of 2: ")), "{id}: {detail}");
                }
            }
        }
    }

    #[test]
    fn totals_are_judged_over_all_shards_and_only_there() {
        for shape in FAMILIES {
            let (statement, ends, gamma) = pair(shape);
            // what one shard has more, another has less: only their sum is public
            let mut moved = ends;
            moved[0].fractions += F::ONE;
            moved[1].fractions -= F::ONE;
            assert_eq!(judged(&statement, &moved, gamma), []);
            let totals = judged(&statement, &ends[..1], gamma);
            assert_eq!(totals, [("complete", "1 ends for 2 shards".to_owned())]);
            assert_eq!(judged(&statement, &[], gamma)[0].0, "complete");
            assert_eq!(judged(&statement, &[ends[0], ends[1], ends[1]], gamma)[0].0, "complete");
            assert_eq!(judged(&statement, &[ends[1], ends[0]], gamma)[0].0, "root");
            // one shard by itself: all but the totals
            for shard in 0..2 {
                let mut checks = Checks::default();
                assert!(shard_state_checks(&mut checks, &statement, shard, &moved[shard], gamma));
                assert!(checks.iter().all(|c| c.id != "totals"));
                let mut checks = Checks::default();
                assert!(!shard_state_checks(&mut checks, &statement, shard, &moved[1 - shard], gamma));
            }
        }
    }

    #[test]
    fn the_reason_says_what_differs() {
        let reason = |change: fn(&mut RuleState)| {
            let mut end = Honest::of("compliance-8");
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
