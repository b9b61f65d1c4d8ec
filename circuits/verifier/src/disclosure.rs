//! A disclosure together with the attestations that it refers to. In: its file, the attestations, and the reports on them. Out: one
//! verdict on the whole.

use std::{borrow::Borrow, collections::BTreeMap};

use assay_core::{Error as CoreError, check::Check, sealed::Sealed};
use assay_fold::{Error, keys::Keys};
use assay_programs::{
    disclosure::{
        Disclosure,
        file::{DisclosureReport, verify_disclosure},
    },
    ledger::{report::Report, statement::Statement},
};

use crate::attestation::Attestation;

/// What was found.
#[derive(Debug)]
pub struct Disclosed {
    /// The reports on the attestations, in the order given.
    pub attestations: Vec<Report>,
    /// The disclosure's own report.
    pub report: DisclosureReport,
}

impl Disclosed {
    /// Whether everything that was checked holds.
    pub fn is_valid(&self) -> bool {
        self.report.is_valid() && self.attestations.iter().all(Report::is_valid)
    }
}

/// Checks the disclosure in `file`, which must be made for `context` where that is given. `reports` are those on the attestations, with
/// their signatures, in the same order.
pub fn check_disclosure<K: Borrow<Keys<Disclosure>>>(
    file: &[u8],
    attestations: &[Attestation],
    reports: Vec<Report>,
    context: Option<&str>,
    keys: impl FnOnce() -> Result<K, Error>,
) -> Disclosed {
    // an unreadable statement fails its own report; the disclosure is then checked against no statements, and fails too
    let statements: Result<Vec<&Sealed<Statement>>, &CoreError> =
        attestations.iter().map(Attestation::statement).collect();
    let mut report = verify_disclosure(file, &statements.unwrap_or_default(), keys);
    if let Some(check) = distinct_signers(&reports) {
        report.expect(check);
    }
    if let Some(expected) = context {
        report.expect_context(expected);
    }
    Disclosed { attestations: reports, report }
}

/// That no key of the reader's lists signed two of the attestations: who has one key is one exchange, and an account there counts once.
/// `None` if fewer than two are signed by keys of the reader.
fn distinct_signers(reports: &[Report]) -> Option<Check> {
    let mut signed = BTreeMap::<&str, usize>::new();
    reports.iter().flat_map(|report| report.signature.keys()).for_each(|key| *signed.entry(key).or_default() += 1);
    if reports.iter().filter(|report| !report.signature.keys().is_empty()).count() < 2 {
        return None;
    }
    let outcome = match signed.iter().find(|(_, times)| **times > 1) {
        None => Ok(String::new()),
        Some((key, _)) => Err(format!(
            "{key} signed two of them: one account could count twice. List the exchanges' own keys, and no auditor's"
        )),
    };
    Some(Check::new("disclosure-signers", "no key signed two of the attestations", outcome))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_core::{
        check::Checks,
        signature::{SignatureState, Signers},
    };

    fn signed(keys: &[&str]) -> Report {
        let known = keys.iter().map(|key| (*key).to_owned()).collect();
        Report {
            checks: Checks::default(),
            statement: None,
            assets: Vec::new(),
            signature: SignatureState::Signed(Signers { known, unknown: vec!["someone".to_owned()] }),
            log: None,
            later: assay_core::later::Later::default(),
        }
    }

    fn outcome(signers: &[&[&str]]) -> Option<bool> {
        let reports: Vec<_> = signers.iter().map(|keys| signed(keys)).collect();
        distinct_signers(&reports).map(|check| check.passed)
    }

    #[test]
    fn one_key_is_one_exchange() {
        assert_eq!(outcome(&[&["a"], &["b"]]), Some(true));
        assert_eq!(outcome(&[&["a"], &["a"]]), Some(false));
        // a second key beside it, or an auditor's on both, tells nobody apart
        assert_eq!(outcome(&[&["a"], &["a", "b"]]), Some(false));
        assert_eq!(outcome(&[&["a", "auditor"], &["b", "auditor"]]), Some(false));
        assert_eq!(outcome(&[&["a"], &["b"], &["c"], &["b"]]), Some(false));
        // nothing is known of signatures that were not checked
        assert_eq!(outcome(&[&["a"]]), None);
        let mut unchecked = signed(&[]);
        unchecked.signature = SignatureState::Unchecked;
        assert!(distinct_signers(&[signed(&["a"]), unchecked]).is_none());
    }
}
