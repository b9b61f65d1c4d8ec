//! Options that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;

use assay_programs::{
    ledger::shape::Shape,
    purpose::{Purpose, TestShapes},
};

use super::exit::Failure;
use super::progress::Meter;
use crate::attest::{Logs, Signatures};
use crate::home::Home;
use crate::ledger::Limits;

const DEFAULT_MAX_BYTES: u64 = 64 << 30;

/// Options that every command accepts.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// Show no progress on standard error; errors are still shown
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,

    /// Accept circuit shapes that are made for tests; no release accepts their attestations
    #[arg(long, global = true, hide = true)]
    test_shapes: bool,
}

impl Global {
    pub(super) fn meter(&self) -> Meter {
        Meter::new(self.quiet)
    }

    pub(super) fn tests(&self) -> TestShapes {
        if self.test_shapes { TestShapes::Accepted } else { TestShapes::Refused }
    }
}

/// What a command that verifies asks of the signatures.
#[derive(Debug, clap::Args)]
pub(super) struct SignatureArgs {
    /// Public keys that you trust (JWKS); one of them must have signed the statement
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,

    /// Fail unless a key given with --jwks signed the statement
    #[arg(long)]
    require_signature: bool,

    /// Signatures, opinions and notices that came later [default: signatures.json in the attestation]
    #[arg(long, value_name = "FILE")]
    signatures: Option<PathBuf>,

    /// Public keys of auditors that you trust (JWKS); one of them must have signed an opinion, and none may object
    #[arg(long, value_name = "FILE")]
    auditors: Option<PathBuf>,
}

impl SignatureArgs {
    pub(super) fn signatures(&self) -> Signatures<'_> {
        Signatures {
            jwks: self.jwks.as_deref(),
            required: self.require_signature,
            later: self.signatures.as_deref(),
            auditors: self.auditors.as_deref(),
        }
    }
}

/// What a command that verifies asks of transparency logs.
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// Transparency logs and witnesses that you trust (C2SP tlog-policy); the statement must be in one of these logs
    #[arg(long, value_name = "FILE")]
    log_policy: Option<PathBuf>,

    /// The proof of that [default: the one in the inclusion file, else log/attestation.tlog-proof in the attestation]
    #[arg(long, value_name = "FILE", requires = "log_policy")]
    log_proof: Option<PathBuf>,
}

impl LogArgs {
    pub(super) fn logs(&self) -> Logs<'_> {
        Logs { policy: self.log_policy.as_deref(), proof: self.log_proof.as_deref() }
    }
}

/// The home directory, which holds secrets and caches.
#[derive(Debug, clap::Args)]
pub(super) struct HomeArgs {
    /// Directory of the exchange's master secret, signing keys and circuit parameters [default: .assay in your home directory]
    ///
    /// The first run with a shape derives its parameters and caches them here. The first `prove` creates the master secret. If you
    /// lose the secret, no inclusion file can be made for attestations that used it.
    #[arg(long, value_name = "DIR", env = "ASSAY_HOME", hide_env_values = true)]
    home: Option<OsString>,
}

/// A path that an option or an environment variable may name. An empty variable is an unset one.
///
/// # Errors
/// If the option itself is empty.
pub(super) fn path(given: Option<&OsString>, option: &str, variable: &str) -> Result<Option<PathBuf>, Failure> {
    match given {
        Some(empty) if empty.is_empty() && std::env::var_os(variable).is_none_or(|value| !value.is_empty()) => {
            Err(Failure::usage(format!("{option} is empty; it must name a path")))
        }
        given => Ok(given.filter(|path| !path.is_empty()).map(PathBuf::from)),
    }
}

impl HomeArgs {
    pub(super) fn home(&self) -> Result<Home, Failure> {
        let of_person = || std::env::home_dir().filter(|dir| !dir.as_os_str().is_empty()).map(|dir| dir.join(".assay"));
        match path(self.home.as_ref(), "--home", "ASSAY_HOME")?.or_else(of_person) {
            Some(dir) => Ok(Home::new(dir)),
            None => Err(Failure::usage("there is no home directory; set one with --home DIR")),
        }
    }
}

/// The shapes that an exchange proves with.
pub(super) fn released_shapes() -> impl Iterator<Item = &'static Shape> {
    Shape::catalogue().iter().filter(|shape| shape.purpose == Purpose::Release)
}

/// The shape of this name. An unknown name is answered with `others`, what the option takes besides, and the released shapes.
pub(super) fn shape_named(name: &str, others: &[&str]) -> Result<&'static Shape, String> {
    let known =
        || others.iter().copied().chain(released_shapes().map(|shape| shape.name)).collect::<Vec<_>>().join(", ");
    Shape::named(name).map_err(|_| format!("unknown shape; use one of: {}", known()))
}

/// Starts the threads of a command that proves; 0 are as many as there are cores. Call this once in a process.
///
/// # Errors
/// If the system refuses them.
pub(super) fn start_threads(threads: usize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Failure::environment(format!("cannot start the threads: {error}")))
}

/// Bounds on the size of a ledger.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Maximum size in bytes of one decompressed file; the default is 64 GiB
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = DEFAULT_MAX_BYTES,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    max_bytes: u64,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits { max_decompressed_bytes: self.max_bytes, ..Limits::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_limit_is_that_of_the_ledger() {
        assert_eq!(DEFAULT_MAX_BYTES, Limits::default().max_decompressed_bytes);
    }
}
