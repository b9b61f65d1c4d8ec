//! Calls programs of PostgreSQL and of the system.

use std::{os::unix::process::CommandExt, path::Path, process::Command};

/// A command that inherits neither environment nor process group: variables such as `PGPORT` would change what the programs do,
/// and only this process handles the terminal's Ctrl-C.
pub(super) fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/").process_group(0);
    command
}

/// The last line that is not blank, trimmed.
pub(super) fn last_line(text: &str) -> Option<String> {
    text.lines().map(str::trim).rfind(|l| !l.is_empty()).map(str::to_owned)
}
