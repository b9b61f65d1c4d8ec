//! `assay check`: validates a ledger and prints a summary, or every error.

use std::path::PathBuf;

use assay_core::decimal::percent;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Global, LimitArgs};
use super::output;
use crate::ledger::{Finding, Snapshot, check};

const EXAMPLES: &str = "\
A ledger is a directory with manifest.toml, assets.csv, accounts.csv, balances.csv and optional files such as reserves.csv.
Each CSV file may be compressed (.gz or .zst). The README describes the format.

JSON: {valid: true, exchange, domain, snapshot_id, taken_at, accounts, assets, holdings, totals_reconciled,
reserve_lines, coverage_bps, warnings: [{file, line, reason}]} or {valid: false, findings: [{file, line, reason}], total}.
`line` is null if the finding concerns the whole file. At most 1000 findings are listed; `total` counts all of them. A
warning does not make the ledger invalid: it says why verify will not accept an attestation of it, or what was rounded.

Examples:
  assay check ledger
  assay check ledger --json | jq .findings

Exit codes: 0 valid, 1 not valid, 2 an option is wrong, 3 a file cannot be read.";

/// Validate a ledger without proving it
///
/// Prints a summary of the ledger, or every finding with its file, line and reason.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the ledger
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let meter = global.meter();
    let checked = check(&args.dir, &args.limits.limits(), meter.listener());
    drop(meter);
    match checked {
        Ok(snapshot) => {
            let summary = Summary::of(&snapshot);
            if args.json {
                output::json(&summary)?;
            } else {
                output::lines(summary.lines())?;
            }
            Ok(Exit::Ok)
        }
        Err(error) => output::refused(error.into(), args.json),
    }
}

/// Summary of a valid ledger. The field names are those of the JSON object.
#[derive(Serialize)]
struct Summary {
    valid: bool,
    exchange: String,
    domain: String,
    snapshot_id: String,
    taken_at: String,
    accounts: usize,
    assets: usize,
    holdings: usize,
    /// Assets whose totals are listed in the manifest and equal the sums of the balances.
    totals_reconciled: usize,
    reserve_lines: usize,
    /// Required coverage of the reserves, in hundredths of a percent.
    coverage_bps: Option<u32>,
    warnings: Vec<Finding>,
}

impl Summary {
    fn of(snapshot: &Snapshot) -> Self {
        let manifest = snapshot.manifest();
        Self {
            valid: true,
            exchange: manifest.exchange.name.clone(),
            domain: manifest.exchange.domain.clone(),
            snapshot_id: manifest.snapshot.id.clone(),
            taken_at: manifest.snapshot.taken_at.clone(),
            accounts: snapshot.account_count(),
            assets: snapshot.assets().len(),
            holdings: snapshot.holdings().len(),
            totals_reconciled: manifest.totals.len(),
            reserve_lines: snapshot.reserves().len(),
            coverage_bps: snapshot.coverage_bps(),
            warnings: snapshot.warnings().to_vec(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let coverage = match self.coverage_bps {
            Some(bps) => format!(", {} required", percent(u128::from(bps))),
            None => String::new(),
        };
        let mut lines = vec![
            format!("The ledger of {} ({}) is valid.", self.exchange, self.domain),
            format!("  snapshot       {}", self.snapshot_id),
            format!("  taken at       {}", self.taken_at),
            format!("  accounts       {}", self.accounts),
            format!("  holdings       {}", self.holdings),
            format!("  assets         {}", self.assets),
            format!("  totals         {} listed in the manifest, all match", self.totals_reconciled),
            format!("  reserve lines  {}{coverage}", self.reserve_lines),
        ];
        lines.extend(self.warnings.iter().map(|warning| format!("Warning: {warning}")));
        lines
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn summary() -> Summary {
        Summary {
            valid: true,
            exchange: "Example".to_owned(),
            domain: "exchange.example".to_owned(),
            snapshot_id: "s1".to_owned(),
            taken_at: "2026-01-01T00:00:00Z".to_owned(),
            accounts: 2,
            assets: 1,
            holdings: 3,
            totals_reconciled: 1,
            reserve_lines: 4,
            coverage_bps: Some(10_050),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_valid_ledger_has_these_fields() {
        assert_eq!(
            serde_json::to_string(&summary()).unwrap(),
            r#"{"valid":true,"exchange":"Example","domain":"exchange.example","snapshot_id":"s1","#.to_owned()
                + r#""taken_at":"2026-01-01T00:00:00Z","accounts":2,"assets":1,"holdings":3,"#
                + r#""totals_reconciled":1,"reserve_lines":4,"coverage_bps":10050,"warnings":[]}"#
        );
    }

    #[test]
    fn the_required_coverage_stands_beside_the_reserves_and_only_there() {
        assert_eq!(summary().lines().last().unwrap(), "  reserve lines  4, 100.50 % required");
        let without = Summary { coverage_bps: None, reserve_lines: 0, ..summary() };
        assert_eq!(without.lines().last().unwrap(), "  reserve lines  0");
    }

    #[test]
    fn a_warning_stands_below_the_summary() {
        let warning = Finding { file: "balances.csv".to_owned(), line: None, reason: "is odd".to_owned() };
        let warned = Summary { warnings: vec![warning], ..summary() };
        assert_eq!(warned.lines().last().unwrap(), "Warning: balances.csv: is odd");
    }

    #[test]
    fn the_ledger_bounds_values_as_the_proof_does() {
        use crate::ledger::VALUE_BITS;
        use assay_programs::ledger::shape::MEASURE_BITS;
        assert_eq!(VALUE_BITS, MEASURE_BITS);
    }
}
