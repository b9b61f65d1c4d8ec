//! Verifies the attestations of a log that is followed, each once.
//!
//! The file `verified` of the monitor's directory has a line for each statement that was verified: its digest, and whether its signature was
//! checked as well. A bundle is kept as `bundle-DIGEST.zip` until it verifies. So what did not verify is found again at each run, whatever
//! the service gives out later, and is evidence against it.

use std::{cell::RefCell, collections::BTreeMap, fs, io, path::Path, rc::Rc};

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

use super::{
    finding::{MonitorFinding, finding},
    journal::Journal,
    monitor::{Monitor, MonitorError, file},
    reader::Reader,
};
use crate::{
    durable::{self, Access},
    home::Home,
    progress::Progress,
};

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

    /// Why the bundle does not verify as the attestation of this statement; `None` if it does.
    fn defect(&self, bundle: &Path, statement: &str) -> Result<Option<String>, MonitorError> {
        let attestation = match Attestation::read(bundle) {
            Ok(attestation) => attestation,
            Err(e) => return Ok(Some(e.to_string())),
        };
        let proof = match attestation.read_proof() {
            Ok(proof) => proof,
            Err(e) => return Ok(Some(e.to_string())),
        };
        let own = attestation.statement().map(|statement| statement.digest().to_string());
        if own.is_ok_and(|own| own != statement) {
            return Ok(Some("it contains another statement".to_owned()));
        }
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
            return Ok(None);
        }
        let failed = report.checks.into_vec().into_iter().filter(|check| !check.passed);
        let failed: Vec<String> =
            failed.map(|Check { title, detail, .. }| format!("not so: {title}: {detail}")).collect();
        Ok(Some(failed.join("; ")))
    }
}

impl Monitor {
    /// Fetches and verifies the attestations of the entries that were not verified before, all or those of one exchange. Gives what was
    /// found until an error ended it.
    ///
    /// # Errors
    /// [`MonitorError::File`], [`MonitorError::State`]; [`MonitorError::Parameters`] if the home has no parameters and none can be
    /// made. What was verified until then is noted.
    pub fn verify(
        &self,
        reader: &Reader,
        exchange: Option<&str>,
        with: &Verification<'_>,
    ) -> (Vec<MonitorFinding>, Option<MonitorError>) {
        let mut found = Vec::new();
        let outcome = self.verify_into(&mut found, reader, exchange, with);
        (found, outcome.err())
    }

    fn verify_into(
        &self,
        found: &mut Vec<MonitorFinding>,
        reader: &Reader,
        exchange: Option<&str>,
        with: &Verification<'_>,
    ) -> Result<(), MonitorError> {
        let path = self.dir().join("verified");
        let (mut journal, lines) = Journal::open(&path).map_err(file(&path))?;
        let done = verified(&lines).ok_or_else(|| MonitorError::State {
            path: path.clone(),
            reason: "not the list that a monitor wrote".to_owned(),
        })?;
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
        let outcome = new.iter().try_for_each(|(position, entry)| {
            let bundle = self.dir().join(format!("bundle-{}.zip", entry.statement));
            match self.defect(reader, with, &bundle, &entry.statement)? {
                None => {
                    journal.add(&format!("{} {}", entry.statement, with.goal().as_str())).map_err(file(&path))?;
                    fs::remove_file(&bundle).map_err(file(&bundle))?;
                }
                Some(reason) => {
                    let of = format!("{} of {} for {}", shown(&entry.snapshot), entry.exchange, entry.taken_at);
                    let detail = format!("entry {position}, {of}: {}", visible(&reason));
                    found.push(finding("proof", detail).about(entry.statement.as_str()));
                }
            }
            with.progress.advance(1);
            Ok(())
        });
        with.progress.end();
        outcome
    }

    /// Why the attestation of a statement does not verify, or cannot be had; `None` if it verifies.
    fn defect(
        &self,
        reader: &Reader,
        with: &Verification<'_>,
        bundle: &Path,
        statement: &str,
    ) -> Result<Option<String>, MonitorError> {
        let is_kept = match fs::symlink_metadata(bundle) {
            Ok(_) => true,
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(file(bundle)(e)),
        };
        if !is_kept {
            let bytes = match reader.bundle(statement) {
                Ok(bytes) => bytes,
                Err(e) => return Ok(Some(format!("its bundle cannot be had: {e}"))),
            };
            durable::replace(bundle, Access::Private, &bytes).map_err(file(bundle))?;
        }
        let defect = with.defect(bundle, statement)?;
        Ok(defect.map(|reason| format!("it does not verify: {reason}. {} is its bundle", bundle.display())))
    }
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
