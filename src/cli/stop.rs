//! Ctrl-C: the first interrupt stops long work at a checkpoint, the second ends the program immediately.

use std::fs;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit::{Exit, Failure};
use super::output;

/// A flag that the first interrupt (SIGINT, SIGTERM or SIGHUP) sets. Call this once in a process. A signal that the caller had
/// ignored, as `nohup` does, stays ignored.
///
/// # Errors
/// If the system refuses the handler.
pub(super) fn on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let ignored = fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_signals(&status));
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals =
        Signals::new(heard).map_err(|error| Failure::environment(format!("cannot listen for interrupts: {error}")))?;
    let set = Arc::clone(&flag);
    thread::spawn(move || {
        for _ in signals.forever() {
            if set.swap(true, Ordering::SeqCst) {
                std::process::exit(Exit::Environment as i32);
            }
            // a progress bar leaves the cursor in its line
            let margin = if io::stderr().is_terminal() { "\n" } else { "" };
            output::note(&format!("{margin}Stopping at the next checkpoint; interrupt again to quit immediately."));
        }
    });
    Ok(flag)
}

/// The signals that the process ignores, bit n − 1 for signal n, from Linux's `/proc/self/status`. Where there is no such file,
/// none counts as ignored.
fn ignored_signals(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_that_are_ignored_are_read_from_the_status_of_the_process() {
        let status = "Name:\tassay\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        let ignored = ignored_signals(status);
        assert_eq!(ignored >> (SIGHUP - 1) & 1, 1);
        assert_eq!(ignored >> (SIGINT - 1) & 1, 0);
        assert_eq!(ignored_signals("Name:\tassay\n"), 0);
    }
}
