//! `assay explain`: prints the meaning of an attestation in plain English.

use std::path::{Path, PathBuf};

use assay_programs::ledger::policy::asset_lines;
use assay_programs::ledger::statement::Statement;
use assay_verifier::report::{asset_table, explanation};

use super::exit::{Exit, Failure};
use super::output;
use crate::attest;

const EXAMPLES: &str = "\
Example:
  assay explain attestation

Exit codes: 0 explained, 1 statement.json is not a valid statement, 2 an option is wrong, 3 a file cannot be read.";

/// Explain in plain English what an attestation states and what it does not prove
///
/// This command does not verify the proof; use `assay verify` for that.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The attestation: a directory or a .zip bundle
    #[arg(value_name = "OUT|BUNDLE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let statement = attest::statement(&args.out)?;
    output::lines(lines(&statement, &args.out))?;
    Ok(Exit::Ok)
}

/// The explanation. Its last line says that nothing was verified.
fn lines(statement: &Statement, out: &Path) -> Vec<String> {
    let mut lines = explanation(statement);
    lines.extend([String::new(), "Stated amounts:".to_owned()]);
    let table = asset_table(&asset_lines(statement));
    lines.extend(table.into_iter().map(|line| format!("  {line}")));
    lines.extend([
        String::new(),
        format!("This explains the statement; it was NOT verified. To verify it, run: assay verify {}", out.display()),
    ]);
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use assay_programs::ledger::policy::AssetLine;
    use assay_programs::ledger::statement::ColumnKind;
    use assay_programs::ledger::statement::{
        Asset, Column, Exchange, NOT_PROVEN, PROTOCOL, Policy, Reserves, Shard, SnapshotInfo,
    };

    use super::*;

    fn statement() -> Statement {
        let column = |index, kind, total: &str| Column { index, kind, total: total.to_owned() };
        let asset = || "BTC".to_owned();
        Statement {
            protocol: PROTOCOL.to_owned(),
            shape: "solvency-64".to_owned(),
            parameter_digest: "00".repeat(32),
            exchange: Exchange { name: "Example".to_owned(), domain: "exchange.example".to_owned(), lei: None },
            snapshot: SnapshotInfo {
                id: "s1".to_owned(),
                series: "s1".to_owned(),
                taken_at: "2026-01-01T00:00:00Z".to_owned(),
                block_heights: BTreeMap::new(),
            },
            assets: vec![Asset {
                symbol: "BTC".to_owned(),
                scale: 8,
                price: None,
                quote: "USD".to_owned(),
                reserves: "300000000".to_owned(),
            }],
            columns: vec![
                column(0, ColumnKind::Asset { asset: asset() }, "200000000"),
                column(1, ColumnKind::Debt { asset: asset() }, "50000000"),
            ],
            reserves: Reserves { root: "00".repeat(32), lines: 1, evidence: None },
            policy: Policy {
                coverage_bps: Some(10_000),
                coverage_basis: None,
                below_margin_max: None,
                equity_ratio_bps: None,
                owned_bps: None,
            },
            rules: None,
            shards: vec![Shard { root: "00".repeat(32), steps: 1, rules: None }],
            not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn the_amounts_are_those_of_the_statement() {
        let expected = AssetLine {
            symbol: "BTC".to_owned(),
            scale: 8,
            assets: 200_000_000,
            debts: 50_000_000,
            reserves: 300_000_000,
            owned: None,
            third_party: None,
        };
        assert_eq!(asset_lines(&statement()), [expected]);
    }

    #[test]
    fn an_explanation_ends_with_the_command_that_verifies() {
        let lines = lines(&statement(), Path::new("out"));
        assert!(lines.iter().any(|line| line.contains("150.00 %")));
        assert!(lines.last().unwrap().contains("NOT verified. To verify it, run: assay verify out"));
    }
}
