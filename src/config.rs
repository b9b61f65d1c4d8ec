//! Settings of the service. In ascending precedence: defaults, settings file, `ASSAY_*` environment variables, command line.
//! `deploy/config/assay.toml` shows every setting; a test parses it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

mod bounds;
mod checks;
#[cfg(test)]
mod tests;

pub use bounds::BoundsConfig;
pub use checks::ConfigError;

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
    /// Address of the metrics of `assay serve`. Without it, no metrics are served.
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
    /// How far an upload or another request's body may fall behind its least rate.
    pub upload_idle_seconds: u64,
    /// Requests per minute from one address without a token; 0 means no limit.
    pub rate_limit_anonymous: u32,
    /// Requests per minute from one subject; 0 means no limit.
    pub rate_limit_subject: u32,
    /// How long a checked token is cached, at most 60; 0 checks the token of every request. Deleting a key ends its tokens anyway.
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
    /// The pages that people read.
    pub pages: PagesConfig,
    /// The transparency log.
    pub transparency: TransparencyConfig,
    /// Whose signatures may be added to attestations.
    pub countersigners: CountersignersConfig,
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
    /// Address of the metrics of `assay work`. Without it, no metrics are served. `assay serve --worker` has one address for all.
    pub metrics_listen: Option<SocketAddr>,
}

/// Settings of the pages that people read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagesConfig {
    /// Whether there are any.
    pub enabled: bool,
}

/// Settings of the transparency log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransparencyConfig {
    /// Name of the log; empty for the public address without its scheme, followed by `/log`.
    pub origin: String,
    /// Witnesses that are asked to cosign checkpoints, each with its verifier key, a space, and its address.
    pub witnesses: Vec<String>,
}

/// Settings of signatures by others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountersignersConfig {
    /// File with the keys (JWKS) whose countersignatures and opinions are taken; empty if none are.
    pub jwks_file: PathBuf,
}

impl CountersignersConfig {
    /// The file, if there is one.
    pub fn list(&self) -> Option<&Path> {
        Some(self.jwks_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}

/// Settings of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `json` or `pretty`.
    pub format: LogFormat,
    /// Filter in the syntax of `RUST_LOG`, e.g. `info,assay=debug`. Libraries log at most at info.
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
    pages: PagesConfig,
    transparency: TransparencyConfig,
    countersigners: CountersignersConfig,
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
                metrics_listen: None,
            },
            bounds: BoundsConfig::default(),
            pages: PagesConfig { enabled: true },
            transparency: TransparencyConfig::default(),
            countersigners: CountersignersConfig::default(),
            log: LogConfig { format: LogFormat::Json, filter: "info".to_owned() },
        }
    }
}

impl Config {
    /// Loads the settings: defaults, then `file`, then the environment (`ASSAY_LISTEN`; `ASSAY_WORKER__THREADS` for `threads` in
    /// the section `worker`; `DATABASE_URL`).
    ///
    /// # Errors
    /// [`ConfigError`] with the name of the setting; as [`Config::validate`].
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Defaults::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let own = Env::prefixed("ASSAY_").split("__").ignore(&["home", "config"]);
        let own = own.filter(|key| is_set(&format!("ASSAY_{}", key.as_str().replace('.', "__"))));
        let figment = figment.merge(Env::raw().only(&["DATABASE_URL"]).filter(|key| is_set(key.as_str()))).merge(own);
        let config: Self = figment.extract().map_err(|e| ConfigError::new(e.to_string()))?;
        config.validate()?;
        Ok(config)
    }

    /// Name of the transparency log.
    pub fn log_origin(&self) -> String {
        let own = &self.transparency.origin;
        let address = self.public_url.split_once("://").map_or(self.public_url.as_str(), |(_, address)| address);
        // a name cannot have a plus sign
        if own.is_empty() { format!("{}/log", address.replace('+', "-")) } else { own.clone() }
    }

    /// Checks every value that has a range, and those that must fit each other.
    ///
    /// # Errors
    /// [`ConfigError`] with the first value that does not fit: its key, the value, and what it must be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        // all names, so that a new setting is not forgotten here
        let Self {
            database_url,
            database_connections,
            listen,
            metrics_listen,
            public_url,
            cors_origins,
            upload_max_bytes,
            upload_max_decompressed_bytes,
            upload_max_ratio,
            upload_idle_seconds,
            // 0 means no limit, and any other number is one
            rate_limit_anonymous: _,
            rate_limit_subject: _,
            token_believed_seconds,
            // read, with its errors, where it is used: `api::trusted_proxies`
            trusted_proxies: _,
            promised_interval_seconds,
            queue_patience_seconds,
            shutdown_seconds,
            issuers,
            worker,
            bounds,
            // any value is one
            pages: PagesConfig { enabled: _ },
            transparency,
            // read, with its errors, where it is used: `api::attestations::Countersigners`
            countersigners: CountersignersConfig { jwks_file: _ },
            log,
        } = self;
        if let Some(url) = database_url {
            // the address contains a password, so it is not shown
            let parsed = url.expose_secret().parse::<tokio_postgres::Config>();
            parsed.map_err(|e| checks::refuse("database_url", "not shown", format_args!("postgres://…: {e}")))?;
        }
        // a job needs one for its transaction and one for its heartbeat
        checks::whole("database_connections", *database_connections, 2..=1000)?;
        if let Some(metrics) = metrics_listen.filter(|metrics| metrics == listen && listen.port() != 0) {
            return Err(checks::refuse("metrics_listen", metrics, "another address than listen"));
        }
        checks::public_address("public_url", public_url)?;
        cors_origins.iter().try_for_each(|origin| checks::origin("cors_origins", origin))?;
        checks::whole("upload_max_bytes", *upload_max_bytes, 1..=1 << 40)?;
        checks::whole("upload_max_decompressed_bytes", *upload_max_decompressed_bytes, 1..=1 << 44)?;
        checks::whole("upload_max_ratio", *upload_max_ratio, 1..=100_000)?;
        checks::whole("upload_idle_seconds", *upload_idle_seconds, 1..=3_600)?;
        checks::whole("token_believed_seconds", *token_believed_seconds, 0..=60)?;
        checks::whole("promised_interval_seconds", *promised_interval_seconds, 0..=TEN_YEARS)?;
        checks::whole("queue_patience_seconds", *queue_patience_seconds, 1..=TEN_YEARS)?;
        checks::whole("shutdown_seconds", *shutdown_seconds, 1..=3_600)?;
        issuers.iter().try_for_each(IssuerConfig::validate)?;
        let names: Vec<_> = issuers.iter().map(|issuer| &issuer.issuer).chain([public_url]).cloned().collect();
        checks::names("issuers.issuer", &names)?;
        worker.validate()?;
        bounds.validate(*upload_max_bytes)?;
        transparency.validate()?;
        log.validate()
    }
}

