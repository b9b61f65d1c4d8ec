//! The JSON of an attestation, and its stored artefacts.

use assay_core::decimal::format_units;
use assay_programs::ledger::{
    policy::{AssetLine, asset_lines},
    statement::Statement,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::notices::{NoticeClaim, notices_about};
use crate::api::{
    artefact::Artefact,
    evidence::Part,
    parse::{AttestationId, utc},
    problem::Problem,
    state::ApiState,
};
use crate::store::{
    attestations::{self, AttestationRow},
    later::{self, NoticeRow},
};

/// Summary of an attestation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// SHA-256 of the statement's bytes, 64 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub id: String,
    /// The exchange.
    pub exchange: Publisher,
    /// Id of the snapshot, chosen by the exchange.
    #[schema(example = "2026-11-23")]
    pub snapshot: String,
    /// Time of the snapshot, RFC 3339 in UTC.
    #[schema(format = "date-time")]
    pub taken_at: String,
    /// Time of publication.
    #[schema(format = "date-time")]
    pub published_at: String,
    /// Name of the shape.
    #[schema(example = "solvency-64")]
    pub shape: String,
    /// Whether the attestation meets the exchange's own policy. If not, the proof is still correct: it proves a violation of
    /// the policy.
    pub valid: bool,
    /// The requirements that are not met, if the attestation is not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_met: Vec<Requirement>,
    /// What the exchange said of the attestation later: that it is withdrawn or superseded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeClaim>,
}

/// A requirement that an attestation does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Stable name of the check.
    #[schema(example = "coverage")]
    pub check: String,
    /// What is required.
    #[schema(example = "of every asset the stated reserves are at least 100 % of customer assets")]
    pub requirement: String,
    /// What was found instead.
    #[schema(example = "too little of BTC")]
    pub found: String,
}

/// The checks of a report that do not hold. An attestation is published only if its proof verifies, so these are requirements that
/// the exchange sets for itself.
fn not_met(report: &serde_json::Value) -> Vec<Requirement> {
    let text = |check: &serde_json::Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().into_iter().flatten();
    let failed = checks.filter(|check| check["passed"] == false);
    let requirement = |check| Requirement {
        check: text(check, "id"),
        requirement: text(check, "title"),
        found: text(check, "detail"),
    };
    failed.map(requirement).collect()
}

/// An exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Name as customers know it.
    pub name: String,
    /// Domain of the exchange.
    #[schema(example = "exchange.example")]
    pub domain: String,
}

impl From<&AttestationRow> for Summary {
    /// From the columns that publication took from the statement; for lists, which parse none.
    fn from(row: &AttestationRow) -> Self {
        Self {
            id: hex::encode(row.id),
            exchange: Publisher { name: row.exchange_name.clone(), domain: row.exchange_domain.clone() },
            snapshot: row.snapshot_name.clone(),
            taken_at: utc(row.epoch),
            published_at: utc(row.published_at),
            shape: row.shape.clone(),
            valid: row.valid,
            not_met: if row.valid { Vec::new() } else { not_met(&row.report) },
            notices: Vec::new(),
        }
    }
}

impl Summary {
    /// The summary of the attestation of `statement`. What the statement says of itself is taken from it and from nowhere else.
    pub fn of(statement: &Statement, row: &AttestationRow) -> Self {
        Self {
            exchange: Publisher { name: statement.exchange.name.clone(), domain: statement.exchange.domain.clone() },
            snapshot: statement.snapshot.id.clone(),
            taken_at: statement.snapshot.taken_at.clone(),
            shape: statement.shape.clone(),
            ..Self::from(row)
        }
    }

    /// The same with the notices about it in `rows`.
    #[must_use]
    pub fn noticed(self, row: &AttestationRow, rows: &[NoticeRow]) -> Self {
        Self { notices: notices_about(rows, &row.id), ..self }
    }
}

