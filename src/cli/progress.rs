//! Progress of long work on standard error: a bar on a terminal, lines otherwise, nothing with `--quiet`.

mod bar;
mod log;
pub(super) mod pace;

use std::io::{self, IsTerminal};
use std::time::Duration;

use self::bar::Bar;
use self::log::Log;
use super::output;
use crate::progress::{Progress, Silent};

/// Interval between two progress lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of one command. Dropping it restores the terminal.
pub(super) struct Meter(Box<dyn Progress>);

impl Meter {
    pub(super) fn new(quiet: bool) -> Self {
        Self(if quiet {
            Box::new(Silent)
        } else if io::stderr().is_terminal() && can_draw(std::env::var("TERM").ok().as_deref()) {
            Box::new(Bar::new())
        } else {
            Box::new(Log::new(LOG_INTERVAL, output::note))
        })
    }

    pub(super) fn listener(&self) -> &dyn Progress {
        self.0.as_ref()
    }
}

/// Whether a terminal of this name can redraw a line. One that cannot gets lines, as a file does.
fn can_draw(term: Option<&str>) -> bool {
    !matches!(term, None | Some("" | "dumb"))
}

#[cfg(test)]
mod tests {
    use super::can_draw;

    #[test]
    fn a_terminal_that_cannot_redraw_gets_lines() {
        assert!(can_draw(Some("xterm-256color")));
        for term in [None, Some(""), Some("dumb")] {
            assert!(!can_draw(term), "{term:?}");
        }
    }
}
