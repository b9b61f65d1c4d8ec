//! `GET /v1/compliance/{id}`

use actix_web::{HttpResponse, web};
use assay_core::{
    decimal::{format_units, parse_count},
    field::to_hex,
};
use assay_programs::ledger::statement::{ColumnKind, CoverageBasis, Statement};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use utoipa::ToSchema;

use super::{attestations::Summary, auth::Authenticated, parse::AttestationId, problem::Problem, state::ApiState};
use crate::store::{attestations, later};

/// Policy, measures and limits of an attestation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Compliance {
    /// The attestation.
    pub attestation: Summary,
    /// Protocol of the statement.
    #[schema(example = "assay/compliance/1")]
    pub protocol: String,
    /// Policy that the exchange sets for itself.
    pub policy: PolicyClaim,
    /// Measures over all accounts; empty for solvency shapes.
    pub measures: Vec<Measure>,
    /// Classes of accounts.
    pub classes: Vec<ClassClaim>,
    /// Position limits, ordered by class, instrument and side.
    pub limits: Vec<LimitClaim>,
    /// SHA-256 of the limits as CSV: the header `class,instrument,side,limit`, then one line for each limit, in this order.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub limits_sha256: String,
    /// Digest of the book in the circuit: every column with its limit, class and weights. Absent for solvency shapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub book_digest: Option<String>,
    /// Instruments without a limit. Empty if the exchange sets any limits: then a class may not hold an instrument for which it
    /// has no limit.
    pub without_limit: Vec<String>,
    /// What is proved about the limits, in English.
    pub sentences: Vec<String>,
    /// Report of the service's own verification before publication.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
    /// Verifications that customers reported.
    pub verifications: Verifications,
    /// What the attestation does not prove.
    pub not_proven: Vec<String>,
}

/// Policy that the exchange sets for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyClaim {
    /// Required ratio of reserves to customer assets, in hundredths of a percent; absent if no reserves are stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub coverage_bps: Option<u32>,
    /// `gross`: all customer assets; `net`: customer assets minus debts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "gross")]
    pub coverage_basis: Option<String>,
    /// Maximum number of accounts below their maintenance margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub below_margin_max: Option<u64>,
    /// Required ratio of positive to negative equity, in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub equity_ratio_bps: Option<u32>,
}

/// A measure over all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// `equity`, or `margin_excess`: collateral minus required margin.
    #[schema(example = "equity")]
    pub measure: String,
    /// Currency of the amounts.
    #[schema(example = "USDT")]
    pub quote: String,
    /// Sum over the accounts whose value is not negative.
    #[schema(example = "125000.5")]
    pub positive: String,
    /// Absolute sum over the accounts whose value is negative.
    #[schema(example = "0")]
    pub negative: String,
    /// Number of accounts whose value is negative.
    pub below: u64,
}

/// A class of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ClassClaim {
    pub class: u8,
    pub name: String,
    pub kyc_level: String,
    pub jurisdiction: String,
}

/// A position limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitClaim {
    /// Class of accounts.
    pub class: u8,
    /// Symbol of the instrument.
    pub instrument: String,
    /// `long` or `short`.
    #[schema(example = "long")]
    pub side: String,
    /// Limit in contracts.
    #[schema(example = "1000")]
    pub limit: String,
}

/// Verifications that customers reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verifications {
    /// Number of customers who are included.
    pub included: u64,
    /// Number of customers who are not included.
    pub not_included: u64,
}

/// Show policy, measures and limits
///
/// Everything is part of the statement or derived from it, except the service's report and the customers' verifications. Nothing
/// is about a single account.
#[utoipa::path(
    get, path = "/v1/compliance/{id}", tag = "auditors",
    params(("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits")),
    responses((status = 200, description = "Policy, measures and limits", body = Compliance), (status = 404)),
)]
pub async fn compliance(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
) -> Result<HttpResponse, Problem> {
    let attested = state.evidence.attested(&state.store, id).await?;
    caller.at(&attested.exchange)?;
    let client = state.store.read().await?;
    let row = attestations::attestation(&client, &id.0).await?;
    let (included, not_included) = attestations::verification_counts(&client, &id.0).await?;
    let notices = later::notices(&client, &[id.0]).await?;
    drop(client);
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let verifications = Verifications { included: count(included), not_included: count(not_included) };
    let statement = attested.tree.statement();
    let summary = Summary::of(statement, &row).noticed(&row, &notices);
    Ok(HttpResponse::Ok().json(view(statement, summary, row.report, verifications)))
}

fn view(
    statement: &Statement,
    attestation: Summary,
    report: serde_json::Value,
    verifications: Verifications,
) -> Compliance {
    let policy = &statement.policy;
    let basis = policy.coverage_basis.unwrap_or(CoverageBasis::Gross);
    let basis = policy.coverage_bps.map(|_| match basis {
        CoverageBasis::Gross => "gross".to_owned(),
        CoverageBasis::Net => "net".to_owned(),
    });
    let rules = statement.rules.as_ref();
    let classes = rules.map(|rules| rules.classes.as_slice()).unwrap_or_default();
    let class = |class: &assay_programs::ledger::statement::Class| ClassClaim {
        class: class.class,
        name: class.name.clone(),
        kyc_level: class.kyc_level.clone(),
        jurisdiction: class.jurisdiction.clone(),
    };
    let limits = limits(statement);
    Compliance {
        attestation,
        protocol: statement.protocol.clone(),
        policy: PolicyClaim {
            coverage_bps: policy.coverage_bps,
            coverage_basis: basis,
            below_margin_max: policy.below_margin_max,
            equity_ratio_bps: policy.equity_ratio_bps,
        },
        measures: measures(statement),
        sentences: sentences(classes, &limits),
        limits_sha256: hex::encode(Sha256::digest(limits_csv(&limits))),
        limits,
        classes: classes.iter().map(class).collect(),
        book_digest: rules.and_then(|_| statement.book_digest().ok()).map(|digest| to_hex(&digest)),
        without_limit: without_limit(statement),
        report,
        verifications,
        not_proven: statement.not_proven.clone(),
    }
}

