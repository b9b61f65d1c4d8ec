//! Settings of the service. In ascending precedence: defaults, settings file, `ASSAY_*` environment variables, command line.
//! `deploy/config/assay.toml` shows every setting; a test parses it.

use std::{net::SocketAddr, path::PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// All settings. Durations are in seconds, sizes in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Connection to PostgreSQL. Without it, a private cluster in the home directory is used.
    #[serde(default)]
    pub database_url: Option<SecretString>,
    /// Maximum number of connections to PostgreSQL.
    pub database_connections: usize,
    /// Address of the REST API.
    pub listen: SocketAddr,
    /// Address of the metrics. Without it, no metrics are served.
    pub metrics_listen: Option<SocketAddr>,
    /// Public address of the service; also the issuer and the audience of its own tokens.
    pub public_url: String,
    /// Origins of web pages that may call the API (CORS).
    pub cors_origins: Vec<String>,
    /// Maximum size of an uploaded file.
    pub upload_max_bytes: u64,
    /// Maximum size of a decompressed file.
    pub upload_max_decompressed_bytes: u64,
    /// Maximum decompression ratio of a file.
    pub upload_max_ratio: u32,
    /// Longest wait for the next part of an upload.
    pub upload_idle_seconds: u64,
    /// Requests per minute from one address without a token; 0 means no limit.
    pub rate_limit_anonymous: u32,
    /// Requests per minute from one subject; 0 means no limit.
    pub rate_limit_subject: u32,
    /// How long a checked token is cached, at most 60; 0 checks the token of every request.
    pub token_believed_seconds: u64,
    /// Addresses or networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<String>,
    /// Maximum age of the newest attestation; `/readyz` fails above it. 0 disables this check.
    pub promised_interval_seconds: u64,
    /// Longest wait of a due task without a worker heartbeat; `/readyz` fails above it.
    pub queue_patience_seconds: u64,
    /// Time for requests to finish at shutdown.
    pub shutdown_seconds: u64,
    /// Additional issuers of tokens.
    pub issuers: Vec<IssuerConfig>,
    /// The worker.
    pub worker: WorkerConfig,
    /// Bounds on what callers may hold.
    pub bounds: BoundsConfig,
    /// Logging.
    pub log: LogConfig,
}

/// An additional issuer of tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Exactly as in the claim `iss`.
    pub issuer: String,
    /// File with the issuer's keys (JWKS).
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// Address of the issuer's keys (JWKS), https only.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Allowed algorithms: EdDSA, ES256.
    pub algorithms: Vec<String>,
    /// Domain of the only exchange that the issuer's tokens may be for. Without it, they may be for any exchange.
    #[serde(default)]
    pub exchange: Option<String>,
    /// Scopes that the issuer's tokens may have.
    pub scopes: Vec<String>,
}

/// Settings of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// Number of threads for proving; 0 uses all cores but one.
    pub threads: usize,
    /// Number of units (shards of a ledger) that the worker takes at once. They share the threads.
    pub units: usize,
    /// Seconds between two checkpoints of a fold.
    pub checkpoint_seconds: u64,
    /// Seconds between two heartbeats.
    pub heartbeat_seconds: u64,
    /// Seconds without a heartbeat after which a worker is considered dead.
    pub dead_after_seconds: u64,
    /// Whether shapes that are made for tests are allowed.
    pub test_shapes: bool,
}

/// Bounds on what callers may hold, in all, from one address or for one exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundsConfig {
    /// Maximum number of connections to the API.
    pub connections: u64,
    /// Maximum number of connections from one address; trusted proxies are exempt.
    pub connections_per_address: u64,
    /// Longest time for one upload.
    pub upload_seconds: u64,
    /// Least rate of an upload, on average.
    pub upload_bytes_per_second: u64,
    /// Maximum size of the files of one exchange that are not part of a published attestation.
    pub exchange_bytes: u64,
    /// Maximum number of unsealed snapshots of one exchange.
    pub exchange_open_snapshots: u32,
    /// Days after which an unsealed snapshot, or the files of one whose jobs have all failed, are deleted.
    pub snapshot_days: u32,
    /// Space that uploads leave free on the disk of a private database.
    pub disk_reserve_bytes: u64,
}

impl Default for BoundsConfig {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            upload_seconds: 6 * 60 * 60,
            upload_bytes_per_second: 64 << 10,
            exchange_bytes: 64 << 30,
            exchange_open_snapshots: 16,
            snapshot_days: 30,
            disk_reserve_bytes: 2 << 30,
        }
    }
}

impl BoundsConfig {
    /// # Errors
    /// [`ConfigError`] for a bound that lets nobody in, or that other parts of the service cannot keep.
    fn check(&self, upload_max_bytes: u64) -> Result<(), ConfigError> {
        let within = |name: &str, value: u64, least: u64, most: u64| {
            let wrong = || ConfigError(format!("bounds.{name} is {value}; it must be from {least} to {most}"));
            if (least..=most).contains(&value) { Ok(()) } else { Err(wrong()) }
        };
        within("connections", self.connections, 16, 1 << 20)?;
        within("connections_per_address", self.connections_per_address, 1, self.connections)?;
        // what interrupted uploads leave behind is swept after a day
        within("upload_seconds", self.upload_seconds, 60, 12 * 60 * 60)?;
        within("upload_bytes_per_second", self.upload_bytes_per_second, 1, 1 << 30)?;
        within("exchange_bytes", self.exchange_bytes, upload_max_bytes, 1 << 60)?;
        within("exchange_open_snapshots", self.exchange_open_snapshots.into(), 1, 100_000)?;
        within("snapshot_days", self.snapshot_days.into(), 1, 36_500)?;
        within("disk_reserve_bytes", self.disk_reserve_bytes, 0, 1 << 60)
    }
}

