//! A job of the service, from its request to its end.

use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ClientError;
use super::http::Client;
use crate::progress::Progress;

/// Time between two looks at a job.
const INTERVAL: Duration = Duration::from_secs(1);

/// A job, as far as its reader needs it. Members that a newer service adds are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Where it is, such as `folding`.
    pub state: String,
    /// Why it was refused or failed, or which policies the ledger breaks. None if it was cancelled.
    #[serde(default)]
    pub detail: Option<String>,
    /// What the service's check found in the ledger.
    #[serde(default)]
    pub findings: Option<LedgerFindings>,
    /// Id of the attestation, once published.
    #[serde(default)]
    pub attestation: Option<String>,
    #[serde(default)]
    steps: Option<u64>,
    #[serde(default)]
    steps_done: u64,
    #[serde(default)]
    units: Vec<Unit>,
}

/// What the service's check found in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerFindings {
    /// The first findings.
    pub findings: Vec<LedgerFinding>,
    /// Number of all findings.
    pub total: u64,
}

/// One error in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerFinding {
    /// Name of the file.
    pub file: String,
    /// Line, counted from 1; none if the finding concerns the whole file.
    pub line: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Unit {
    state: String,
}

impl Job {
    /// Whether the job has ended.
    pub fn has_ended(&self) -> bool {
        self.attestation.is_some() || ["published", "refused", "failed", "cancelled"].contains(&self.state.as_str())
    }

    /// Whether another job may prove the same ledger where this one did not.
    pub(super) fn can_be_repeated(&self) -> bool {
        ["failed", "cancelled"].contains(&self.state.as_str())
    }

    /// What to show of the job while it is in this phase.
    fn phase(&self) -> String {
        let proved = self.units.iter().filter(|unit| unit.state == "proved").count();
        match self.units.len() {
            shards @ 2.. => format!("{} ({proved} of {shards} shards proved)", self.state),
            _ => self.state.clone(),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The job.
    pub job: Job,
    /// Whether its attestation is published and valid.
    pub valid: bool,
    /// The exchange's policies that the published attestation does not meet.
    pub not_met: Vec<String>,
}

/// The job `id`.
///
/// # Errors
/// [`ClientError`].
pub fn job(client: &Client, id: &str) -> Result<Job, ClientError> {
    read(client, client.get(&format!("/v1/jobs/{id}"))?)
}

pub(super) fn read<T: serde::de::DeserializeOwned>(client: &Client, body: Value) -> Result<T, ClientError> {
    serde_json::from_value(body)
        .map_err(|_| ClientError::NotTheService { address: client.address().to_owned(), status: 200 })
}

/// Shows the job's stages until it ends.
///
/// # Errors
/// [`ClientError`], [`ClientError::Lost`] among them; the job goes on without its reader.
pub fn follow(client: &Client, id: &str, progress: &dyn Progress) -> Result<Ended, ClientError> {
    let mut shown = Shown { phase: None, steps_done: 0, progress };
    loop {
        let now = job(client, id)?;
        if now.has_ended() {
            drop(shown);
            return ended(client, now);
        }
        shown.update(&now);
        thread::sleep(INTERVAL);
    }
}

/// The phase that is shown. It ends when this is dropped.
struct Shown<'a> {
    phase: Option<String>,
    steps_done: u64,
    progress: &'a dyn Progress,
}

impl Shown<'_> {
    fn update(&mut self, job: &Job) {
        let phase = job.phase();
        if self.phase.as_ref() != Some(&phase) {
            self.end();
            match (job.state.as_str(), job.steps) {
                ("folding", Some(steps)) => self.progress.begin(&phase, steps, "steps"),
                _ => self.progress.begin(&phase, 0, ""),
            }
            (self.phase, self.steps_done) = (Some(phase), 0);
        }
        if job.state == "folding" && job.steps_done > self.steps_done {
            self.progress.advance(job.steps_done - self.steps_done);
            self.steps_done = job.steps_done;
        }
    }

    fn end(&mut self) {
        if self.phase.take().is_some() {
            self.progress.end();
        }
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn ended(client: &Client, job: Job) -> Result<Ended, ClientError> {
    let Some(id) = &job.attestation else {
        return Ok(Ended { job, valid: false, not_met: Vec::new() });
    };
    let attestation = client.get(&format!("/v1/attestations/{id}"))?;
    let valid = attestation["valid"].as_bool() == Some(true);
    let not_met = attestation["not_met"].as_array().into_iter().flatten();
    let not_met = not_met.map(requirement).collect();
    Ok(Ended { job, valid, not_met })
}

/// A requirement as a sentence.
fn requirement(requirement: &Value) -> String {
    let text = |key: &str| requirement[key].as_str().unwrap_or_default();
    format!("{}, but {} ({})", text("requirement"), text("found"), text("check"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Record(Mutex<Vec<String>>);

    impl Record {
        fn add(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }

    impl Progress for Record {
        fn begin(&self, phase: &str, total: u64, _unit: &str) {
            self.add(format!("{phase} of {total}"));
        }
        fn advance(&self, units: u64) {
            self.add(format!("+{units}"));
        }
        fn end(&self) {
            self.add("end".to_owned());
        }
    }

    fn at(state: &str, done: u64, units: &[&str]) -> Job {
        let units: Vec<_> = units.iter().map(|state| json!({"state": state, "shard": 0})).collect();
        serde_json::from_value(json!({"id": "a", "state": state, "steps": 9, "steps_done": done, "units": units}))
            .unwrap()
    }

    #[test]
    fn stages_and_shards_are_shown_as_they_change() {
        let record = Record::default();
        let mut shown = Shown { phase: None, steps_done: 0, progress: &record };
        for job in [
            at("queued", 0, &[]),
            at("folding", 2, &["folding", "folding"]),
            at("folding", 2, &["folding", "compressing"]),
            at("folding", 5, &["folding", "proved"]),
        ] {
            shown.update(&job);
        }
        drop(shown);
        let expected = [
            "queued of 0",
            "end",
            "folding (0 of 2 shards proved) of 9",
            "+2",
            "end",
            "folding (1 of 2 shards proved) of 9",
            "+5",
            "end",
        ];
        assert_eq!(*record.0.lock().unwrap(), expected);
    }

    #[test]
    fn only_a_job_that_failed_or_was_cancelled_is_worth_another() {
        for (state, ended, again) in [
            ("folding", false, false),
            ("published", true, false),
            ("refused", true, false),
            ("failed", true, true),
            ("cancelled", true, true),
        ] {
            let job = at(state, 0, &[]);
            assert_eq!((job.has_ended(), job.can_be_repeated()), (ended, again), "{state}");
        }
    }
}
