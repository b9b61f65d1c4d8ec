//! Logs and metrics of the service. Neither may ever hold a balance, a salt, a token or an account reference: fields are
//! names of routes, states, ids of jobs and snapshots, counts and durations.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    filter::filter_fn,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{ConfigError, LogConfig, LogFormat};

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

/// Whatever the filter says, only this project's own modules log more than [`Level::INFO`]. Below it, libraries log what passes
/// through them: tokio_postgres the parameters of statements, which are account references and balances, hyper and actix heads
/// of requests, which contain tokens.
fn is_admitted(event: &Metadata<'_>) -> bool {
    let own = event.target().split("::").next().is_some_and(|krate| krate == "assay" || krate.starts_with("assay_"));
    own || *event.level() <= Level::INFO
}

/// Starts counting; the handle renders what was counted for Prometheus.
///
/// # Errors
/// [`ConfigError`] if another recorder counts already.
pub fn start_metrics() -> Result<PrometheusHandle, ConfigError> {
    PrometheusBuilder::new().install_recorder().map_err(|e| ConfigError::new(format!("metrics: {e}")))
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
}
