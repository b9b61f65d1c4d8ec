//! Logs and metrics of the service. Neither may ever hold a balance, a salt, a token or an account reference: fields are
//! names of routes, states, ids of jobs and snapshots, counts and durations.

use std::{convert::Infallible, io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Upper ends of the buckets for durations.
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Interval between two turns of [`keep_metrics`].
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts logging to standard error. Only the first call in a process counts.
///
/// # Errors
/// [`ConfigError`] for a filter that is none.
pub fn start_logging(config: &LogConfig) -> Result<(), ConfigError> {
    // a second logger in one process, as tests have it, is no error
    let _ = subscriber(config, std::io::stderr)?.try_init();
    Ok(())
}

/// What `config` lets through, written to `out`.
fn subscriber<W>(config: &LogConfig, out: W) -> Result<Box<dyn Subscriber + Send + Sync>, ConfigError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|e| ConfigError::new(format!("log.filter `{}`: {e}", config.filter)))?;
    // colours only where a person looks
    let lines = fmt::layer().with_writer(out).with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_admitted));
    Ok(match config.format {
        LogFormat::Json => {
            Box::new(registry.with(lines.json().flatten_event(true).with_current_span(true).with_span_list(false)))
        }
        LogFormat::Pretty => Box::new(registry.with(lines.compact().with_target(false))),
    })
}

/// Whether `event` is within the bound of the crate that logs it, whatever the filter says.
fn is_admitted(event: &Metadata<'_>) -> bool {
    *event.level() <= most_verbose(event.target().split("::").next().unwrap_or_default())
}

/// The most verbose level of a crate. Below [`LevelFilter::INFO`], libraries log what passes through them: tokio_postgres the
/// parameters of statements, which are account references and balances, hyper and actix heads of requests, which contain tokens.
fn most_verbose(krate: &str) -> LevelFilter {
    match krate {
        "assay" => LevelFilter::TRACE,
        _ if krate.starts_with("assay_") => LevelFilter::TRACE,
        // logs every malformed request as an error, before any limit counts it
        "actix_http" => LevelFilter::OFF,
        // logs the notices of the database at info, and those may quote what they are about
        "tokio_postgres" => LevelFilter::WARN,
        _ => LevelFilter::INFO,
    }
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
pub async fn keep_metrics(handle: PrometheusHandle) -> Infallible {
    let mut tick = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn libraries_log_nothing_below_info_whatever_the_filter_says() {
        for format in [LogFormat::Json, LogFormat::Pretty] {
            for filter in
                ["trace", "debug,tokio_postgres=trace", "off,tokio_postgres::query=trace,hyper=debug,assay=trace"]
            {
                let lines = Lines::default();
                let out = lines.clone();
                let config = LogConfig { format, filter: filter.to_owned() };
                tracing::subscriber::with_default(subscriber(&config, move || out.clone()).unwrap(), || {
                    tracing::debug!(target: "tokio_postgres::query", "executing with parameters: secret");
                    tracing::trace!(target: "hyper::proto", "authorization: secret");
                    tracing::debug!(target: "rustls::client", "secret");
                    tracing::trace!(target: "assayer", "secret");
                    let span = tracing::debug_span!(target: "actix_web", "request", token = "secret");
                    span.in_scope(|| tracing::trace!(target: "assay::api", "our own trace"));
                });
                let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
                assert!(text.contains("our own trace") || !filter.contains("assay=trace"), "{filter}: {text}");
                assert!(!text.contains("secret"), "{filter}: {text}");
            }
        }
    }

    #[test]
    fn what_libraries_say_at_info_is_logged() {
        let lines = Lines::default();
        let out = lines.clone();
        let config = LogConfig { format: LogFormat::Json, filter: "info".to_owned() };
        tracing::subscriber::with_default(subscriber(&config, move || out.clone()).unwrap(), || {
            tracing::info!(target: "graphile_worker", "a notice");
            tracing::debug!(target: "assay::api", "too much");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("a notice") && !text.contains("too much"), "{text}");
    }

    #[test]
    fn what_callers_and_the_database_say_is_not_logged_whatever_the_filter_says() {
        for filter in
            ["info", "trace", "actix_http=trace,tokio_postgres=trace,info", "actix_http::h1::dispatcher=error,info"]
        {
            let lines = Lines::default();
            let out = lines.clone();
            let config = LogConfig { format: LogFormat::Json, filter: filter.to_owned() };
            tracing::subscriber::with_default(subscriber(&config, move || out.clone()).unwrap(), || {
                tracing::error!(target: "actix_http::h1::dispatcher", "secret");
                tracing::info!(target: "tokio_postgres::connection", "NOTICE: secret");
                tracing::warn!(target: "tokio_postgres::connection", "a warning");
                tracing::info!("served");
            });
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("served") && !text.contains("secret"), "{filter}: {text}");
            assert!(text.contains("a warning"), "{filter}: {text}");
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
