//! `assay log verify`: whether a statement is in a log.

use std::path::PathBuf;

use assay_core::{check::Checks, text::visible};
use assay_programs::ledger::statement::StatementLabel;
use assay_verifier::{
    attestation::{Attestation, read_log_proof},
    report::check_lines,
};

use super::files::policy;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::transparency::reader::Reader;

const EXAMPLES: &str = "\
Only the place of the statement in the log is checked, not its proof or its signatures: `assay verify --log-policy` checks all of it. With
--url, the log must still contain what the proof's checkpoint contains.

Examples:
  assay log verify attestation --log-policy policy
  assay log verify attestation --log-policy policy --log-proof attestation.tlog-proof --url https://assay.exchange.example/log

Exit codes: 0 in the log, 1 not in the log, 2 an option is wrong, 3 a file cannot be read or the log cannot be reached.";

/// Check that the statement of an attestation is in a transparency log
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The attestation: a directory or a .zip bundle
    #[arg(value_name = "OUT|BUNDLE")]
    out: PathBuf,

    /// Transparency logs and witnesses that you trust (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    log_policy: PathBuf,

    /// The proof of logging [default: log/attestation.tlog-proof in the attestation]
    #[arg(long, value_name = "FILE")]
    log_proof: Option<PathBuf>,

    /// Address of the log, to compare the proof with what it shows today
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let unreadable = |e: assay_verifier::files::Unreadable| Failure::environment(e.to_string());
    let policy = policy(&args.log_policy)?;
    let attestation = Attestation::read(&args.out).map_err(unreadable)?;
    let proof = args.log_proof.as_deref().map(read_log_proof).transpose().map_err(unreadable)?;
    let (state, check) = attestation.log(Some(&policy), proof.as_deref());
    let mut checks: Checks = check.into_iter().collect();
    if let (Some(url), Ok((proof, _))) = (&args.url, attestation.logged(&policy, proof.as_deref())) {
        let reader = Reader::new(url);
        let (old, now) = (proof.checkpoint, reader.checkpoint()?);
        let (old, new) = (old.checkpoint(), now.checkpoint());
        let outcome = match policy.check_log(&now) {
            Err(e) => Err(e.to_string()),
            Ok(()) if old.origin != new.origin => Err(format!("there is the log {}", visible(&new.origin))),
            Ok(()) => {
                let continues = reader.continues((old.size, &old.root), (new.size, &new.root))?;
                continues.map(|()| format!("{} entries, {} in the proof", new.size, old.size))
            }
        };
        checks.add("log-today", "the log of today continues the one of the proof", outcome);
    }
    output::lines(check_lines(&checks))?;
    if let Ok(statement) = attestation.statement() {
        output::lines([visible(&StatementLabel::of(statement).to_string())])?;
    }
    output::lines([state.to_string()])?;
    Ok(Exit::verdict(checks.all_passed()))
}
