//! The `assay` command. All it does is in [`assay::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    assay::cli::run(std::env::args_os())
}
