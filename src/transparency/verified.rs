//! Verifies the attestations of a log that is followed, each once.
//!
//! The file `verified` of the monitor's directory has a line for each statement that was verified: its digest, and whether its signature was
//! checked as well. A bundle of that statement is kept as `bundle-DIGEST.zip` until it verifies. So what did not verify is found again at each
//! run, whatever the service gives out later. It shows what was read to whoever runs the monitor; nobody signed it, so it is no proof for others.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    rc::Rc,
};

use assay_core::{
    check::Check,
    sealed::{Sealed, StatementDigest},
    signature::Jwks,
    text::{shown, visible},
};
use assay_fold::{Error as FoldError, keys::Keys};
use assay_programs::{
    ledger::{Ledger, shape::Shape},
    purpose::TestShapes,
};
use assay_verifier::{attestation::Attestation, log::entry::Entry, trust::Trust};
use time::OffsetDateTime;

use super::{
    entries::rotated,
    finding::{MonitorFinding, finding},
    journal::Journal,
    monitor::{Monitor, MonitorError, file},
    reader::{ReadError, Reader},
};
use crate::{
    durable::{self, Access},
    home::Home,
    progress::Progress,
};

/// Most bytes of bundles that are kept. A bundle beyond that is fetched again at each run.
const MAX_KEPT_BYTES: u64 = 1 << 30;

/// The name of a shape and its parameters.
type ShapeKeys = (&'static str, Rc<Keys<Ledger>>);

/// With what attestations are verified.
pub struct Verification<'a> {
    home: &'a Home,
    tests: TestShapes,
    jwks: Option<Jwks>,
    progress: &'a dyn Progress,
    /// The parameters of the last shape: they take some hundred megabytes, and are read for seconds.
    keys: RefCell<Option<ShapeKeys>>,
}

/// What was checked of a statement; the later one includes the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verified {
    /// All but the signature.
    Proved,
    /// Also that a key of the reader's list signed it.
    Signed,
}

impl Verified {
    fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Signed => "signed",
        }
    }
}

/// What a bundle is found to be.
enum Judged {
    /// The attestation of the statement.
    Verifies,
    /// No bundle of the statement: it says nothing about it.
    Other(String),
    /// A bundle of the statement that does not verify.
    False(String),
}

/// What became of the attestation of an entry.
enum Outcome {
    Verifies,
    /// The service is asked nothing more.
    NotAsked,
    /// A class, which stays the same while the words change, and the words.
    Defect(&'static str, String),
}

impl<'a> Verification<'a> {
    /// Verification with the parameters of `home`, and with `jwks` also of signatures.
    pub fn new(home: &'a Home, tests: TestShapes, jwks: Option<Jwks>, progress: &'a dyn Progress) -> Self {
        Self { home, tests, jwks, progress, keys: RefCell::default() }
    }

    /// What is noted of a statement that passes.
    fn goal(&self) -> Verified {
        if self.jwks.is_some() { Verified::Signed } else { Verified::Proved }
    }

    fn keys(&self, shape: &'static Shape) -> Result<Rc<Keys<Ledger>>, FoldError> {
        let mut last = self.keys.borrow_mut();
        if let Some((_, keys)) = last.as_ref().filter(|(name, _)| *name == shape.name) {
            return Ok(Rc::clone(keys));
        }
        // never two at once
        *last = None;
        let keys = Rc::new(self.home.parameters(shape)?);
        *last = Some((shape.name, Rc::clone(&keys)));
        Ok(keys)
    }

