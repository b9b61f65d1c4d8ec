//! `assay explain`: what an attestation says, in plain English.

use std::path::PathBuf;

use assay_circuits::statement::{ColumnKind, Statement, parse_units};
use assay_circuits::verifier::AssetLine;
use assay_verifier::report::{asset_table, explanation};

use super::exit::{Exit, Failure};
use super::output;
use crate::attest;

const EXAMPLES: &str = "\
Example:
  assay explain attestation

Exit codes: 0 explained, 1 statement.json is no statement, 2 an option is wrong, 3 a file cannot be read.";

/// Say in plain English what an attestation states, and what it does not prove
///
/// Explains without verifying: the proof is not looked at. `assay verify` does that.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the attestation
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let statement = attest::statement(&args.out)?;
    let mut lines = explanation(&statement);
    lines.extend([String::new(), "The amounts it states:".to_owned()]);
    let table = asset_table(&asset_lines(&statement));
    lines.extend(table.into_iter().map(|line| format!("  {line}")));
    lines.extend([
        String::new(),
        format!(
            "This explains the statement; it was NOT verified. To verify it: assay verify {}",
            args.out.display()
        ),
    ]);
    output::lines(lines)?;
    Ok(Exit::Ok)
}

/// The numbers as stated. A parsed statement has no total that cannot be read.
fn asset_lines(statement: &Statement) -> Vec<AssetLine> {
    let line = |asset: &assay_circuits::statement::Asset| AssetLine {
        symbol: asset.symbol.clone(),
        scale: asset.scale,
        assets: statement.total(&asset.symbol, ColumnKind::Asset),
        debts: statement.total(&asset.symbol, ColumnKind::Debt),
        reserves: parse_units(&asset.reserves).unwrap_or(0),
    };
    statement.assets.iter().map(line).collect()
}
