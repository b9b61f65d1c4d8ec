//! Progress for a person at a terminal: one bar for the phase at work, one line for each that is over.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::pace::{standing, summary};
use crate::cli::output;
use crate::progress::Progress;

/// The bar moves this often even where the work says nothing, so that nobody takes it for hung.
const REDRAW: Duration = Duration::from_millis(200);

/// A bar on standard error.
pub(super) struct Bar {
    bar: ProgressBar,
    phase: Mutex<Option<Phase>>,
}

struct Phase {
    name: String,
    unit: String,
    began: Instant,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            phase: Mutex::new(None),
        }
    }

    /// Stops drawing and takes the bar off the terminal.
    fn clear(&self) -> Option<Phase> {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        phase.take()
    }
}

impl Progress for Bar {
    fn begin(&self, phase: &str, total: u64, unit: &str) {
        let began = Instant::now();
        self.bar.reset();
        self.bar.set_length(total);
        self.bar.set_style(style(total, unit, began));
        self.bar.set_message(phase.to_owned());
        self.bar.enable_steady_tick(REDRAW);
        let mut current = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Phase {
            name: phase.to_owned(),
            unit: unit.to_owned(),
            began,
        });
    }

    fn advance(&self, units: u64) {
        self.bar.inc(units);
    }

    fn end(&self) {
        let done = self.bar.position();
        if let Some(phase) = self.clear() {
            output::note(&summary(
                &phase.name,
                done,
                &phase.unit,
                phase.began.elapsed(),
            ));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // A phase that failed never ends: its bar must not stay above the error.
        self.clear();
    }
}

fn style(total: u64, unit: &str, began: Instant) -> ProgressStyle {
    let template = if total == 0 {
        "{spinner} {msg}: {standing}"
    } else {
        "{msg} [{bar:24}] {percent}% {standing}"
    };
    let unit = unit.to_owned();
    ProgressStyle::with_template(template)
        .expect("both templates are well-formed: a test draws them")
        .progress_chars("=> ")
        .with_key(
            "standing",
            move |state: &ProgressState, line: &mut dyn Write| {
                // A line that cannot be put together is drawn without its numbers.
                let _ = line.write_str(&standing(state.pos(), total, &unit, began.elapsed()));
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bars_can_be_drawn_and_phases_follow_each_other() {
        let bar = Bar {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            phase: Mutex::new(None),
        };
        for (total, unit) in [(10, "steps"), (0, "")] {
            bar.begin("a phase of a test", total, unit);
            assert_eq!(bar.bar.position(), 0);
            bar.advance(3);
            bar.bar.tick();
            assert_eq!(bar.bar.position(), 3);
            bar.end();
            assert!(bar.bar.is_finished());
        }
    }
}