    /// Whether the bundle verifies as the attestation of this statement.
    fn judge(&self, bundle: &Path, statement: &str) -> Result<Judged, MonitorError> {
        let attestation = match Attestation::read(bundle) {
            Ok(attestation) => attestation,
            Err(e) => return Ok(Judged::Other(e.to_string())),
        };
        match attestation.statement().map(|statement| statement.digest().to_string()) {
            Ok(own) if own == statement => {}
            Ok(_) => return Ok(Judged::Other("it contains another statement".to_owned())),
            Err(e) => return Ok(Judged::Other(e.to_string())),
        }
        let proof = match attestation.read_proof() {
            Ok(proof) => proof,
            Err(e) => return Ok(Judged::False(e.to_string())),
        };
        let mut missing = None;
        let mut report = attestation
            .verify(&proof, self.tests, |shape| self.keys(shape).inspect_err(|e| missing = Some(e.to_string())));
        // that says nothing about the attestation
        if let Some(reason) = missing {
            return Err(MonitorError::Parameters(reason));
        }
        let trust = Trust { jwks: self.jwks.as_ref(), ..Trust::default() };
        attestation.judge(&mut report, trust);
        if report.is_valid() {
            return Ok(Judged::Verifies);
        }
        let failed = report.checks.into_vec().into_iter().filter(|check| !check.passed);
        let failed: Vec<String> =
            failed.map(|Check { title, detail, .. }| format!("not so: {title}: {detail}")).collect();
        Ok(Judged::False(failed.join("; ")))
    }
}

impl Monitor {
    /// Fetches and verifies the attestations of the entries that were not verified before, all or those of one exchange. Gives what was
    /// found until an error ended it. [`Reader::has_given_up`] says whether the service was asked for all of them.
    ///
    /// # Errors
    /// [`MonitorError::File`], [`MonitorError::State`]; [`MonitorError::Parameters`] if the home has no parameters and none can be
    /// made. What was verified until then is noted.
    pub fn verify(
        &self,
        reader: &Reader,
        exchange: Option<&str>,
        with: &Verification<'_>,
        now: OffsetDateTime,
    ) -> (Vec<MonitorFinding>, Option<MonitorError>) {
        reader.bound();
        let mut found = BTreeMap::new();
        let outcome = self.verify_into(&mut found, reader, exchange, with, now);
        let mut found: Vec<MonitorFinding> = found.into_values().collect();
        if reader.has_given_up() {
            let detail = "the service was not asked for all bundles: it did not answer three times in a row, or took more than ten minutes";
            found.push(finding("unreadable", detail).about("bundles"));
        }
        (found, outcome.err())
    }

