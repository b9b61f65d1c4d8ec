//! Settings as they are documented, and every range at both of its ends.

#![allow(clippy::unwrap_used)]

use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};

use super::*;

#[test]
fn the_documented_sample_is_the_defaults_and_names_every_setting() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/config/assay.toml");
    let sample: toml::Table = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut defaults = toml::Table::try_from(Defaults::default()).unwrap();
    let issuers = sample["issuers"].as_array().unwrap().clone();
    assert_eq!(issuers.len(), 1);
    defaults.insert("issuers".to_owned(), issuers.into());
    // what has no default is shown with an example
    defaults.insert("metrics_listen".to_owned(), sample["metrics_listen"].clone());
    let worker = defaults["worker"].as_table_mut().unwrap();
    worker.insert("metrics_listen".to_owned(), sample["worker"]["metrics_listen"].clone());
    assert_eq!(sample, defaults);
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
fn the_defaults_are_complete() {
    let config = Config::default();
    assert!(config.database_url.is_none());
    assert_eq!(config.worker.threads, 0);
}

/// The error of the defaults with one change.
fn refused(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::default();
    change(&mut config);
    config.validate().unwrap_err().to_string()
}

fn accepted(change: impl FnOnce(&mut Config)) {
    let mut config = Config::default();
    change(&mut config);
    config.validate().unwrap();
}

/// Each number at the ends of its range and just outside.
macro_rules! ranges {
    ($($($field:ident).+: $low:expr, $high:expr;)*) => {
        #[test]
        fn every_number_has_a_range_and_its_error_names_key_value_and_range() {
            $(
                let key = stringify!($($field).+).replace(' ', "");
                for inside in [$low, $high] {
                    accepted(|config| config.$($field).+ = inside);
                }
                // of the field's own type
                let mut outside = [Config::default().$($field).+; 2];
                (outside[0], outside[1]) = ($low, $high);
                (outside[0], outside[1]) = (outside[0].wrapping_sub(1), outside[1] + 1);
                for value in outside {
                    let error = refused(|config| config.$($field).+ = value);
                    assert!(error.contains(&format!("{key} is {value}; it must be from {}", $low)), "{error}");
                    assert!(error.contains(&$high.to_string()), "{error}");
                }
            )*
        }
    };
}

ranges! {
    database_connections: 2, 1000;
    upload_max_decompressed_bytes: 1, 1u64 << 44;
    upload_max_ratio: 1, 100_000;
    upload_idle_seconds: 1, 3_600;
    token_believed_seconds: 0, 60;
    promised_interval_seconds: 0, 315_360_000;
    queue_patience_seconds: 1, 315_360_000;
    shutdown_seconds: 1, 3_600;
    worker.threads: 0, 4_096;
    worker.units: 1, 256;
    worker.checkpoint_seconds: 0, 86_400;
    worker.dead_after_seconds: 10, 86_400;
    bounds.connections_per_address: 1, 4_096;
    bounds.upload_seconds: 60, 43_200;
    bounds.upload_bytes_per_second: 1, 1u64 << 30;
    bounds.exchange_bytes: 8u64 << 30, 1u64 << 60;
    bounds.exchange_open_snapshots: 1, 100_000;
    bounds.snapshot_days: 1, 36_500;
    bounds.disk_reserve_bytes: 0, 1u64 << 60;
}

#[test]
fn a_worker_is_not_dead_between_two_heartbeats() {
    accepted(|config| (config.worker.heartbeat_seconds, config.worker.dead_after_seconds) = (30, 60));
    let error = refused(|config| (config.worker.heartbeat_seconds, config.worker.dead_after_seconds) = (31, 60));
    assert!(error.contains("worker.dead_after_seconds is 60; it must be from 62"), "{error}");
    for wrong in [0, 3_601] {
        let error = refused(|config| config.worker.heartbeat_seconds = wrong);
        assert!(error.contains(&format!("worker.heartbeat_seconds is {wrong}; it must be from 1 to 3600")), "{error}");
    }
}

#[test]
fn the_largest_file_has_room_in_its_exchange() {
    accepted(|config| config.upload_max_bytes = 1);
    accepted(|config| (config.upload_max_bytes, config.bounds.exchange_bytes) = (1 << 40, 1 << 40));
    for wrong in [0, (1 << 40) + 1] {
        let error = refused(|config| (config.upload_max_bytes, config.bounds.exchange_bytes) = (wrong, 1 << 60));
        assert!(error.contains(&format!("upload_max_bytes is {wrong}; it must be from 1 to 1099511627776")), "{error}");
    }
    let error = refused(|config| config.upload_max_bytes = 1 << 40);
    assert!(error.contains("bounds.exchange_bytes is 68719476736; it must be from 1099511627776 to"), "{error}");
}

#[test]
fn one_address_has_at_most_all_connections() {
    for right in [16, 1 << 20] {
        accepted(|config| (config.bounds.connections, config.bounds.connections_per_address) = (right, 16));
    }
    for wrong in [0, 15, (1 << 20) + 1] {
        let error = refused(|config| config.bounds.connections = wrong);
        assert!(error.contains(&format!("bounds.connections is {wrong}; it must be from 16 to 1048576")), "{error}");
    }
    let error = refused(|config| config.bounds.connections = 16);
    assert!(error.contains("bounds.connections_per_address is 256; it must be from 1 to 16"), "{error}");
}

