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
