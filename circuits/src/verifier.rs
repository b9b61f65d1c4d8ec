//! What a verifier checks, one named check after the other. Nothing about the circuit, its keys or its parameters is ever
//! taken from the attestation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ff::{Field, PrimeField};
use serde::Serialize;

use crate::{
    claims::MEASURE_NAMES,
    envelope::{Kind, decode_strict, open},
    error::Error,
    field::{F, from_hex},
    setup::{Compressed, Parameters, pin},
    shape::{Shape, Use},
    state::{RuleState, State},
    statement::{CoverageBasis, Statement, challenge, first_challenge, parse_units},
};

/// Whether shapes made for tests are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestShapes {
    /// As every release does by default.
    Refused,
    /// Only for tests: their capacity is a few hundred pages.
    Accepted,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable name.
    pub id: &'static str,
    /// What was checked, as a sentence.
    pub title: String,
    /// Whether it holds.
    pub passed: bool,
    /// Why not, or what was found.
    pub detail: String,
}

/// A value that a verifier has checked; there is no other way to get one.
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// The numbers of one asset, in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetLine {
    /// Symbol.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// What the exchange owes its customers.
    pub assets: u128,
    /// What its customers owe the exchange.
    pub debts: u128,
    /// What the exchange says it holds.
    pub reserves: u128,
}

impl AssetLine {
    /// Reserves over customer assets in hundredths of a percent, rounded down; nothing where nothing is owed.
    pub fn coverage_bps(&self) -> Option<u128> {
        if self.assets == 0 {
            return None;
        }
        // parse_units bounds both below 2^128; the quotient is taken first where the product would not fit
        Some(match self.reserves.checked_mul(10_000) {
            Some(product) => product / self.assets,
            None => (self.reserves / self.assets).saturating_mul(10_000),
        })
    }

    fn covered(&self, basis: CoverageBasis, bps: u32) -> bool {
        let owed = match basis {
            CoverageBasis::Gross => self.assets,
            CoverageBasis::Net => self.assets.saturating_sub(self.debts),
        };
        match (self.reserves.checked_mul(10_000), owed.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have >= need,
            _ => false,
        }
    }
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Report {
    /// The checks, in order; after a failed one, later checks that need it are left out.
    pub checks: Vec<Check>,
    /// The statement, once the proof of it has been verified, whatever its policy says.
    pub statement: Option<Verified<Statement>>,
    /// Per asset, in the order of the book; empty while there is no statement.
    pub assets: Vec<AssetLine>,
}

impl Report {
    /// Whether the attestation is valid: everything was checked, everything holds.
    pub fn is_valid(&self) -> bool {
        self.statement.is_some() && self.checks.iter().all(|c| c.passed)
    }

    fn add(&mut self, id: &'static str, title: &str, outcome: Result<String, String>) -> bool {
        let (passed, detail) = match outcome {
            Ok(detail) => (true, detail),
            Err(reason) => (false, reason),
        };
        self.checks.push(Check { id, title: title.to_owned(), passed, detail });
        passed
    }
}

/// The shape of a statement, once everything that needs no parameters holds: what a caller derives parameters for.
///
/// # Errors
/// [`Error::Malformed`] with the first thing that does not hold.
pub fn shape_of(statement_bytes: &[u8], tests: TestShapes) -> Result<&'static Shape, Error> {
    let statement = Statement::parse(statement_bytes)?;
    let shape = Shape::named(&statement.shape)?;
    if shape.purpose == Use::TestsOnly && tests == TestShapes::Refused {
        return Err(Error::Malformed(format!("{} is a shape for tests; a release does not accept it", shape.name)));
    }
    let pinned = pin(shape)?.parameter_digest;
    if statement.parameter_digest != pinned {
        return Err(Error::ParameterDigest { shape: shape.name.to_owned(), found: statement.parameter_digest, pinned });
    }
    Ok(shape)
}

