//! How programs of PostgreSQL and of the system are called.

use std::{os::unix::process::CommandExt, path::Path, process::Command};

/// A command that inherits nothing: `PGPORT` and its like would change what the programs do, and a terminal's Ctrl-C is for
/// this process to handle.
pub(super) fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/").process_group(0);
    command
}

/// What a program said last.
pub(super) fn last_line(text: &str) -> Option<String> {
    text.lines().map(str::trim).rfind(|l| !l.is_empty()).map(str::to_owned)
}