/// An attestation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attestation {
    /// The summary.
    #[serde(flatten)]
    pub summary: Summary,
    /// Amounts of each asset, in the order of the book.
    pub assets: Vec<AssetClaim>,
    /// Ratio of reserves to customer assets that the exchange's policy requires, in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub coverage_bps: Option<u32>,
    /// Report of the service's own verification before publication. Verify the attestation yourself with `assay verify`.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
    /// What the attestation does not prove.
    pub not_proven: Vec<String>,
}

/// Stated amounts of one asset, as decimals of whole units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetClaim {
    /// Symbol of the asset.
    #[schema(example = "BTC")]
    pub asset: String,
    /// Amount that the exchange owes its customers.
    #[schema(example = "1024.5")]
    pub customer_assets: String,
    /// Amount that customers owe the exchange.
    #[schema(example = "0")]
    pub debts: String,
    /// Reserves that the exchange states.
    #[schema(example = "1100")]
    pub reserves: String,
    /// Ratio of reserves to customer assets in hundredths of a percent, rounded down; absent if nothing is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 10_737)]
    pub coverage_bps: Option<u64>,
    /// Reserves that the exchange says are proven owned: keys of their addresses signed for this snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "1024.5")]
    pub owned: Option<String>,
    /// Reserves that, by the exchange's word, custodians and banks of its own list state for this snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "12000000")]
    pub third_party: Option<String>,
}

/// Largest integer that every JSON reader keeps exact. A larger coverage is reported as this value.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

impl From<&AssetLine> for AssetClaim {
    fn from(line: &AssetLine) -> Self {
        let bounded = |bps: u128| u64::try_from(bps).unwrap_or(MAX_SAFE_INTEGER).min(MAX_SAFE_INTEGER);
        Self {
            asset: line.symbol.clone(),
            customer_assets: format_units(line.assets, line.scale),
            debts: format_units(line.debts, line.scale),
            reserves: format_units(line.reserves, line.scale),
            coverage_bps: line.coverage_bps().map(bounded),
            owned: line.owned.map(|owned| format_units(owned, line.scale)),
            third_party: line.third_party.map(|units| format_units(units, line.scale)),
        }
    }
}

/// The full attestation of a row.
pub(super) async fn view(state: &ApiState, row: AttestationRow) -> Result<Attestation, Problem> {
    let attested = state.evidence.attested(&state.store, AttestationId(row.id)).await?;
    let notices = later::notices(&state.store.read().await?, &[row.id]).await?;
    let statement = attested.tree.statement();
    Ok(Attestation {
        summary: Summary::of(statement, &row).noticed(&row, &notices),
        assets: asset_lines(statement).iter().map(AssetClaim::from).collect(),
        coverage_bps: statement.policy.coverage_bps,
        report: row.report,
        not_proven: statement.not_proven.clone(),
    })
}

/// One of the three stored artefacts.
pub async fn stored(
    state: &ApiState,
    id: AttestationId,
    part: Part,
    kind: attestations::Artefact,
    media_type: &'static str,
) -> Result<std::sync::Arc<Artefact>, Problem> {
    let make = async || {
        let client = state.store.read().await?;
        Ok(Artefact::new(attestations::artefact(&client, &id.0, kind).await?, media_type))
    };
    state.evidence.artefact(id, part, make).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_met_is_read_from_the_report() {
        let check =
            |id, passed| json!({"id": id, "title": format!("{id} holds"), "passed": passed, "detail": "too little"});
        let report = json!({"checks": [check("proof", true), check("coverage", false), check("net", false)]});
        let found = not_met(&report);
        assert_eq!(found.iter().map(|r| r.check.as_str()).collect::<Vec<_>>(), ["coverage", "net"]);
        assert_eq!((found[0].requirement.as_str(), found[0].found.as_str()), ("coverage holds", "too little"));
        for empty in [json!({}), json!(null), json!({"checks": 1})] {
            assert!(not_met(&empty).is_empty());
        }
    }
}
