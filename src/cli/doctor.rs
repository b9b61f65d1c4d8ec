//! `assay doctor`: can this machine do what it is asked to?

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_programs::{
    disclosure::{Disclosure, SHAPE},
    ledger::{Ledger, shape::Shape},
    purpose::Purpose,
};
use rustix::fs::{Access, access};
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt::set_socket_reuseaddr};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, runtime};
use crate::api::{attestations::Countersigners, trusted_proxies};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::descriptors;
use crate::files::free_bytes;
use crate::home::Home;
use crate::pg::Cluster;
use crate::service::compare_home;
use crate::store::{
    Store, StoreError,
    diagnosis::diagnose,
    home_fingerprints::{NotedFingerprints, noted_fingerprints},
};
use crate::tokens::{KeyRing, TokenVerifier};
use crate::transparency::{
    cosigners::Cosigner,
    judge::{OwnLog, SigningError, judge},
    mark::Mark,
    signer::verifier_key,
};

const EXAMPLES: &str = "\
Tries everything that `assay serve` and `assay work` need, short of listening, and changes nothing: settings, home directory, disk,
database, master secret, keys, transparency log, keys of other issuers and countersigners, addresses, parameters, memory and open files. Each line says what to do if the
check fails.

JSON: {healthy, findings: [{name, ok, detail}]}

Examples:
  assay doctor
  DATABASE_URL=postgres://assay@db/assay assay doctor --config /etc/assay/assay.toml

Exit codes: 0 all checks pass, 2 a setting is wrong, 3 a check fails.";

/// Check that this machine can run the service
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Serialize)]
struct Diagnosis {
    healthy: bool,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    name: &'static str,
    ok: bool,
    detail: String,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (home, config) = (args.service.home()?, args.service.config()?);
    let runtime = runtime(&config)?;
    let mut findings = Vec::new();
    let mut look = |name, found: Result<String, String>| {
        let (ok, detail) = found.map_or_else(|reason| (false, reason), |detail| (true, detail));
        findings.push(Finding { name, ok, detail });
    };
    look("settings", settings(&config));
    look("home", home_directory(home.dir()));
    look("disk", disk(&home, &config));
    let (database, noted) = match runtime.block_on(database(&home, &config)) {
        Ok((detail, noted)) => (Ok(detail), noted),
        Err(reason) => (Err(reason), NotedFingerprints::default()),
    };
    look("database", database);
    let keys = KeyRing::open(&home.keys_dir(), SystemClock.now()).map_err(|e| e.to_string());
    look("master secret", master_secret(&home, &config));
    look("keys", keys.as_ref().map_err(String::clone).and_then(own_keys));
    look("home and database", keys.as_ref().map_err(String::clone).and_then(|keys| belongs(&home, keys, &noted)));
    let log = keys.as_ref().map_err(String::clone);
    look("transparency log", log.and_then(|keys| runtime.block_on(transparency_log(&home, &config, keys))));
    look("issuers", keys.and_then(|keys| issuers(&config, keys)));
    look("countersigners", countersigners(&config));
    look("listen", address(config.listen, "/healthz"));
    if let Some(metrics) = config.metrics_listen {
        look("metrics_listen", address(metrics, "/metrics"));
    }
    if let Some(metrics) = config.worker.metrics_listen {
        look("worker.metrics_listen", address(metrics, "/metrics"));
    }
    look("parameters", parameters(&home));
    look("memory", memory());
    look("open files", open_files(&config));
    let diagnosis = Diagnosis { healthy: findings.iter().all(|f| f.ok), findings };
    if args.json {
        output::json(&diagnosis)?;
    } else {
        let line = |f: &Finding| format!("{} {}: {}", if f.ok { "✓" } else { "✗" }, f.name, f.detail);
        output::lines(diagnosis.findings.iter().map(line))?;
    }
    Ok(if diagnosis.healthy { Exit::Ok } else { Exit::Environment })
}

/// Everything else about the settings was checked when they were loaded.
fn settings(config: &Config) -> Result<String, String> {
    trusted_proxies(config).map_err(|e| e.to_string())?;
    Ok(format!("public_url is {}", config.public_url))
}

