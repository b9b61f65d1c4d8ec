//! `assay log monitor`: follows a log.

use std::path::PathBuf;

use assay_verifier::attestation::read_jwks;
use time::Duration;

use super::files::{checkpoint_in, policy};
use super::webhook::{Delivery, WebhookArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::options::{Global, HomeArgs};
use crate::cli::output;
use crate::clock::{Clock, SystemClock};
use crate::transparency::{
    finding::MonitorFinding,
    monitor::{Asked, Followed, Monitor, MonitorError},
    reader::Reader,
    verified::Verification,
};

const EXAMPLES: &str = "\
Reads the entries since the last run and asks for every statement again, once; let a timer run it. DIR keeps the entries and the last checkpoint. Findings:
  policy            the checkpoint is not signed and cosigned as FILE asks
  inconsistent      the log was forked or rewritten; if it signed two roots of one size, two checkpoints in DIR prove it
  older             the log gives out an older checkpoint than before
  unreadable        the log cannot be read, or the service was not asked for everything, because it does not answer or is too slow
  other-log         the log has another name than before
  duplicate         two statements of one exchange for one instant
  backwards         an instant before one that was published earlier
  statement         the service does not give out the statement of an entry
  malformed         an entry is none of Assay's
  later             what was signed about an attestation later is not given out, or not logged
  withdrawn         an exchange withdrew an attestation
  retired           the log has ended, by its own word, with the reason
  continued         the log has ended, by its own word, and has more entries than its end says
  proof             with --verify: an attestation does not verify, or the service does not give out its bundle
  other-checkpoint  a checkpoint from elsewhere is of another log
  late              no snapshot of an exchange within the cadence
A finding that nobody explains is found again at each run. DIR keeps what the log signed: checkpoints that contradict what is known, or whose
entries it did not give out (evidence-….checkpoint), and the notes of its end (retired-….note). They are compared with the entries at each run,
also if the log looks right again. Remove a file only once it is explained.

After three requests in a row without an answer, or ten minutes in all, the service is asked for no more statements, and then for no more
bundles. Such a run forgets nothing, and the next one begins at another place.

--verify does what `assay verify` does, once for each attestation: DIR/verified lists those that verified. A bundle that does not verify
is kept as DIR/bundle-DIGEST.zip, and verified again at each run, whatever the service gives out later. A bundle of another statement is not
kept, and neither is one beyond 1 GiB in all; they are fetched again. What else was found is printed and posted before that; one JSON object
is printed at the end.

--webhook posts each finding once, the most serious first, as one JSON object {origin, size, kind, detail, key}, and DIR/delivered lists the keys of those that
were taken. The key is the same at each run. If the run ends between the answer and the note of it, the same finding is posted again: whoever
receives it compares keys. An answer of 2xx takes it. After any other, or none in 10 s, it is posted at most three times, and again at the
next run. A finding that is gone is forgotten, and posted again if it comes back. With --webhook-secret-file, the header X-Assay-Signature
is `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.

JSON: {origin, known, size, findings: [{kind, detail}]}

Examples:
  assay log monitor https://assay.exchange.example/log --log-policy policy --state monitor
  assay log monitor https://assay.exchange.example/log --log-policy policy --state monitor --cadence-days 35 --compare mine.json
  assay log monitor https://assay.exchange.example/log --log-policy policy --state monitor --verify --webhook https://alerts.example/assay

Exit codes: 0 nothing was found, 1 something was found, 2 an option is wrong, 3 the log or a file cannot be read, or the webhook did not take
a finding; what was found is printed all the same.";

/// Follow a transparency log, and report what its owner must explain
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Address of the log
    #[arg(value_name = "URL")]
    url: String,

    /// Transparency logs and witnesses that you trust (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    log_policy: PathBuf,

    /// Directory for what is known of the log; it is created
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// Look only at entries of the exchange with this domain
    #[arg(long, value_name = "DOMAIN")]
    exchange: Option<String>,

    /// Longest time between two snapshots of an exchange, in days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    cadence_days: Option<u32>,

    /// Checkpoints, proofs of logging or inclusion files from elsewhere, which must be of the same log
    #[arg(long, value_name = "FILE", num_args = 1..)]
    compare: Vec<PathBuf>,

    /// Verify the proof of each attestation that was not verified before
    #[arg(long)]
    verify: bool,

    /// With --verify: public keys that you trust (JWKS); one of them must have signed each statement
    #[arg(long, value_name = "FILE", requires = "verify")]
    jwks: Option<PathBuf>,

    #[command(flatten)]
    webhook: WebhookArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let webhook = args.webhook.webhook()?;
    let jwks = args.jwks.as_deref().map(read_jwks).transpose();
    let jwks = jwks.map_err(|e| Failure::environment(e.to_string()))?;
    let others = args.compare.iter().map(|path| Ok((path.display().to_string(), checkpoint_in(path)?)));
    let asked = Asked {
        exchange: args.exchange.clone(),
        cadence: args.cadence_days.map(|days| Duration::days(i64::from(days))),
        others: others.collect::<Result<_, Failure>>()?,
    };
    let home = args.verify.then(|| args.home.home()).transpose()?;
    let mut monitor = Monitor::open(&args.state, policy(&args.log_policy)?)?;
    let (reader, now) = (Reader::new(&args.url), SystemClock.now());
    let mut delivery = match webhook {
        Some(webhook) => Some(Delivery::new(webhook, monitor.delivered()?)),
        None => None,
    };
    let mut followed = monitor.follow(&reader, &asked, now)?;
    // what was found is told, whatever stops the rest
    let mut failure = followed.failure.take().map(|e| Failure::environment(e.to_string()));
    let mut tell = |followed: &Followed, found: &[MonitorFinding]| {
        if !args.json {
            output::lines(found.iter().map(|finding| format!("✗ {}: {}", finding.kind, finding.detail)))?;
        }
        delivery.as_mut().map_or(Ok(()), |delivery| delivery.post(followed, found))
    };
    let mut told = tell(&followed, &followed.findings);
    if let Some(home) = home.filter(|_| failure.is_none()) {
        let meter = global.meter();
        let with = Verification::new(&home, global.tests(), jwks, meter.listener());
        let (found, error) = monitor.verify(&reader, args.exchange.as_deref(), &with, now);
        told = told.and(tell(&followed, &found));
        followed.findings.extend(found);
        followed.is_complete &= error.is_none() && !reader.has_given_up();
        failure = error.map(Failure::from);
    }
    if args.json {
        output::json(&followed)?
    } else {
        output::lines([verdict(&followed)])?
    }
    failure = failure.or(told.err());
    if let Some(delivery) = delivery {
        failure = failure.or(delivery.finish(&followed).err());
    }
    failure.map_or(Ok(Exit::verdict(followed.findings.is_empty())), Err)
}

fn verdict(followed: &Followed) -> String {
    let Followed { origin, known, size, findings, .. } = followed;
    let verdict = if findings.is_empty() { "Nothing was found." } else { "The owner of the log must explain this." };
    format!("{origin}: {size} entries, {known} were known. {verdict}")
}

impl From<MonitorError> for Failure {
    fn from(error: MonitorError) -> Self {
        Self::environment(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::transparency::finding::KINDS;

    #[test]
    fn the_help_names_every_kind() {
        let list = EXAMPLES.split_once("Findings:\n").unwrap().1.split_once("A finding").unwrap().0;
        let named: BTreeSet<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(named, BTreeSet::from(KINDS));
    }
}
