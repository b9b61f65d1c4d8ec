//! Verification reports as JSON. Other programs depend on the fields. Amounts are decimal strings of whole assets, so that no
//! reader rounds them.

use std::collections::BTreeMap;

use assay_core::{
    check::Check,
    decimal::{format_signed, format_units},
    later::{Later, LaterDocument},
    notice::Notice,
    opinion::Opinion,
    signature::SignatureState,
};
use assay_programs::ledger::inclusion::{HoldingKind, OwnClass};
use assay_programs::ledger::statement::{CoverageBasis, MEASURE_NAMES, StatementLabel};
use assay_programs::ledger::{
    policy::AssetLine,
    report::{LogState, Report},
};
use serde::Serialize;

use crate::attest::InclusionVerdict;

/// The report on an attestation.
#[derive(Serialize)]
pub(super) struct AttestationJson<'a> {
    valid: bool,
    checks: &'a [Check],
    /// By what two readers compare statements; null if nothing is proved.
    statement: Option<StatementLabel>,
    signature: SignatureJson<'a>,
    /// `logged`, `unchecked` (no policy was given) or `refused`; null where the command takes no policy.
    log: Option<&'static str>,
    #[serde(flatten)]
    later: LaterJson<'a>,
    /// Coverage of every asset that the exchange's own policy requires, in hundredths of a percent; `valid` refers to this
    /// value. Null if no reserves are stated, or nothing is proved.
    required_coverage_bps: Option<u32>,
    /// What the required coverage is of; null if no reserves are stated, or nothing is proved.
    coverage_basis: Option<CoverageBasis>,
    assets: Vec<AssetJson<'a>>,
}

impl<'a> AttestationJson<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let policy = report.statement.as_ref().map(|statement| &statement.get().policy);
        Self {
            valid: report.is_valid(),
            checks: &report.checks,
            statement: report.label(),
            signature: SignatureJson::of(&report.signature),
            log: report.log.map(LogState::as_str),
            later: LaterJson::of(&report.later),
            required_coverage_bps: policy.and_then(|policy| policy.coverage_bps),
            coverage_basis: policy
                .filter(|policy| policy.coverage_bps.is_some())
                .map(|policy| policy.coverage_basis.unwrap_or(CoverageBasis::Gross)),
            assets: report.assets.iter().map(AssetJson::of).collect(),
        }
    }
}

/// Who signed, as far as the reader's keys tell.
#[derive(Serialize)]
pub(super) struct SignatureJson<'a> {
    /// `signed`, `unchecked` (no keys were given), `missing` or `refused`.
    state: &'static str,
    /// The given keys that signed.
    keys: &'a [String],
}

impl<'a> SignatureJson<'a> {
    pub(super) fn of(signature: &'a SignatureState) -> Self {
        Self { state: signature.as_str(), keys: signature.keys() }
    }
}

/// What was said about the attestation after it was published.
#[derive(Serialize)]
pub(super) struct LaterJson<'a> {
    notices: Vec<LaterDocumentJson<'a, Notice>>,
    opinions: Vec<LaterDocumentJson<'a, Opinion>>,
}

#[derive(Serialize)]
struct LaterDocumentJson<'a, D> {
    /// `signed` by a given key, `unchecked` (no keys were given), `unlisted` (by another key) or `refused`.
    state: &'static str,
    /// The key that is said to have signed it.
    key: &'a str,
    #[serde(flatten)]
    document: &'a D,
}

impl<'a> LaterJson<'a> {
    pub(super) fn of(later: &'a Later) -> Self {
        Self { notices: documents(&later.notices), opinions: documents(&later.opinions) }
    }
}

fn documents<D>(documents: &[LaterDocument<D>]) -> Vec<LaterDocumentJson<'_, D>> {
    let documents = documents.iter();
    documents
        .map(|later| LaterDocumentJson { state: later.state.as_str(), key: &later.kid, document: &later.document })
        .collect()
}

/// The numbers of one asset.
#[derive(Serialize)]
struct AssetJson<'a> {
    symbol: &'a str,
    scale: u8,
    customer_assets: String,
    debts: String,
    /// Customer assets minus debts; negative if customers owe more than they hold.
    net: String,
    reserves: String,
    /// Reserves divided by customer assets, in hundredths of a percent; null if nothing is owed to customers.
    coverage_bps: Option<u128>,
    /// Reserves that the exchange says are proven owned; null if the statement has no evidence.
    owned: Option<String>,
    /// Reserves that, by the exchange's word, custodians and banks of its list state; null likewise.
    third_party: Option<String>,
}

