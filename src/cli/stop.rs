//! Ctrl-C: the first interrupt stops long work at a checkpoint, the second ends the program immediately.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::{Exit, Failure};
use super::output;

/// A flag that the first interrupt (SIGINT, SIGTERM or SIGHUP) sets. Call this once in a process.
///
/// # Errors
/// If the system refuses the handler.
pub(super) fn on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Environment as i32);
        }
        // a progress bar leaves the cursor in its line
        let margin = if io::stderr().is_terminal() { "\n" } else { "" };
        output::note(&format!("{margin}Stopping at the next checkpoint; interrupt again to quit immediately."));
    })
    .map_err(|error| Failure::environment(format!("cannot listen for interrupts: {error}")))?;
    Ok(flag)
}