/// Settings of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `json` or `pretty`.
    pub format: LogFormat,
    /// Filter in the syntax of `RUST_LOG`, e.g. `info,assay=debug`.
    pub filter: String,
}

/// Format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object for each line.
    Json,
    /// Readable by people.
    Pretty,
}

/// Default settings.
#[derive(Debug, Serialize)]
struct Defaults {
    database_connections: usize,
    listen: SocketAddr,
    metrics_listen: Option<SocketAddr>,
    public_url: String,
    cors_origins: Vec<String>,
    upload_max_bytes: u64,
    upload_max_decompressed_bytes: u64,
    upload_max_ratio: u32,
    upload_idle_seconds: u64,
    rate_limit_anonymous: u32,
    rate_limit_subject: u32,
    token_believed_seconds: u64,
    trusted_proxies: Vec<String>,
    promised_interval_seconds: u64,
    queue_patience_seconds: u64,
    shutdown_seconds: u64,
    issuers: Vec<IssuerConfig>,
    worker: WorkerConfig,
    bounds: BoundsConfig,
    log: LogConfig,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            database_connections: 16,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            public_url: "http://127.0.0.1:8080".to_owned(),
            cors_origins: Vec::new(),
            upload_max_bytes: 8 << 30,
            upload_max_decompressed_bytes: 64 << 30,
            upload_max_ratio: 200,
            upload_idle_seconds: 30,
            rate_limit_anonymous: 600,
            rate_limit_subject: 1200,
            token_believed_seconds: 5,
            trusted_proxies: Vec::new(),
            promised_interval_seconds: 0,
            queue_patience_seconds: 300,
            shutdown_seconds: 30,
            issuers: Vec::new(),
            worker: WorkerConfig {
                threads: 0,
                units: 1,
                checkpoint_seconds: 30,
                heartbeat_seconds: 5,
                dead_after_seconds: 60,
                test_shapes: false,
            },
            bounds: BoundsConfig::default(),
            log: LogConfig { format: LogFormat::Json, filter: "info".to_owned() },
        }
    }
}

/// A setting that is missing, unknown or of the wrong type.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error with a sentence for the operator.
    pub(crate) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

impl Config {
    /// Loads the settings: defaults, then `file`, then the environment (`ASSAY_LISTEN`; `ASSAY_WORKER__THREADS` for `threads` in
    /// the section `worker`; `DATABASE_URL`).
    ///
    /// # Errors
    /// [`ConfigError`] with the name and the source of the setting.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Defaults::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let own = Env::prefixed("ASSAY_").split("__").ignore(&["home", "config"]);
        let figment = figment.merge(Env::raw().only(&["DATABASE_URL"])).merge(own);
        let config: Self = figment.extract().map_err(|e| ConfigError(e.to_string()))?;
        config.bounds.check(config.upload_max_bytes)?;
        Ok(config)
    }
}

impl Default for Config {
    fn default() -> Self {
        let figment = Figment::from(Serialized::defaults(Defaults::default()));
        figment.extract().expect("the defaults are complete; a test loads them")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_documented_sample_is_the_defaults_and_names_every_setting() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/config/assay.toml");
        let sample: toml::Table = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut defaults = toml::Table::try_from(Defaults::default()).unwrap();
        let issuers = sample["issuers"].as_array().unwrap().clone();
        assert_eq!(issuers.len(), 1);
        defaults.insert("issuers".to_owned(), issuers.into());
        // what has no default is shown as a comment
        let mut shown = sample.clone();
        shown.insert("metrics_listen".to_owned(), sample["metrics_listen"].clone());
        defaults.insert("metrics_listen".to_owned(), sample["metrics_listen"].clone());
        assert_eq!(shown, defaults);
        let config = Figment::from(Serialized::defaults(Defaults::default())).merge(Toml::file_exact(&file));
        let config: Config = config.extract().unwrap();
        assert_eq!(config.issuers[0].algorithms, ["ES256"]);
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("assay.toml");
        std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
        let error = Config::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("listne"), "{error}");
    }

    #[test]
    fn a_bound_out_of_range_is_named_with_its_range() {
        let check = |change: fn(&mut BoundsConfig)| {
            let mut bounds = BoundsConfig::default();
            change(&mut bounds);
            bounds.check(8 << 30).unwrap_err().to_string()
        };
        for (error, name) in [
            (check(|b| b.connections = 0), "bounds.connections is 0"),
            (check(|b| b.connections_per_address = 0), "bounds.connections_per_address is 0"),
            (check(|b| b.connections_per_address = 5000), "from 1 to 4096"),
            (check(|b| b.upload_seconds = 86_400), "bounds.upload_seconds is 86400"),
            (check(|b| b.upload_bytes_per_second = 0), "bounds.upload_bytes_per_second is 0"),
            (check(|b| b.exchange_bytes = 1), "bounds.exchange_bytes is 1"),
            (check(|b| b.exchange_open_snapshots = 0), "bounds.exchange_open_snapshots is 0"),
            (check(|b| b.snapshot_days = 0), "bounds.snapshot_days is 0"),
            (check(|b| b.disk_reserve_bytes = u64::MAX), "bounds.disk_reserve_bytes is"),
        ] {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn the_defaults_are_complete() {
        let config = Config::default();
        config.bounds.check(config.upload_max_bytes).unwrap();
        assert!(config.database_url.is_none());
        assert_eq!(config.worker.threads, 0);
    }
}
