//! Progress for a log: a line every few seconds while a phase is at work, and one when it is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::pace::{expectation, standing, summary};
use crate::progress::Progress;

/// Writes progress lines from a separate thread, because a long step reports nothing while it runs.
pub(super) struct Log {
    shared: Arc<Shared>,
    interval: Duration,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    done: AtomicU64,
    state: Mutex<State>,
    /// Wakes the ticker when it is to end.
    over: Condvar,
    write: fn(&str),
}

#[derive(Default)]
struct State {
    phase: Option<Phase>,
    over: bool,
}

struct Phase {
    name: String,
    total: u64,
    unit: String,
    began: Instant,
    expected: Option<Duration>,
}

impl Log {
    /// Hands a line to `write` every `interval`, and one at the end of each phase.
    pub(super) fn new(interval: Duration, write: fn(&str)) -> Self {
        let shared = Arc::new(Shared { done: AtomicU64::new(0), state: Mutex::default(), over: Condvar::new(), write });
        let ticking = Arc::clone(&shared);
        Self {
            shared,
            interval,
            // Without a thread to spare, the lines at the end of each phase are what remains.
            ticker: thread::Builder::new().name("progress".to_owned()).spawn(move || ticking.tick(interval)).ok(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self, interval: Duration) {
        let mut state = self.lock();
        while !state.over {
            let (woken, timeout) = self.over.wait_timeout(state, interval).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out()
                && let Some(phase) = &state.phase
            {
                let done = self.done.load(Ordering::Relaxed);
                let standing = standing(done, phase.total, &phase.unit, phase.began.elapsed(), phase.expected);
                (self.write)(&format!("{}: {standing}", phase.name));
            }
        }
    }
}

impl Progress for Log {
    fn begin(&self, phase: &str, total: u64, unit: &str) {
        let mut state = self.shared.lock();
        self.shared.done.store(0, Ordering::Relaxed);
        let (name, unit) = (phase.to_owned(), unit.to_owned());
        state.phase = Some(Phase { name, total, unit, began: Instant::now(), expected: None });
    }

    fn advance(&self, units: u64) {
        self.shared.done.fetch_add(units, Ordering::Relaxed);
    }

    fn expect(&self, time: Duration) {
        if let Some(phase) = &mut self.shared.lock().phase {
            phase.expected = Some(time);
            // a short phase needs no announcement
            if time >= self.interval {
                (self.shared.write)(&expectation(&phase.name, time));
            }
        }
    }

    fn warn(&self, warning: &str) {
        (self.shared.write)(&format!("Warning: {warning}"));
    }

    fn end(&self) {
        let phase = self.shared.lock().phase.take();
        if let Some(phase) = phase {
            let done = self.shared.done.load(Ordering::Relaxed);
            (self.shared.write)(&summary(&phase.name, done, &phase.unit, phase.began.elapsed()));
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.over.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // It only writes lines: if it panicked, the work is none the worse.
            let _ = ticker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    static EXPECTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

    fn collect_expected(line: &str) {
        EXPECTED.lock().unwrap().push(line.to_owned());
    }

    #[test]
    fn a_long_phase_is_announced_with_the_time_it_is_expected_to_take_and_a_short_one_is_not() {
        let log = Log::new(Duration::from_secs(3600), collect_expected);
        log.begin("compress", 0, "");
        log.expect(Duration::from_secs(60));
        log.begin("fold", 4, "steps");
        log.expect(Duration::from_secs(7200));
        drop(log);
        assert_eq!(*EXPECTED.lock().unwrap(), ["fold: about 2 h 00 min expected"]);
    }

    static WRITTEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

    fn collect(line: &str) {
        WRITTEN.lock().unwrap().push(line.to_owned());
    }

    #[test]
    fn a_phase_that_says_nothing_is_still_heard_of_and_its_end_is_told() {
        let log = Log::new(Duration::from_millis(5), collect);
        log.begin("fold", 4, "steps");
        log.advance(1);
        while WRITTEN.lock().unwrap().len() < 2 {
            thread::yield_now();
        }
        log.advance(3);
        log.end();
        drop(log);
        let written = WRITTEN.lock().unwrap();
        // a tick may come before the first step is told
        assert!(written[0].starts_with("fold: ") && written[0].contains(" of 4 steps"), "{written:?}");
        assert!(written.last().unwrap().starts_with("fold: 4 steps in "), "{written:?}");
    }
}
