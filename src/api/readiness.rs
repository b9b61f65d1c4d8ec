//! The cached result of the readiness check.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::problem::FieldError;

/// How long a result is reused. This route has no rate limit, so the database needs one.
const HOLDS_FOR: Duration = Duration::from_millis(250);

/// The last result. Concurrent requests wait for it.
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