/// Ten years in seconds.
const TEN_YEARS: u64 = 315_360_000;

impl IssuerConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let Self { issuer, jwks_file, jwks_url, algorithms, exchange, scopes } = self;
        checks::text("issuers.issuer", issuer)?;
        let of = |key: &str| format!("issuers.{key} of {issuer}");
        match (jwks_file, jwks_url) {
            (Some(_), None) => {}
            (None, Some(url)) => checks::https(&of("jwks_url"), url)?,
            (None, None) => return Err(checks::refuse(&of("jwks_file"), "missing", "set, or jwks_url")),
            (Some(_), Some(url)) => return Err(checks::refuse(&of("jwks_url"), url, "left out beside jwks_file")),
        }
        checks::names(&of("algorithms"), algorithms)?;
        checks::names(&of("scopes"), scopes)?;
        match exchange {
            Some(exchange) => {
                if let Some(defect) = assay_core::domain::domain_defect(exchange) {
                    return Err(checks::refuse(&of("exchange"), assay_core::text::shown(exchange), defect));
                }
            }
            None if scopes.iter().any(|scope| scope == "inclusion:read") => {
                let expected = "the domain of one exchange, because an account reference is unique only within one, or \
                                inclusion:read left out of scopes";
                return Err(checks::refuse(&of("exchange"), "missing", expected));
            }
            None => {}
        }
        Ok(())
    }
}

impl WorkerConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            threads,
            units,
            checkpoint_seconds,
            heartbeat_seconds,
            dead_after_seconds,
            test_shapes: _,
            metrics_listen: _,
        } = self;
        checks::whole("worker.threads", *threads, 0..=4_096)?;
        checks::whole("worker.units", *units, 1..=256)?;
        checks::whole("worker.checkpoint_seconds", *checkpoint_seconds, 0..=86_400)?;
        checks::whole("worker.heartbeat_seconds", *heartbeat_seconds, 1..=3_600)?;
        // one heartbeat may come late
        checks::whole("worker.dead_after_seconds", *dead_after_seconds, 2 * heartbeat_seconds..=86_400)
    }
}

impl TransparencyConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let Self { origin, witnesses } = self;
        // each is read, with its errors, where it is used: `transparency::cosigners`
        if !witnesses.is_empty() {
            checks::names("transparency.witnesses", witnesses)?;
        }
        if origin.is_empty() {
            return Ok(());
        }
        checks::text("transparency.origin", origin)?;
        if origin.contains('+') {
            return Err(checks::refuse("transparency.origin", origin, "a name without a plus sign"));
        }
        Ok(())
    }
}

impl LogConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let Self { format: _, filter } = self;
        let expected = "a filter in the syntax of RUST_LOG, such as info,assay=debug";
        let shown = assay_core::text::shown(filter);
        if filter.trim().is_empty() {
            return Err(checks::refuse("log.filter", shown, expected));
        }
        let parsed = tracing_subscriber::EnvFilter::try_new(filter);
        parsed.map(drop).map_err(|e| checks::refuse("log.filter", shown, format_args!("{expected}: {e}")))
    }
}

/// Whether an environment variable is set. An empty one is not: unit files and compose files write `NAME=${NAME:-}`.
fn is_set(name: &str) -> bool {
    std::env::vars_os().any(|(found, value)| !value.is_empty() && found.eq_ignore_ascii_case(name))
}

impl Default for Config {
    fn default() -> Self {
        let figment = Figment::from(Serialized::defaults(Defaults::default()));
        figment.extract().expect("the defaults are complete; a test loads them")
    }
}