#[test]
fn the_public_address_is_one_that_clients_can_open() {
    for right in ["http://127.0.0.1:8080", "https://assay.example", "https://a.example/assay", "http://[::1]:9000"] {
        accepted(|config| config.public_url = right.to_owned());
    }
    let long = format!("https://{}.example", "x".repeat(250));
    for wrong in [
        "",
        "assay.example",
        "//assay.example",
        "ftp://assay.example",
        "https://",
        "https://:8080",
        "https://assay.example/",
        "https://assay.example:99999",
        "https://assay.example:0",
        "https://user@assay.example",
        "https://assay.example?x=1",
        "https://assay.example#x",
        "https://assay.example x",
        "https://börse.example",
        &long,
    ] {
        let error = refused(|config| config.public_url = wrong.to_owned());
        assert!(error.contains("public_url is ") && error.contains("it must be"), "{wrong}: {error}");
    }
}

#[test]
fn origins_are_written_as_browsers_send_them() {
    for right in ["*", "https://www.exchange.example", "http://localhost:3000", "http://[::1]:3000"] {
        accepted(|config| config.cors_origins = vec![right.to_owned()]);
    }
    for wrong in [
        "",
        "null",
        "www.exchange.example",
        "https://www.exchange.example/",
        "https://www.exchange.example/app",
        "https://WWW.exchange.example",
        "https://www.exchange.example:443",
        "http://www.exchange.example:80",
        "https://*.exchange.example",
        "https://user@exchange.example",
        "https://a.example https://b.example",
        "not an origin",
        "https://a.example\nx",
    ] {
        let error = refused(|config| config.cors_origins = vec!["*".to_owned(), wrong.to_owned()]);
        assert!(error.contains("cors_origins is ") && error.contains("it must be"), "{wrong}: {error}");
    }
}

#[test]
fn two_listeners_need_two_addresses() {
    let error = refused(|config| config.metrics_listen = Some(config.listen));
    assert!(error.contains("metrics_listen is 127.0.0.1:8080; it must be another address"), "{error}");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    accepted(|config| (config.listen, config.metrics_listen) = (any, Some(any)));
}

#[test]
fn an_address_of_a_database_is_refused_without_its_password() {
    accepted(|config| {
        config.database_url = Some("postgres://assay@db.internal/assay?sslmode=require".to_owned().into())
    });
    for wrong in ["postgres://assay:geheim@db:port/assay", "postgres://assay:geheim@db/assay?unknown=1", "geheim"] {
        let error = refused(|config| config.database_url = Some(wrong.to_owned().into()));
        assert!(error.contains("database_url") && !error.contains("geheim"), "{error}");
    }
}

#[test]
fn a_filter_of_the_log_is_one() {
    accepted(|config| config.log.filter = "info,assay=debug".to_owned());
    for wrong in ["", "  ", "assay=loud", "info,,=,="] {
        let error = refused(|config| config.log.filter = wrong.to_owned());
        assert!(error.contains("log.filter is ") && error.contains("it must be"), "{wrong}: {error}");
    }
}

fn issuer() -> IssuerConfig {
    IssuerConfig {
        issuer: "https://id.exchange.example".to_owned(),
        jwks_file: Some("jwks.json".into()),
        jwks_url: None,
        algorithms: vec!["ES256".to_owned()],
        exchange: Some("exchange.example".to_owned()),
        scopes: vec!["inclusion:read".to_owned()],
    }
}

#[test]
fn an_issuer_that_cannot_work_is_refused_with_its_name() {
    accepted(|config| config.issuers = vec![issuer()]);
    accepted(|config| {
        config.issuers = vec![IssuerConfig { exchange: None, scopes: vec!["audit:read".to_owned()], ..issuer() }];
    });
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for (wrong, key) in [
        (IssuerConfig { issuer: String::new(), ..issuer() }, "issuers.issuer is"),
        (IssuerConfig { issuer: "a b".to_owned(), ..issuer() }, "issuers.issuer is"),
        (IssuerConfig { issuer: Config::default().public_url, ..issuer() }, "issuers.issuer is"),
        (IssuerConfig { jwks_file: None, ..issuer() }, "issuers.jwks_file of https://id.exchange.example is missing"),
        (IssuerConfig { jwks_url: Some("https://id.example".to_owned()), ..issuer() }, "issuers.jwks_url of"),
        (
            IssuerConfig { jwks_file: None, jwks_url: Some("http://id.example".to_owned()), ..issuer() },
            "issuers.jwks_url of",
        ),
        (IssuerConfig { jwks_file: None, jwks_url: Some("https://".to_owned()), ..issuer() }, "issuers.jwks_url of"),
        (IssuerConfig { algorithms: vec![], ..issuer() }, "issuers.algorithms of"),
        (IssuerConfig { algorithms: list(&["ES256", "ES256"]), ..issuer() }, "issuers.algorithms of"),
        (IssuerConfig { scopes: vec![], ..issuer() }, "issuers.scopes of"),
        (IssuerConfig { exchange: None, ..issuer() }, "issuers.exchange of https://id.exchange.example is missing"),
        (IssuerConfig { exchange: Some("Exchange.example".to_owned()), ..issuer() }, "issuers.exchange of"),
        (IssuerConfig { exchange: Some("https://exchange.example".to_owned()), ..issuer() }, "issuers.exchange of"),
    ] {
        let error = refused(|config| config.issuers = vec![wrong]);
        assert!(error.contains(key) && error.contains("it must be"), "{key}: {error}");
    }
    let twice = refused(|config| config.issuers = vec![issuer(), issuer()]);
    assert!(twice.contains("issuers.issuer is"), "{twice}");
}

#[test]
fn a_file_with_a_value_out_of_range_is_refused_when_it_is_loaded() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("assay.toml");
    std::fs::write(&file, "upload_idle_seconds = 0\n").unwrap();
    let error = Config::load(Some(&file)).unwrap_err().to_string();
    assert!(error.contains("upload_idle_seconds is 0; it must be from 1 to 3600"), "{error}");
}