fn measures(statement: &Statement) -> Vec<Measure> {
    let quote = statement.assets.first().map_or("", |asset| asset.quote.as_str());
    let amount = |units: &str| format_units(parse_count(units).unwrap_or(0), statement.value_decimals());
    let results = statement.rules.iter().flat_map(|rules| &rules.results);
    let measure = |result: &assay_programs::ledger::statement::MeasureResult| Measure {
        measure: result.measure.clone(),
        quote: quote.to_owned(),
        positive: amount(&result.positive),
        negative: amount(&result.negative),
        below: result.below,
    };
    results.map(measure).collect()
}

fn limits(statement: &Statement) -> Vec<LimitClaim> {
    let mut limits = statement.limits();
    limits.sort_unstable();
    let claim = |(class, instrument, side, limit): (u8, &str, &str, u64)| LimitClaim {
        class,
        instrument: instrument.to_owned(),
        side: side.to_owned(),
        limit: limit.to_string(),
    };
    limits.into_iter().map(claim).collect()
}

/// The table whose digest is published. A symbol with a comma or a quote is quoted as in RFC 4180.
fn limits_csv(limits: &[LimitClaim]) -> Vec<u8> {
    let mut text = "class,instrument,side,limit\n".to_owned();
    for LimitClaim { class, instrument, side, limit } in limits {
        let quoted = if instrument.contains([',', '"']) {
            format!("\"{}\"", instrument.replace('"', "\"\""))
        } else {
            instrument.clone()
        };
        let _ = writeln!(text, "{class},{quoted},{side},{limit}");
    }
    text.into_bytes()
}

fn without_limit(statement: &Statement) -> Vec<String> {
    let open = |kind: &ColumnKind| match kind {
        ColumnKind::Long { instrument, class: None, .. } | ColumnKind::Short { instrument, class: None, .. } => {
            Some(instrument.clone())
        }
        _ => None,
    };
    let mut names: Vec<_> = statement.columns.iter().filter_map(|column| open(&column.kind)).collect();
    names.sort();
    names.dedup();
    names
}

fn sentences(classes: &[assay_programs::ledger::statement::Class], limits: &[LimitClaim]) -> Vec<String> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for limit in limits {
        *counts.entry(limit.class).or_default() += 1;
    }
    let sentence = |(class, count): (u8, usize)| {
        let name = classes.iter().find(|c| c.class == class).map(|c| c.name.as_str()).filter(|name| !name.is_empty());
        let name = name.map_or_else(String::new, |name| format!(" ({name})"));
        let limits = if count == 1 { "limit" } else { "limits" };
        format!(
            "Every position of an account in class {class}{name} is within its limit, and in one of the instruments with a \
             limit: {count} {limits}."
        )
    };
    counts.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::{
        ledger::shape::Shape,
        testing::{test_pages, test_statement},
    };

    use super::*;
    use crate::api::attestations::Publisher;

    fn summary() -> Summary {
        Summary {
            id: "ab".repeat(32),
            exchange: Publisher { name: "Example".to_owned(), domain: "exchange.example".to_owned() },
            snapshot: "test".to_owned(),
            taken_at: "2026-01-01T00:00:00Z".to_owned(),
            published_at: "2026-01-01T01:00:00Z".to_owned(),
            shape: "compliance-8".to_owned(),
            valid: true,
            not_met: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn of(shape: &str) -> Compliance {
        let shape = Shape::named(shape).unwrap();
        let statement = test_statement(shape, &"0".repeat(64), &test_pages(shape, 12, 1));
        view(&statement, summary(), serde_json::Value::Null, Verifications { included: 3, not_included: 1 })
    }

    #[test]
    fn every_class_with_limits_has_its_sentence() {
        let compliance = of("compliance-8");
        assert_eq!(compliance.limits.len(), 8);
        assert_eq!(compliance.sentences.len(), 2);
        assert_eq!(
            compliance.sentences[0],
            "Every position of an account in class 1 (class 1) is within its limit, and in one of the instruments with a \
             limit: 4 limits."
        );
        assert_eq!(
            compliance.measures.iter().map(|m| m.measure.as_str()).collect::<Vec<_>>(),
            ["equity", "margin_excess"]
        );
        assert!(compliance.book_digest.is_some() && compliance.without_limit.is_empty());
    }

    #[test]
    fn where_only_totals_are_proved_nothing_is_said_about_limits() {
        let compliance = of("solvency-8");
        assert!(compliance.limits.is_empty() && compliance.sentences.is_empty() && compliance.measures.is_empty());
        assert_eq!(compliance.book_digest, None);
        assert_eq!(compliance.policy.coverage_basis.as_deref(), Some("gross"));
        assert!(!compliance.not_proven.is_empty());
    }

    #[test]
    fn the_digest_is_that_of_the_documented_table() {
        let limits = vec![LimitClaim {
            class: 1,
            instrument: "A,\"B".to_owned(),
            side: "long".to_owned(),
            limit: "5".to_owned(),
        }];
        let text = String::from_utf8(limits_csv(&limits)).unwrap();
        assert_eq!(text, "class,instrument,side,limit\n1,\"A,\"\"B\",long,5\n");
    }
}