/// The directory, or where it will be.
fn existing(dir: &Path) -> &Path {
    let exists = |dir: &&Path| dir.as_os_str().is_empty() || dir.exists();
    dir.ancestors().find(exists).filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn home_directory(dir: &Path) -> Result<String, String> {
    let shown = dir.display();
    let found = match fs::metadata(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => format!("{shown} will be created"),
        Err(e) => return Err(format!("{shown}: {e}")),
        Ok(found) if !found.is_dir() => return Err(format!("{shown} is not a directory")),
        Ok(found) if found.permissions().mode() & 0o022 != 0 => {
            return Err(format!("{shown}: other users can write there; run chmod 700"));
        }
        Ok(_) => shown.to_string(),
    };
    // what is missing is made beside what is there
    for place in ["", "keys", "log", "postgres", "work", "parameters", "snapshots"].map(|name| dir.join(name)) {
        if place.is_symlink() && !place.exists() {
            return Err(format!("{} is a link that leads nowhere", place.display()));
        }
        let place = existing(&place);
        access(place, Access::WRITE_OK | Access::EXEC_OK).map_err(|e| format!("{}: {e}", place.display()))?;
        if !place.is_dir() {
            return Err(format!("{} is not a directory", place.display()));
        }
    }
    Ok(found)
}

/// A checkpoint of the largest shape, its scratch and the parameters need about this much.
const LEAST_FREE_MIB: u64 = 1024;

/// The space where each part of the home is. A part may be a link to another disk.
fn disk(home: &Home, config: &Config) -> Result<String, String> {
    let dir = home.dir();
    let mut parts = vec![(dir.to_owned(), LEAST_FREE_MIB)];
    parts.extend([home.work_dir(), dir.join("parameters")].map(|part| (part, LEAST_FREE_MIB)));
    if config.database_url.is_none() {
        // below its reserve, the service takes no uploads
        let reserve = config.bounds.disk_reserve_bytes >> 20;
        parts.push((home.postgres_dir().join("postgres"), reserve.max(LEAST_FREE_MIB)));
    }
    let (mut devices, mut said) = (Vec::new(), Vec::new());
    for (part, least) in &parts {
        let place = existing(part);
        let failed = |e: std::io::Error| format!("{}: {e}", place.display());
        let device = fs::metadata(place).map_err(failed)?.dev();
        let mib = free_bytes(place).map_err(failed)? >> 20;
        if mib < *least {
            return Err(format!("{}: {mib} MiB are free; {least} MiB are needed", place.display()));
        }
        if !devices.contains(&device) {
            devices.push(device);
            said.push(format!("{mib} MiB are free in {}", place.display()));
        }
    }
    Ok(said.join(", "))
}

fn master_secret(home: &Home, config: &Config) -> Result<String, String> {
    if home.secret_file().symlink_metadata().is_ok() {
        let secret = home.existing_secret().map_err(|e| e.to_string())?;
        return Ok(format!("fingerprint {}; it must be the same on all machines of a service", secret.fingerprint()));
    }
    // a private database that does not run cannot be asked for the fingerprint
    if config.database_url.is_none() && home.postgres_dir().join("postgres").exists() {
        return Err(format!(
            "{} is missing, and there is a database that was made with it",
            home.secret_file().display()
        ));
    }
    Ok("will be created at the first start; all machines of a service need the same one".to_owned())
}

fn own_keys(keys: &KeyRing) -> Result<String, String> {
    if let Some(defect) = keys.defects().first() {
        return Err(format!("a key cannot be used: {defect}"));
    }
    match keys.jwks(SystemClock.now())["keys"].as_array().map_or(0, Vec::len) {
        0 => Ok("will be created at the first start".to_owned()),
        number => {
            keys.check_signing().map_err(|e| e.to_string())?;
            Ok(format!("{number} published"))
        }
    }
}

fn belongs(home: &Home, keys: &KeyRing, noted: &NotedFingerprints) -> Result<String, String> {
    compare_home(home, keys, noted).map_err(|e| e.to_string())?;
    Ok(match &noted.master_secret {
        Some(_) => "the database was made with this master secret and this statement key".to_owned(),
        None => "nothing is noted yet".to_owned(),
    })
}

fn issuers(config: &Config, keys: KeyRing) -> Result<String, String> {
    let verifier = TokenVerifier::from_config(config, Arc::new(keys)).map_err(|e| e.to_string())?;
    match verifier.warm(SystemClock.now()).as_slice() {
        [] => Ok(format!("{} besides this service", config.issuers.len())),
        defects => Err(defects.join("; ")),
    }
}

/// Whether the next checkpoint may be signed. Signs nothing.
/// Whether the list of those who may sign about attestations can be read.
fn countersigners(config: &Config) -> Result<String, String> {
    let list = config.countersigners.list();
    Countersigners::read(list)?;
    Ok(list.map_or_else(|| "none: nobody can add a signature".to_owned(), |path| path.display().to_string()))
}

async fn transparency_log(home: &Home, config: &Config, keys: &KeyRing) -> Result<String, String> {
    config
        .transparency
        .witnesses
        .iter()
        .try_for_each(|text| Cosigner::parse(text).map(drop))
        .map_err(|e| e.to_string())?;
    let mark = Mark::of(home);
    let marked = mark.read().map_err(|e| e.to_string())?;
    let Some(url) = database_address(home, config)? else {
        return Ok("will be checked when the database runs".to_owned());
    };
    let look = async {
        let store = Store::connect(&url, 1).await?;
        store.check().await?;
        let key = verifier_key(keys, &config.log_origin(), &SystemClock)?;
        let client = store.read().await?;
        let (origin, is_named) = (&config.log_origin(), !config.transparency.origin.is_empty());
        judge(&client, OwnLog { origin, is_named, key: key.map(|key| *key.key()) }, &mark).await
    };
    match look.await {
        Ok(standing) => Ok(format!(
            "{} has {} entries, and a checkpoint of {} is signed and marked; {}",
            config.log_origin(),
            standing.size,
            marked.map_or_else(|| "none".to_owned(), |marked| marked.checkpoint().size.to_string()),
            match config.transparency.witnesses.len() {
                0 => "no witnesses: only this home's mark protects the log".to_owned(),
                1 => "1 witness is asked".to_owned(),
                witnesses => format!("{witnesses} witnesses are asked"),
            }
        )),
        Err(SigningError::Store(error @ StoreError::Corrupt(_))) => Err(error.to_string()),
        // a database that cannot be asked is said above
        Err(SigningError::Store(_)) => Ok("will be checked when the database runs".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The address of the database, if one is set or a private one runs.
fn database_address(home: &Home, config: &Config) -> Result<Option<String>, String> {
    match &config.database_url {
        Some(url) => Ok(Some(url.expose_secret().to_owned())),
        None => Ok(Cluster::inspect(&home.postgres_dir()).map_err(|e| e.to_string())?.url),
    }
}

/// Whether the address can be listened on, which is not done. A service that runs already is no fault.
fn address(address: SocketAddr, path: &str) -> Result<String, String> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let bound = socket(family, SocketType::STREAM, None).and_then(|socket| {
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)
    });
    let Err(error) = bound else { return Ok(format!("{address} is free")) };
    let reached = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(2))).build().into();
    let url = format!("http://{}{path}", SocketAddr::new(reached, address.port()));
    if error == rustix::io::Errno::ADDRINUSE && agent.get(url).call().is_ok_and(|answer| answer.status() == 200) {
        return Ok(format!("a service answers at {address} already"));
    }
    Err(format!("{address}: {error}"))
}

