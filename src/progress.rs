//! How long work tells its caller where it stands. The library never prints: the command line draws a bar, tests listen
//! or stay silent.

/// A listener for the phases of one piece of long work. Phases do not nest; `advance` may come from any thread.
pub trait Progress: Sync {
    /// A phase named `phase` begins; it will advance by `total` of `unit` (0: not known beforehand).
    fn begin(&self, phase: &str, total: u64, unit: &str);
    /// `units` more are done.
    fn advance(&self, units: u64);
    /// The phase is over.
    fn end(&self);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _phase: &str, _total: u64, _unit: &str) {}
    fn advance(&self, _units: u64) {}
    fn end(&self) {}
}