/// Verifies an attestation. `parameters` gives those of a shape and is asked only once the statement has passed.
pub fn verify<P: AsRef<Parameters>>(
    statement_bytes: &[u8],
    proof_bytes: &[u8],
    tests: TestShapes,
    parameters: impl FnOnce(&'static Shape) -> Result<P, Error>,
) -> Report {
    let mut report = Report { checks: Vec::new(), statement: None, assets: Vec::new() };

    let parsed = Statement::parse(statement_bytes);
    let outcome = parsed.as_ref().map(|s| format!("{} of {}", s.snapshot.id, s.exchange.name));
    let readable = report.add(
        "statement",
        "the statement is complete and in canonical form",
        outcome.map_err(ToString::to_string),
    );
    let (true, Ok(statement)) = (readable, parsed) else {
        return report;
    };

    let shape = shape_of(statement_bytes, tests);
    let known = report.add(
        "shape",
        "its shape is in this release's catalogue, with the pinned parameters",
        shape.as_ref().map(|s| s.name.to_owned()).map_err(ToString::to_string),
    );
    let (true, Ok(shape)) = (known, shape) else {
        return report;
    };

    let proof = read_proof(&statement, statement_bytes, proof_bytes);
    let readable = report.add(
        "envelope",
        "the proof file is whole, canonical, and made for this statement",
        proof.as_ref().map(|_| format!("{} bytes", proof_bytes.len())).map_err(ToString::to_string),
    );
    let (true, Ok(proof)) = (readable, proof) else {
        return report;
    };

    let gamma = challenge(statement_bytes);
    let state = parameters(shape).and_then(|parameters| {
        let parameters = parameters.as_ref();
        parameters.check_pin()?;
        if parameters.shape() != shape {
            return Err(Error::Malformed(format!("parameters of {} were given", parameters.shape().name)));
        }
        let rho = first_challenge(&statement.first_bytes()?);
        let z0 = State::initial(shape, gamma, rho).to_z();
        // nova indexes by lengths that come from the proof; a panic there is a refusal
        let z = catch_unwind(AssertUnwindSafe(|| {
            proof.verify(parameters.verifying_key()?, statement.steps as usize, &z0).map_err(Error::from)
        }))
        .unwrap_or_else(|_| Err(Error::Nova("the proof is malformed".to_owned())))?;
        State::from_z(&z)
    });
    let proved = report.add(
        "proof",
        "the zero-knowledge proof verifies under the challenge drawn from the statement",
        state
            .as_ref()
            .map(|_| format!("{} steps of {} pages", statement.steps, shape.batch()))
            .map_err(ToString::to_string),
    );
    let (true, Ok(state)) = (proved, state) else {
        return report;
    };

    let mut holds = final_state_checks(&mut report, &statement, &state, gamma);
    holds &= report.checks.iter().all(|c| c.passed);
    if !holds {
        return report;
    }
    report.assets = asset_lines(&statement);
    policy_checks(&mut report, &statement);
    report.statement = Some(Verified(statement));
    report
}

fn read_proof(statement: &Statement, statement_bytes: &[u8], proof_bytes: &[u8]) -> Result<Compressed, Error> {
    let (header, payload) = open(Kind::Proof, proof_bytes)?;
    let mismatch = |what: &str| Err(Error::Malformed(format!("the proof was made for another {what}")));
    if header.shape != statement.shape {
        return mismatch("shape");
    }
    if header.parameter_digest != statement.parameter_digest {
        return mismatch("set of parameters");
    }
    if header.statement_digest != Statement::digest(statement_bytes) {
        return mismatch("statement");
    }
    if header.steps != statement.steps {
        return mismatch("number of steps");
    }
    decode_strict(payload)
}

fn final_state_checks(report: &mut Report, statement: &Statement, state: &State, gamma: F) -> bool {
    let root = from_hex(&statement.root).map(|root| root == state.root).unwrap_or(false);
    let mut holds = report.add(
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
    holds &= report.add(
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
        report.add("totals", "every column's total is the sum over all accounts, and no other column is held", totals);
    match &state.rules {
        Some(rules) => holds & rule_checks(report, statement, rules),
        None => holds,
    }
}

/// What the final state says about limits and measures.
fn rule_checks(report: &mut Report, statement: &Statement, state: &RuleState) -> bool {
    let claims = statement.rules.as_ref();
    let private = claims.and_then(|r| r.private.as_deref()).map(from_hex);
    let taken_in = statement.book_digest().is_ok_and(|book| book == state.book)
        && private.is_some_and(|p| p.is_ok_and(|p| p == state.private));
    let mut holds = report.add(
        "book",
        "every column, with its limit and its weights, was taken in once, under the sums committed to beforehand",
        if taken_in { Ok(format!("{} columns", statement.columns.len())) } else { Err("others were".to_owned()) },
    );
    let within = state.indicators == F::ZERO && state.caps == F::ZERO;
    let limits = statement.limits();
    holds &= report.add(
        "limits",
        "every position of every account is at most the limit of its class, and every collateral tier within its width",
        if within { Ok(format!("{} limits", limits.len())) } else { Err("an account exceeds one".to_owned()) },
    );
    let valued = state.rows == F::ZERO && state.measures.iter().all(|m| *m == F::ZERO);
    let results = claims.map_or(&[][..], |r| &r.results);
    let same = results.len() == state.results.len()
        && results.iter().zip(&state.results).all(|(claimed, found)| {
            let is = |text: &str, found: F| parse_units(text).is_ok_and(|units| F::from_u128(units) == found);
            is(&claimed.positive, found.positive)
                && is(&claimed.negative, found.negative)
                && F::from(claimed.below) == found.below
        });
    let outcome = match (valued, same) {
        (true, true) => Ok(MEASURE_NAMES.join(", ")),
        (false, _) => Err("an account is valued by other weights".to_owned()),
        (true, false) => Err("the published results are not the sums over all accounts".to_owned()),
    };
    holds & report.add("measures", "every account is valued by the public weights, and the results sum up", outcome)
}

fn asset_lines(statement: &Statement) -> Vec<AssetLine> {
    statement
        .assets
        .iter()
        .map(|a| AssetLine {
            symbol: a.symbol.clone(),
            scale: a.scale,
            assets: statement.customer_assets(&a.symbol),
            debts: statement.debts(&a.symbol),
            reserves: parse_units(&a.reserves).unwrap_or(0),
        })
        .collect()
}

/// What the exchange says the numbers satisfy. A statement that breaks its policy is a true statement of a failure.
fn policy_checks(report: &mut Report, statement: &Statement) {
    let negative: Vec<&str> = report.assets.iter().filter(|a| a.debts > a.assets).map(|a| a.symbol.as_str()).collect();
    let net = if negative.is_empty() {
        Ok(format!("{} assets", report.assets.len()))
    } else {
        Err(format!("customers owe more than they hold of {}", negative.join(", ")))
    };
    report.add("net", "of every asset customers hold at least what they owe", net);

    if let Some(bps) = statement.policy.coverage_bps {
        let basis = statement.policy.coverage_basis.unwrap_or(CoverageBasis::Gross);
        let short = report.assets.iter().filter(|a| !a.covered(basis, bps));
        let short: Vec<&str> = short.map(|a| a.symbol.as_str()).collect();
        let of = match basis {
            CoverageBasis::Gross => "customer assets",
            CoverageBasis::Net => "customer assets less what customers owe",
        };
        let title = format!("of every asset the stated reserves are at least {} of {of}", percent(u128::from(bps)));
        let outcome = if short.is_empty() {
            Ok(format!("{} assets", report.assets.len()))
        } else {
            Err(format!("too little of {}", short.join(", ")))
        };
        report.add("coverage", &title, outcome);
    }
    measure_policy_checks(report, statement);
}

/// Policy on what the measures add up to.
fn measure_policy_checks(report: &mut Report, statement: &Statement) {
    let Some([equity, margin]) = statement.rules.as_ref().and_then(|r| r.results.first_chunk()) else {
        return;
    };
    let units = |text: &str| parse_units(text).unwrap_or(0);
    let quote = statement.assets.first().map_or("", |a| a.quote.as_str());
    if let Some(most) = statement.policy.below_margin_max {
        let title = format!("at most {most} accounts are below their maintenance margin");
        let found = format!("{} are, by {} {quote} in all", margin.below, quote_amount(units(&margin.negative)));
        report.add("margin", &title, if margin.below <= most { Ok(found) } else { Err(found) });
    }
    if let Some(bps) = statement.policy.equity_ratio_bps {
        let (positive, negative) = (units(&equity.positive), units(&equity.negative));
        let holds = match (positive.checked_mul(10_000), negative.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have >= need,
            _ => false,
        };
        let title = format!("all positive equity together is at least {} of all negative", percent(u128::from(bps)));
        let found = format!("{} against {} {quote}", quote_amount(positive), quote_amount(negative));
        report.add("equity", &title, if holds { Ok(found) } else { Err(found) });
    }
}

/// Units of 10^-12 as a decimal in its shortest form.
pub fn quote_amount(units: u128) -> String {
    const ONE: u128 = 1_000_000_000_000;
    let text = format!("{}.{:012}", units / ONE, units % ONE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Hundredths of a percent as a percentage with two decimals.
pub fn percent(bps: u128) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// [`quote_amount`] of a number that may be negative.
pub fn signed_quote_amount(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}", quote_amount(units.unsigned_abs()))
}

const _: () = assert!(F::CAPACITY >= 253, "u128 totals never wrap");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        page::Entry,
        testing::{test_pages, test_statement},
        tree::empty_roots,
    };

    /// A statement with the state in which an honest fold of it ends; no proof is needed to judge a final state.
    fn honest() -> (Statement, State, F) {
        let shape = Shape::named("solvency-8").unwrap();
        let pages = test_pages(shape, 9, 4);
        let statement = test_statement(shape, &crate::field::to_hex(&F::ONE), &pages);
        let gamma = challenge(&statement.to_bytes().unwrap());
        let entries = pages.iter().flat_map(|p| &p.entries);
        let fractions = entries
            .map(|Entry { column, quantity }| {
                F::from(*quantity) * (gamma - F::from(u64::from(*column))).invert().unwrap()
            })
            .sum();
        let state = State {
            root: from_hex(&statement.root).unwrap(),
            index: F::from(statement.steps),
            fractions,
            ..State::initial(shape, gamma, F::ZERO)
        };
        (statement, state, gamma)
    }

    fn failed(statement: &Statement, state: &State, gamma: F) -> Vec<&'static str> {
        let mut report = Report { checks: Vec::new(), statement: None, assets: Vec::new() };
        let holds = final_state_checks(&mut report, statement, state, gamma);
        let failed: Vec<_> = report.checks.iter().filter(|c| !c.passed).map(|c| c.id).collect();
        assert_eq!(holds, failed.is_empty());
        failed
    }

    #[test]
    fn every_element_of_the_final_state_is_judged() {
        let (statement, honest, gamma) = honest();
        assert_eq!(failed(&statement, &honest, gamma), Vec::<&str>::new());
        for (check, change) in [
            ("root", (|s| s.root += F::ONE) as fn(&mut State)),
            ("root", |s| s.root = empty_roots(3)[3]),
            ("complete", |s| s.index += F::ONE),
            ("complete", |s| s.index = F::ZERO),
            ("complete", |s| s.open_identity = F::ONE),
            ("complete", |s| s.open_remaining = F::ONE),
            ("complete", |s| s.open_class = F::ONE),
            ("complete", |s| s.gamma += F::ONE),
            ("totals", |s| s.fractions += F::ONE),
            ("totals", |s| s.fractions = F::ZERO),
        ] {
            let mut state = honest;
            change(&mut state);
            assert_eq!(failed(&statement, &state, gamma), [check]);
        }
        // a column's index as challenge is no challenge
        assert_eq!(failed(&statement, &State { gamma: F::from(3), ..honest }, F::from(3)), ["totals"]);
    }

    fn policy_failures(change: impl FnOnce(&mut Statement)) -> Vec<(&'static str, String)> {
        let (mut statement, _, _) = honest();
        change(&mut statement);
        let mut report = Report { checks: Vec::new(), statement: None, assets: asset_lines(&statement) };
        policy_checks(&mut report, &statement);
        report.checks.into_iter().filter(|c| !c.passed).map(|c| (c.id, c.detail)).collect()
    }

    #[test]
    fn p18_an_asset_of_which_customers_owe_more_than_they_hold_is_named_whatever_the_others_are_worth() {
        assert_eq!(policy_failures(|_| {}), []);
        let failures = policy_failures(|s| s.columns[5].total = (s.customer_assets("T02") + 1).to_string());
        assert_eq!(failures, [("net", "customers owe more than they hold of T02".to_owned())]);
        // exactly as much is allowed
        assert_eq!(policy_failures(|s| s.columns[5].total = s.columns[4].total.clone()), []);
    }

    #[test]
    fn coverage_is_asked_for_to_the_last_unit_and_never_overflows() {
        let reserves = |s: &Statement, i: usize| s.assets[i].reserves.parse::<u128>().unwrap();
        let short = policy_failures(|s| s.assets[1].reserves = (reserves(s, 1) - 1).to_string());
        assert_eq!(short, [("coverage", "too little of T01".to_owned())]);
        let half = |s: &mut Statement| {
            s.policy.coverage_bps = Some(5_000);
            s.assets[1].reserves = reserves(s, 1).div_ceil(2).to_string();
        };
        assert_eq!(policy_failures(half), []);
        // numbers that do not fit are refused, not wrapped
        assert_eq!(policy_failures(|s| s.assets[1].reserves = u128::MAX.to_string())[0].0, "coverage");
    }
}
