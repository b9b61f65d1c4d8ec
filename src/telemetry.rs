//! Logs and metrics of the service. Neither may ever hold a balance, a salt, a token or an account reference: fields are
//! names of routes, states, ids of jobs and snapshots, counts and durations.

use std::{io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// The HTTP library logs every malformed request as an error, before any limit counts it.
const SILENCED: &str = "actix_http=off";
/// Upper ends of the buckets for durations.
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Interval between two turns of [`keep_metrics`].
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts logging to standard error. Only the first call in a process counts.
///
/// # Errors
/// [`ConfigError`] for a filter that is none.
pub fn start_logging(config: &LogConfig) -> Result<(), ConfigError> {
    let filter = filter(config)?;
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

/// The filter, without what callers could fill the log with.
fn filter(config: &LogConfig) -> Result<EnvFilter, ConfigError> {
    let wrong = |e: &dyn std::fmt::Display| ConfigError::new(format!("log.filter `{}`: {e}", config.filter));
    let silenced = SILENCED.parse().map_err(|e| wrong(&e))?;
    Ok(EnvFilter::try_new(&config.filter).map_err(|e| wrong(&e))?.add_directive(silenced))
}

/// Starts counting; the handle renders what was counted for Prometheus.
///
/// # Errors
/// [`ConfigError`] if another recorder counts already.
pub fn start_metrics() -> Result<PrometheusHandle, ConfigError> {
    builder()?.install_recorder().map_err(|e| ConfigError::new(format!("metrics: {e}")))
}

/// Durations are counted in fixed buckets, which take the same memory however many there were.
fn builder() -> Result<PrometheusBuilder, ConfigError> {
    PrometheusBuilder::new().set_buckets(&BUCKETS_SECONDS).map_err(|e| ConfigError::new(format!("metrics: {e}")))
}

/// Moves measured durations into their buckets until it is aborted. Without this, each takes memory until somebody scrapes.
pub async fn keep_metrics(handle: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn malformed_requests_are_not_logged_whatever_the_filter() {
        for text in ["info", "trace", "actix_http=trace,info"] {
            let (log, config) = (Log::default(), LogConfig { format: LogFormat::Json, filter: text.to_owned() });
            let writer = log.clone();
            let subscriber =
                tracing_subscriber::fmt().with_env_filter(filter(&config).unwrap()).with_writer(move || writer.clone());
            tracing::subscriber::with_default(subscriber.finish(), || {
                tracing::error!(target: "actix_http::h1::dispatcher", "stream error");
                tracing::info!("served");
            });
            let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            assert!(log.contains("served") && !log.contains("stream error"), "{text}: {log}");
        }
    }

    #[test]
    fn durations_are_counted_in_fixed_buckets() {
        let recorder = builder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..1000 {
                metrics::histogram!("assay_test_seconds").record(0.02);
            }
        });
        let text = handle.render();
        assert!(text.contains("assay_test_seconds_bucket{le=\"0.025\"} 1000"), "{text}");
        assert!(text.contains("assay_test_seconds_bucket{le=\"0.01\"} 0"), "{text}");
        assert!(!text.contains("quantile"), "{text}");
    }
}
