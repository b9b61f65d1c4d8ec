//! Logs and metrics of the service. Neither may ever hold a balance, a salt, a token or an account reference: fields are
//! names of routes, states, ids of jobs and snapshots, counts and durations.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Starts logging to standard error. Only the first call in a process counts.
///
/// # Errors
/// [`ConfigError`] for a filter that is none.
pub fn start_logging(config: &LogConfig) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|e| ConfigError::new(format!("log.filter `{}`: {e}", config.filter)))?;
    // colours only where a person looks
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // a second logger in one process, as tests have it, is no error
    let _ = match config.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Pretty => builder.compact().with_target(false).try_init(),
    };
    Ok(())
}

/// Starts counting; the handle renders what was counted for Prometheus.
///
/// # Errors
/// [`ConfigError`] if another recorder counts already.
pub fn start_metrics() -> Result<PrometheusHandle, ConfigError> {
    PrometheusBuilder::new().install_recorder().map_err(|e| ConfigError::new(format!("metrics: {e}")))
}
