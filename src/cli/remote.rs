//! Shared by the commands that call a service: where it is, who calls, and how a job ended.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output;
use crate::client::{Address, Client, Ended, Job, LedgerFindings, read_token};

/// The service and its caller.
#[derive(Debug, clap::Args)]
pub(super) struct RemoteArgs {
    /// Address of the service: https, or http on this machine
    #[arg(long, value_name = "URL")]
    to: String,

    /// File with the access token
    ///
    /// A token is never an argument, because other users of the machine can read the arguments of a process.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,

    /// How long to try again after a lost connection, or if the service asks to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_seconds: u64,
}

impl RemoteArgs {
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let address = Address::parse(&self.to)?;
        Ok(Client::new(address, read_token(&self.token_file)?, Duration::from_secs(self.retry_seconds)))
    }
}

/// How far a job is. The field names are those of the JSON object.
#[derive(Serialize)]
pub(super) struct Outcome<'a> {
    job: &'a str,
    state: &'a str,
    attestation: Option<&'a str>,
    /// Whether the attestation is published and valid; null while the job runs.
    valid: Option<bool>,
    not_met: &'a [String],
    detail: Option<&'a str>,
    /// What the service's check found in the ledger.
    findings: Option<&'a LedgerFindings>,
}

impl<'a> Outcome<'a> {
    pub(super) fn of_running(job: &'a Job) -> Self {
        Self {
            job: &job.id,
            state: &job.state,
            attestation: job.attestation.as_deref(),
            valid: None,
            not_met: &[],
            detail: job.detail.as_deref(),
            findings: job.findings.as_ref(),
        }
    }

    pub(super) fn of(ended: &'a Ended) -> Self {
        Self { valid: Some(ended.valid), not_met: &ended.not_met, ..Self::of_running(&ended.job) }
    }
}

/// Prints how a job ended, with the reason where it has no valid attestation.
pub(super) fn show(ended: &Ended) -> Result<(), Failure> {
    let job = &ended.job;
    if let Some(attestation) = &job.attestation {
        let verdict = if ended.valid { "valid" } else { "not valid" };
        let mut lines = vec![format!("Attestation {attestation} is published and {verdict}.")];
        lines.extend(ended.not_met.iter().map(|requirement| format!("Not met: {requirement}")));
        return output::lines(lines);
    }
    // a cancelled job has no other reason than the request
    let reason = job.detail.as_ref().map_or_else(|| ".".to_owned(), |reason| format!(": {reason}"));
    let mut lines = vec![format!("Job {} was not published. It is {}{reason}", job.id, job.state)];
    if let Some(found) = &job.findings {
        lines.extend(found.findings.iter().map(|finding| match finding.line {
            Some(line) => format!("{} line {line}: {}", finding.file, finding.reason),
            None => format!("{}: {}", finding.file, finding.reason),
        }));
        let untold = found.total.saturating_sub(found.findings.len() as u64);
        if untold > 0 {
            lines.push(format!("and {untold} more"));
        }
    }
    output::lines(lines)
}

/// The exit code for a job that has ended.
pub(super) fn exit(ended: &Ended) -> Exit {
    Exit::verdict(ended.valid)
}
