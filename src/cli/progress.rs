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
        } else if io::stderr().is_terminal() {
            Box::new(Bar::new())
        } else {
            Box::new(Log::new(LOG_INTERVAL, output::note))
        })
    }

    pub(super) fn listener(&self) -> &dyn Progress {
        self.0.as_ref()
    }
}
