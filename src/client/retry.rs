//! Waiting between attempts, for a bounded time.

use std::time::Duration;

use super::error::ClientError;

/// The first pause; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that the service did not ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why an attempt is made again.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) reason: String,
    /// How long the service asks to wait.
    pub(super) retry_after: Option<Duration>,
}

/// The pauses of one request. The sum of them is bounded.
#[derive(Debug)]
pub(super) struct Pauses {
    patience: Duration,
    waited: Duration,
    next: Duration,
}

impl Pauses {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, waited: Duration::ZERO, next: FIRST_PAUSE }
    }

    /// How long to wait before the next attempt.
    ///
    /// # Errors
    /// [`ClientError::Lost`] or [`ClientError::Busy`] if that is longer than the time that is left.
    pub(super) fn after(&mut self, setback: &Setback, address: &str) -> Result<Duration, ClientError> {
        let left = self.patience.saturating_sub(self.waited);
        let (address, reason) = (address.to_owned(), setback.reason.clone());
        let pause = match setback.retry_after {
            Some(wait) if wait > left => return Err(ClientError::Busy { address, wait, reason }),
            Some(wait) => wait.max(FIRST_PAUSE),
            None => self.next,
        };
        if left.is_zero() {
            return Err(ClientError::Lost { address, waited: self.waited, reason });
        }
        let pause = pause.min(left);
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        self.waited += pause;
        Ok(pause)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn setback(retry_after: Option<u64>) -> Setback {
        Setback { reason: "it hung up".to_owned(), retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut pauses = Pauses::new(Duration::from_secs(100));
        let mut all = Vec::new();
        let error = loop {
            match pauses.after(&setback(None), "http://[::1]") {
                Ok(pause) => all.push(pause.as_millis()),
                Err(error) => break error,
            }
        };
        assert_eq!(all, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 8500]);
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("was lost for 100 s: it hung up"), "{error}");
    }

    #[test]
    fn the_service_is_obeyed_within_the_bound() {
        let mut pauses = Pauses::new(Duration::from_secs(100));
        assert_eq!(pauses.after(&setback(Some(60)), "").unwrap(), Duration::from_secs(60));
        let error = pauses.after(&setback(Some(60)), "").unwrap_err();
        assert!(matches!(error, ClientError::Busy { .. }), "{error}");
    }
}
