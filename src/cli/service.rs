//! Shared by the service commands: settings, the asynchronous runtime, and exit codes of errors.

use std::ffi::OsString;
use std::future::Future;

use super::exit::Failure;
use super::options::{HomeArgs, path};
use crate::config::Config;
use crate::home::Home;
use crate::service::ServiceError;
use crate::telemetry;
use crate::transparency::retirement::RetirementError;

/// Settings and home.
#[derive(Debug, clap::Args)]
pub(super) struct ServiceArgs {
    /// Settings file; deploy/config/assay.toml shows every setting
    #[arg(long, value_name = "FILE", env = "ASSAY_CONFIG", hide_env_values = true)]
    config: Option<OsString>,

    #[command(flatten)]
    home: HomeArgs,
}

impl ServiceArgs {
    pub(super) fn home(&self) -> Result<Home, Failure> {
        self.home.home()
    }

    pub(super) fn config(&self) -> Result<Config, Failure> {
        load_config(self.config.as_ref())
    }
}

/// The settings of the file that `--config` or its variable names.
pub(super) fn load_config(given: Option<&OsString>) -> Result<Config, Failure> {
    let file = path(given, "--config", "ASSAY_CONFIG")?;
    Config::load(file.as_deref()).map_err(|e| Failure::usage(e.to_string()))
}

/// A runtime for the service's asynchronous part, with logs on standard error.
pub(super) fn runtime(config: &Config) -> Result<tokio::runtime::Runtime, Failure> {
    telemetry::start_logging(&config.log).map_err(|e| Failure::usage(e.to_string()))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::environment(format!("cannot start the runtime: {e}")))
}

/// Runs the service's asynchronous part.
pub(super) fn run<T>(config: &Config, work: impl Future<Output = Result<T, ServiceError>>) -> Result<T, Failure> {
    let runtime = runtime(config)?;
    let ended = runtime.block_on(work);
    // a compression cannot be interrupted, and nobody waits for it: another worker does it again
    runtime.shutdown_background();
    ended.map_err(Failure::from)
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Config(_) | ServiceError::Issuer(_) | ServiceError::Witness(_) => {
                Self::usage(error.to_string())
            }
            ServiceError::Retirement(
                RetirementError::Reason | RetirementError::SameName(_) | RetirementError::Name(_),
            ) => Self::usage(error.to_string()),
            _ => Self::environment(error.to_string()),
        }
    }
}
