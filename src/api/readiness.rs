//! The last answer about readiness.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::problem::FieldError;

/// How long an answer holds: nobody is kept from asking, so the database is asked this seldom at most.
const HOLDS_FOR: Duration = Duration::from_millis(250);

/// The last answer. Whoever asks meanwhile waits for it.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Instant, Vec<FieldError>)>>);

impl Readiness {
    /// What keeps the service from being ready: the last answer, or a new one by `judge` if that is too old.
    pub async fn get_or_judge(&self, judge: impl AsyncFnOnce() -> Vec<FieldError>) -> Vec<FieldError> {
        let mut last = self.0.lock().await;
        if let Some((_, errors)) = last.as_ref().filter(|(at, _)| at.elapsed() < HOLDS_FOR) {
            return errors.clone();
        }
        let errors = judge().await;
        *last = Some((Instant::now(), errors.clone()));
        errors
    }
}