fn parameters(home: &Home) -> Result<String, String> {
    let dir = home.dir().join("parameters");
    if let Err(e) = fs::read_dir(&dir)
        && e.kind() != ErrorKind::NotFound
    {
        return Err(format!("{}: {e}", dir.display()));
    }
    let released = Shape::catalogue().iter().filter(|shape| shape.purpose == Purpose::Release);
    let kept = released.filter(|shape| home.has_parameters::<Ledger>(shape));
    let disclosure = home.has_parameters::<Disclosure>(&SHAPE).then_some(SHAPE.name);
    let names: Vec<_> = kept.map(|shape| shape.name).chain(disclosure).collect();
    if names.is_empty() {
        return Ok("none cached yet; the first proof with a shape derives them".to_owned());
    }
    Ok(format!("cached for {}", names.join(", ")))
}

/// What the database is, and what it has noted.
async fn database(home: &Home, config: &Config) -> Result<(String, NotedFingerprints), String> {
    let (url, detail) = match &config.database_url {
        Some(url) => (Some(url.expose_secret().to_owned()), String::new()),
        None => {
            let found = Cluster::inspect(&home.postgres_dir()).map_err(|e| e.to_string())?;
            let place = found.dir.map_or_else(|| "will be created".to_owned(), |dir| format!("in {}", dir.display()));
            (found.url, format!("private, {place}, with {}", found.programs.display()))
        }
    };
    let Some(url) = url else { return Ok((detail, NotedFingerprints::default())) };
    let looked = async {
        let store = Store::connect(&url, 1).await?;
        store.check().await?;
        let client = store.read().await?;
        let may = diagnose(&client, config.database_connections).await?;
        Ok::<_, crate::store::StoreError>((may, noted_fingerprints(&client).await?))
    };
    match looked.await {
        Ok((may, noted)) if detail.is_empty() => Ok((format!("answers and has the required schema; {may}"), noted)),
        Ok((_, noted)) => Ok((format!("{detail}; it runs"), noted)),
        // a private server that is not there is started
        Err(_) if !detail.is_empty() => Ok((detail, NotedFingerprints::default())),
        Err(error) => Err(error.to_string()),
    }
}

fn open_files(config: &Config) -> Result<String, String> {
    let limits = descriptors::limits().map_err(|e| e.to_string())?;
    let (room, wanted) = (limits.for_connections(config.database_connections), config.bounds.connections);
    if room < wanted {
        return Err(format!(
            "the limit of {} admits {room} connections, bounds.connections asks for {wanted}; raise it (LimitNOFILE=, ulimit -Hn)",
            limits.hard
        ));
    }
    Ok(format!("{} now, {} once started; enough for {wanted} connections", limits.soft, limits.hard))
}

/// The largest shape needs 2 GiB to prove.
fn memory() -> Result<String, String> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:")).unwrap_or_default();
    let mib = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024;
    match mib {
        0 => Ok("unknown".to_owned()),
        1..=3071 => Err(format!("{mib} MiB are free; the largest shapes need 3 GiB, so choose a -64 shape")),
        _ => Ok(format!("{mib} MiB are free")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn too_few_open_files_for_the_connections_are_found() {
        let mut config = Config::default();
        config.bounds.connections = 16;
        assert!(open_files(&config).unwrap().contains("16 connections"));
        config.bounds.connections = u64::MAX;
        assert!(open_files(&config).unwrap_err().contains("LimitNOFILE"));
    }
}