impl<'a> AssetJson<'a> {
    fn of(line: &'a AssetLine) -> Self {
        let net = match line.assets.checked_sub(line.debts) {
            Some(net) => format_units(net, line.scale),
            None => format!("-{}", format_units(line.debts.abs_diff(line.assets), line.scale)),
        };
        Self {
            symbol: &line.symbol,
            scale: line.scale,
            customer_assets: format_units(line.assets, line.scale),
            debts: format_units(line.debts, line.scale),
            net,
            reserves: format_units(line.reserves, line.scale),
            coverage_bps: line.coverage_bps(),
            owned: line.owned.map(|owned| format_units(owned, line.scale)),
            third_party: line.third_party.map(|units| format_units(units, line.scale)),
        }
    }
}

/// The report on an inclusion file, with the report on the attestation if it was verified.
#[derive(Serialize)]
pub(super) struct InclusionJson<'a> {
    /// Whether every check passed.
    valid: bool,
    /// Whether the attestation was verified. If not, `valid` means that the account is in the statement, not that the
    /// statement is proved.
    attestation_checked: bool,
    attestation: Option<AttestationJson<'a>>,
    /// All that was checked of the attestation.
    checks: &'a [Check],
    /// The statement that the file was made for; null if it was made for another one.
    statement: Option<&'a StatementLabel>,
    signature: SignatureJson<'a>,
    log: Option<&'static str>,
    #[serde(flatten)]
    later: LaterJson<'a>,
    inclusion: OwnInclusionJson<'a>,
}

#[derive(Serialize)]
struct OwnInclusionJson<'a> {
    valid: bool,
    account: &'a str,
    checks: &'a [Check],
    holdings: Vec<HoldingJson<'a>>,
    /// Value of each measure by its name, in the quote currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    measures: Option<BTreeMap<&'static str, String>>,
    /// The class that the account is held to; null unless it is included.
    class: Option<&'a OwnClass>,
}

#[derive(Serialize)]
struct HoldingJson<'a> {
    asset: &'a str,
    kind: HoldingKind,
    amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
}