    /// Adds what is found to `found`, by the positions of the entries.
    fn verify_into(
        &self,
        found: &mut BTreeMap<usize, MonitorFinding>,
        reader: &Reader,
        exchange: Option<&str>,
        with: &Verification<'_>,
        now: OffsetDateTime,
    ) -> Result<(), MonitorError> {
        let path = self.dir().join("verified");
        let (mut journal, lines) = Journal::open(&path).map_err(file(&path))?;
        let done = verified(&lines).ok_or_else(|| MonitorError::State {
            path: path.clone(),
            reason: "not the list that a monitor wrote".to_owned(),
        })?;
        // what a crash left: nothing more is verified of these
        for (statement, _) in done.iter().filter(|(_, verified)| **verified == Verified::Signed) {
            remove(&self.bundle_of(statement))?;
        }
        let entries = self.entries().iter().enumerate();
        let new: Vec<(usize, Sealed<Entry>)> = entries
            .filter_map(|(position, bytes)| Some((position, Sealed::<Entry>::parse(bytes).ok()?)))
            .filter(|(_, entry)| exchange.is_none_or(|exchange| exchange == entry.exchange))
            .filter(|(_, entry)| done.get(&entry.statement).is_none_or(|verified| *verified < with.goal()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        with.progress.begin("verifying", new.len() as u64, "attestations");
        let outcome = rotated(new.len(), now).filter_map(|at| new.get(at)).try_for_each(|(position, entry)| {
            match self.outcome(reader, with, &entry.statement)? {
                // before the line: a crash in between costs a second look, and leaves nothing that looks like a finding
                Outcome::Verifies => {
                    remove(&self.bundle_of(&entry.statement))?;
                    durable::sync_directory(self.dir()).map_err(file(self.dir()))?;
                    journal.add(&format!("{} {}", entry.statement, with.goal().as_str())).map_err(file(&path))?;
                }
                Outcome::NotAsked => {}
                Outcome::Defect(class, reason) => {
                    let of = format!("{} of {} for {}", shown(&entry.snapshot), entry.exchange, entry.taken_at);
                    let detail = format!("entry {position}, {of}: {}", visible(&reason));
                    found.insert(*position, finding("proof", detail).about(format!("{class} {}", entry.statement)));
                }
            }
            with.progress.advance(1);
            Ok(())
        });
        with.progress.end();
        outcome
    }

    /// Whether the attestation of a statement verifies.
    fn outcome(&self, reader: &Reader, with: &Verification<'_>, statement: &str) -> Result<Outcome, MonitorError> {
        let bundle = self.bundle_of(statement);
        let falls =
            |reason: String, end: String| Outcome::Defect("false", format!("it does not verify: {reason}. {end}"));
        let kept = format!("{} is its bundle", bundle.display());
        match fs::symlink_metadata(&bundle) {
            Ok(_) => match with.judge(&bundle, statement)? {
                Judged::Verifies => return Ok(Outcome::Verifies),
                Judged::False(reason) => return Ok(falls(reason, kept)),
                Judged::Other(_) => remove(&bundle)?,
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(file(&bundle)(e)),
        }
        let bytes = match reader.bundle(statement) {
            Ok(bytes) => bytes,
            Err(ReadError::GivenUp { .. }) => return Ok(Outcome::NotAsked),
            Err(e) => return Ok(Outcome::Defect("missing", format!("its bundle cannot be had: {e}"))),
        };
        durable::replace(&bundle, Access::Private, &bytes).map_err(file(&bundle))?;
        Ok(match with.judge(&bundle, statement)? {
            Judged::Verifies => Outcome::Verifies,
            Judged::False(reason) if kept_bytes(self.dir()).map_err(file(self.dir()))? > MAX_KEPT_BYTES => {
                remove(&bundle)?;
                falls(reason, "Its bundle is not kept, because those that are kept are too large".to_owned())
            }
            Judged::False(reason) => falls(reason, kept),
            Judged::Other(reason) => {
                remove(&bundle)?;
                Outcome::Defect("other", format!("the service gives out no bundle of its statement: {reason}"))
            }
        })
    }

    fn bundle_of(&self, statement: &str) -> PathBuf {
        self.dir().join(format!("bundle-{statement}.zip"))
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), MonitorError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(file(path)(e)),
        _ => Ok(()),
    }
}

/// Bytes of all bundles in a directory.
fn kept_bytes(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b"bundle-") && name.ends_with(b".zip") {
            bytes = bytes.saturating_add(entry.metadata()?.len());
        }
    }
    Ok(bytes)
}

/// What the lines of the file `verified` say; `None` if a line is none.
fn verified(lines: &[String]) -> Option<BTreeMap<String, Verified>> {
    let mut done = BTreeMap::new();
    for line in lines {
        let (statement, what) = line.split_once(' ')?;
        StatementDigest::parse(statement).ok()?;
        let what = [Verified::Proved, Verified::Signed].into_iter().find(|known| known.as_str() == what)?;
        let noted = done.entry(statement.to_owned()).or_insert(what);
        *noted = (*noted).max(what);
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_says_the_most_that_was_checked_and_nothing_else_is_a_list() {
        let digest = "ab".repeat(32);
        let lines = |texts: &[&str]| -> Vec<String> { texts.iter().map(|what| format!("{digest} {what}")).collect() };
        let done = verified(&lines(&["proved", "signed", "proved"])).unwrap();
        assert_eq!(done[&digest], Verified::Signed);
        assert!(Verified::Proved < Verified::Signed);
        assert_eq!(verified(&lines(&["proved", "seen"])), None);
        for wrong in ["", "proved", "x proved"] {
            assert_eq!(verified(&[wrong.to_owned()]), None, "{wrong}");
        }
    }
}
