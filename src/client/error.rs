//! Why the client has no result.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the client has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is none, or a token must not be sent there.
    #[error("--to {address} {reason}")]
    Address {
        /// The address, quoted.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds no token.
    #[error("{}: {reason}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        reason: &'static str,
    },
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// No connection was made.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// The address of the service.
        address: String,
        /// Why.
        reason: String,
    },
    /// The service could be reached before, and did not answer for as long as the client waits.
    #[error("{address} was lost for {} s: {reason}; run the command again to go on", waited.as_secs())]
    Lost {
        /// The address of the service.
        address: String,
        /// How long the client tried.
        waited: Duration,
        /// The last reason.
        reason: String,
    },
    /// The service asks for more patience than the client has.
    #[error("{address} asks to wait {} s ({reason}); run the command again then", wait.as_secs())]
    Busy {
        /// The address of the service.
        address: String,
        /// How long.
        wait: Duration,
        /// Why.
        reason: String,
    },
    /// The service sends its callers to another address.
    #[error("{address} redirects to {target}, and no redirect is followed; give the service's own address with --to")]
    Redirect {
        /// The requested address.
        address: String,
        /// Where it leads to.
        target: String,
    },
    /// What answers is no service of this kind.
    #[error("{address} answered {status} and not as an Assay service does; check --to")]
    NotTheService {
        /// The requested address.
        address: String,
        /// The status of the answer.
        status: u16,
    },
    /// The service says that it took something in, and does not give it out.
    #[error("{address}: the service says that it took the signature in, and does not give it out: ask its operator")]
    NotGivenOut {
        /// The requested address.
        address: String,
    },
    /// The service refuses the token.
    #[error("the service does not accept the token ({status}): {reason}")]
    NotAllowed {
        /// 401 or 403.
        status: u16,
        /// What the service says.
        reason: String,
    },
    /// The service refuses the request.
    #[error("{what}: the service answered {status}: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The status of the answer.
        status: u16,
        /// The problem's type, such as `snapshot-exists`.
        kind: String,
        /// What the service says, with its findings.
        reason: String,
    },
    /// The service has another ledger under the snapshot's id.
    #[error("snapshot {id} of the service {reason}")]
    OtherLedger {
        /// The id of the snapshot in the service.
        id: String,
        /// How it differs.
        reason: String,
    },
    /// The manifest has no JSON.
    #[error("manifest.toml cannot be written as JSON: {0}")]
    Manifest(String),
}

impl ClientError {
    /// Exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { kind, .. }
                if matches!(kind.as_str(), "invalid-snapshot" | "snapshot-time" | "damaged-file") =>
            {
                1
            }
            Self::Refused { status: 500.., .. } => 3,
            Self::Address { .. }
            | Self::Token { .. }
            | Self::Redirect { .. }
            | Self::NotAllowed { .. }
            | Self::Refused { .. }
            | Self::OtherLedger { .. } => 2,
            Self::File { .. }
            | Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Busy { .. }
            | Self::NotTheService { .. }
            | Self::NotGivenOut { .. }
            | Self::Manifest(_) => 3,
        }
    }

    pub(super) fn is_kind(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind == wanted)
    }
}