impl<'a> InclusionJson<'a> {
    pub(super) fn of(verdict: &'a InclusionVerdict) -> Self {
        let inclusion = &verdict.inclusion;
        let holdings = inclusion.holdings.iter().map(|holding| HoldingJson {
            asset: &holding.asset,
            kind: holding.kind,
            amount: format_units(holding.units, holding.scale),
            limit: holding.limit.map(|l| l.to_string()),
        });
        Self {
            valid: verdict.holds(),
            attestation_checked: verdict.attestation.report().is_some(),
            attestation: verdict.attestation.report().map(AttestationJson::of),
            checks: verdict.attestation.checks(),
            statement: inclusion.statement.as_ref(),
            signature: SignatureJson::of(verdict.attestation.signature()),
            log: verdict.attestation.log().map(LogState::as_str),
            later: LaterJson::of(verdict.attestation.later()),
            inclusion: OwnInclusionJson {
                valid: inclusion.is_valid(),
                account: &inclusion.account,
                checks: &inclusion.checks,
                holdings: holdings.collect(),
                measures: inclusion.measures.map(|m| {
                    MEASURE_NAMES
                        .into_iter()
                        .zip(m.map(|units| format_signed(units, inclusion.value_decimals)))
                        .collect()
                }),
                class: inclusion.class.as_ref(),
            },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_programs::ledger::inclusion::{Holding, InclusionReport};
    use assay_verifier::attested::Attested;

    fn check(id: &'static str, passed: bool) -> Check {
        Check { id, title: format!("{id} holds"), passed, detail: "seen".to_owned() }
    }

    /// A report that is not valid: only the verifier can make a valid one.
    pub(in crate::cli) fn broken_report() -> Report {
        let line = |assets, debts| AssetLine {
            symbol: "BTC".to_owned(),
            scale: 8,
            assets,
            debts,
            reserves: 150_000_000,
            owned: None,
            third_party: None,
        };
        Report {
            checks: [check("statement", true), check("proof", false)].into_iter().collect(),
            statement: None,
            assets: vec![line(100_000_001, 1), line(0, 250_000_000)],
            signature: SignatureState::Missing,
            log: Some(LogState::Unchecked),
            later: Later::default(),
        }
    }

    pub(in crate::cli) fn included() -> InclusionReport {
        let ids = assay_programs::ledger::spec::INCLUSION_CHECKS;
        InclusionReport {
            account: "alice".to_owned(),
            checks: ids.into_iter().map(|id| check(id, true)).collect(),
            holdings: vec![Holding {
                asset: "BTC".to_owned(),
                kind: HoldingKind::Debt,
                units: 5_000_000,
                scale: 8,
                limit: None,
            }],
            measures: None,
            value_decimals: 12,
            quote: String::new(),
            class: None,
            statement: None,
            log: None,
        }
    }

    /// An attestation whose proof was not verified, with a check of its signature.
    pub(in crate::cli) fn unproved(passed: bool) -> Attested {
        let checks = [check("signature", passed)].into_iter().collect();
        Attested::Unproved {
            checks,
            signature: SignatureState::Missing,
            log: LogState::Unchecked,
            later: Later::default(),
        }
    }

    fn verdict(attestation: Attested) -> InclusionVerdict {
        InclusionVerdict { attestation, inclusion: included() }
    }

    fn json(document: &impl Serialize) -> serde_json::Value {
        serde_json::from_str(&serde_json::to_string(document).unwrap()).unwrap()
    }

    #[test]
    fn an_attestation_reports_its_checks_and_assets_in_decimal_strings() {
        let expected = serde_json::json!({
            "valid": false,
            "checks": [
                {"id": "statement", "title": "statement holds", "passed": true, "detail": "seen"},
                {"id": "proof", "title": "proof holds", "passed": false, "detail": "seen"},
            ],
            "statement": null,
            "signature": {"state": "missing", "keys": []},
            "log": "unchecked",
            "notices": [],
            "opinions": [],
            "required_coverage_bps": null,
            "coverage_basis": null,
            "assets": [
                {
                    "symbol": "BTC", "scale": 8, "customer_assets": "1.00000001", "debts": "0.00000001", "net": "1",
                    "reserves": "1.5", "coverage_bps": 14_999, "owned": null, "third_party": null,
                },
                {
                    "symbol": "BTC", "scale": 8, "customer_assets": "0", "debts": "2.5", "net": "-2.5",
                    "reserves": "1.5", "coverage_bps": null, "owned": null, "third_party": null,
                },
            ],
        });
        assert_eq!(json(&AttestationJson::of(&broken_report())), expected);
    }

    #[test]
    fn an_inclusion_whose_attestation_was_not_checked_says_so() {
        let report = json(&InclusionJson::of(&verdict(unproved(false))));
        assert_eq!((&report["valid"], &report["checks"][0]["passed"]), (&false.into(), &false.into()));
        let report = json(&InclusionJson::of(&verdict(unproved(true))));
        assert_eq!(report["valid"], true);
        assert_eq!(report["attestation_checked"], false);
        assert_eq!(report["attestation"], serde_json::Value::Null);
        assert_eq!(
            report["inclusion"]["holdings"],
            serde_json::json!([{"asset": "BTC", "kind": "debt", "amount": "0.05"}])
        );
    }

    #[test]
    fn an_inclusion_in_a_false_attestation_is_not_valid() {
        let report = json(&InclusionJson::of(&verdict(Attested::Proved(Box::new(broken_report())))));
        assert_eq!(report["valid"], false);
        assert_eq!(report["attestation_checked"], true);
        assert_eq!(report["attestation"]["valid"], false);
        assert_eq!(report["inclusion"]["valid"], true);
    }

    #[test]
    fn a_coverage_beyond_64_bits_is_still_written() {
        let line = AssetLine {
            symbol: "X".to_owned(),
            scale: 0,
            assets: 1,
            debts: 0,
            reserves: 1 << 100,
            owned: Some(1 << 99),
            third_party: Some(7),
        };
        let text = serde_json::to_string(&AssetJson::of(&line)).unwrap();
        let end =
            format!("\"coverage_bps\":{},\"owned\":\"{}\",\"third_party\":\"7\"}}", 10_000u128 << 100, 1u128 << 99);
        assert!(text.ends_with(&end), "{text}");
    }
}
