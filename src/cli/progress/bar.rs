//! Progress for a person at a terminal: one bar for the phase at work, one line for each that is over.

use std::fmt::Write;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::pace::{standing, summary};
use crate::cli::output;
use crate::progress::Progress;

/// Interval of redraws without progress, so that the bar does not look hung.
const REDRAW: Duration = Duration::from_millis(200);

/// A bar on standard error.
pub(super) struct Bar {
    target: fn() -> ProgressDrawTarget,
    phase: RwLock<Option<Phase>>,
}

struct Phase {
    bar: ProgressBar,
    name: String,
    unit: String,
    began: Instant,
    expected: Arc<OnceLock<Duration>>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self::drawing_to(ProgressDrawTarget::stderr)
    }

    fn drawing_to(target: fn() -> ProgressDrawTarget) -> Self {
        Self { target, phase: RwLock::new(None) }
    }

    /// Puts `next` in the place of the phase at work, whose bar leaves the terminal.
    fn replace(&self, next: Option<Phase>) -> Option<Phase> {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *phase, next);
        if let Some(former) = &former {
            former.bar.finish_and_clear();
        }
        former
    }
}

impl Progress for Bar {
    fn begin(&self, phase: &str, total: u64, unit: &str) {
        let (began, expected) = (Instant::now(), Arc::new(OnceLock::new()));
        self.replace(None);
        let bar = ProgressBar::with_draw_target(Some(total), (self.target)())
            .with_style(style(total, unit, began, Arc::clone(&expected)))
            .with_message(phase.to_owned());
        bar.enable_steady_tick(REDRAW);
        self.replace(Some(Phase { bar, name: phase.to_owned(), unit: unit.to_owned(), began, expected }));
    }

    fn advance(&self, units: u64) {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(phase) = &*phase {
            phase.bar.inc(units);
        }
    }

    fn expect(&self, time: Duration) {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(phase) = &*phase {
            // the first expectation stays
            let _ = phase.expected.set(time);
        }
    }

    fn end(&self) {
        if let Some(phase) = self.replace(None) {
            let done = phase.bar.position();
            let elapsed = phase.began.elapsed();
            output::note(&summary(&phase.name, done, &phase.unit, elapsed));
        }
    }

    fn warn(&self, warning: &str) {
        output::note(&format!("Warning: {warning}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // A phase that failed never ends: its bar must not stay above the error.
        self.replace(None);
    }
}

fn style(total: u64, unit: &str, began: Instant, expected: Arc<OnceLock<Duration>>) -> ProgressStyle {
    let template = if total == 0 { "{spinner} {msg}: {standing}" } else { "{msg} [{bar:24}] {percent}% {standing}" };
    let unit = unit.to_owned();
    ProgressStyle::with_template(template)
        .expect("both templates are well-formed: a test makes both")
        .progress_chars("=> ")
        .with_key("standing", move |state: &ProgressState, line: &mut dyn Write| {
            // A line that cannot be put together is drawn without its numbers.
            let _ = line.write_str(&standing(state.pos(), total, &unit, began.elapsed(), expected.get().copied()));
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn position(bar: &Bar) -> Option<u64> {
        let phase = bar.phase.read().unwrap();
        phase.as_ref().map(|phase| phase.bar.position())
    }

    #[test]
    fn phases_follow_each_other_and_each_begins_at_nothing() {
        let bar = Bar::drawing_to(ProgressDrawTarget::hidden);
        for (total, unit) in [(10, "steps"), (0, "")] {
            bar.begin("a phase of a test", total, unit);
            assert_eq!(position(&bar), Some(0));
            bar.expect(Duration::from_secs(60));
            bar.advance(3);
            assert_eq!(position(&bar), Some(3));
            bar.end();
            assert_eq!(position(&bar), None);
        }
        bar.advance(1);
        bar.end();
    }
}
