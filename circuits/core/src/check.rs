//! What a verification reports: one named check after the other.

use serde::Serialize;

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable name.
    pub id: &'static str,
    /// What was checked, as a sentence.
    pub title: String,
    /// Whether it holds.
    pub passed: bool,
    /// Why not, or what was found.
    pub detail: String,
}

impl Check {
    /// A check with its outcome: what was found, or the reason why it does not hold.
    pub fn new(id: &'static str, title: impl Into<String>, outcome: Result<String, String>) -> Self {
        let passed = outcome.is_ok();
        let (Ok(detail) | Err(detail)) = outcome;
        Self { id, title: title.into(), passed, detail }
    }
}

/// The checks of a report, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Notes a check; returns whether it holds.
    pub fn add(&mut self, id: &'static str, title: impl Into<String>, outcome: Result<String, String>) -> bool {
        self.0.push(Check::new(id, title, outcome));
        self.0.last().is_some_and(|check| check.passed)
    }

    /// Notes a check that `found` describes on success; returns what was found.
    pub fn step<T, E: std::fmt::Display>(
        &mut self,
        id: &'static str,
        title: impl Into<String>,
        found: Result<T, E>,
        describe: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        match found {
            Ok(found) => {
                self.add(id, title, Ok(describe(&found)));
                Some(found)
            }
            Err(reason) => {
                self.add(id, title, Err(reason.to_string()));
                None
            }
        }
    }

    /// Notes a check that was made elsewhere.
    pub fn push(&mut self, check: Check) {
        self.0.push(check);
    }

    /// Whether every check holds.
    pub fn all_passed(&self) -> bool {
        self.0.iter().all(|check| check.passed)
    }

    /// The checks.
    pub fn into_vec(self) -> Vec<Check> {
        self.0
    }
}

impl FromIterator<Check> for Checks {
    fn from_iter<I: IntoIterator<Item = Check>>(checks: I) -> Self {
        Self(checks.into_iter().collect())
    }
}

impl std::ops::Deref for Checks {
    type Target = [Check];

    fn deref(&self) -> &[Check] {
        &self.0
    }
}

/// A rule that does not hold, by its id in SPEC.md.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Violation {
    /// The id.
    pub rule: &'static str,
    /// Where.
    pub detail: String,
}
