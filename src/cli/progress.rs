//! Where long work stands, on standard error: a bar for a person at a terminal, lines for a log, nothing where silence was
//! asked for.

mod bar;
mod log;
mod pace;

use std::io::{self, IsTerminal};
use std::time::Duration;

use self::bar::Bar;
use self::log::Log;
use super::output;
use crate::progress::{Progress, Silent};

/// A log tells this often that work goes on.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What listens to the progress of one command. Dropped, it leaves the terminal as it was.
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
