//! Progress reports of long work. The library never prints: the command line draws a bar, and tests record or ignore the
//! reports.

use std::time::Duration;

/// Receives the progress of one piece of long work. Phases do not nest; `advance` may be called from any thread.
pub trait Progress: Sync {
    /// A phase begins. `total` is its size in `unit`, or 0 if that is unknown.
    fn begin(&self, phase: &str, total: u64, unit: &str);
    /// `units` more units are done.
    fn advance(&self, units: u64);
    /// The phase that began will take about `time`. This is shown until the phase has a pace of its own.
    fn expect(&self, _time: Duration) {}
    /// The phase is over.
    fn end(&self);
    /// Something that does not stop the work, and that a person should know now; between two phases.
    fn warn(&self, _warning: &str) {}
}

/// Ignores all reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _phase: &str, _total: u64, _unit: &str) {}
    fn advance(&self, _units: u64) {}
    fn end(&self) {}
}
