//! `assay doctor`: can this machine do what it is asked to?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assay_programs::{
    disclosure::{Disclosure, SHAPE},
    ledger::{Ledger, shape::Shape},
    purpose::Purpose,
};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output;
use super::service::{ServiceArgs, runtime};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::descriptors;
use crate::home::Home;
use crate::pg::Cluster;
use crate::store::Store;
use crate::tokens::{KeyRing, TokenVerifier};

const EXAMPLES: &str = "\
Checks settings, home directory, keys, database and memory, and changes nothing. Each line says what to do if the check fails.

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
    let mut findings = Vec::new();
    let mut look = |name, found: Result<String, String>| {
        let (ok, detail) = found.map_or_else(|reason| (false, reason), |detail| (true, detail));
        findings.push(Finding { name, ok, detail });
    };
    look("home", home_directory(home.dir()));
    look("master secret", master_secret(&home));
    look("keys", keys(&home, &config));
    look("parameters", Ok(parameters(&home)));
    look("database", database(&config));
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

fn home_directory(dir: &Path) -> Result<String, String> {
    let shown = dir.display();
    match fs::metadata(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(format!("{shown} will be created")),
        Err(e) => Err(format!("{shown}: {e}")),
        Ok(found) if !found.is_dir() => Err(format!("{shown} is not a directory")),
        Ok(found) if found.permissions().mode() & 0o022 != 0 => {
            Err(format!("{shown}: other users can write there; run chmod 700"))
        }
        Ok(_) => Ok(shown.to_string()),
    }
}

fn master_secret(home: &Home) -> Result<String, String> {
    if !home.secret_file().exists() {
        return Ok("will be created at the first start; all machines of a service need the same one".to_owned());
    }
    let secret = home.existing_secret().map_err(|e| e.to_string())?;
    Ok(format!("fingerprint {}; it must be the same on all machines of a service", secret.fingerprint()))
}

fn keys(home: &Home, config: &Config) -> Result<String, String> {
    let now = SystemClock.now();
    let keys = std::sync::Arc::new(KeyRing::open(&home.keys_dir(), now).map_err(|e| e.to_string())?);
    let published = match keys.jwks(now)["keys"].as_array().map_or(0, Vec::len) {
        0 => "will be created at the first start".to_owned(),
        number => format!("{number} published"),
    };
    TokenVerifier::from_config(config, keys).map_err(|e| e.to_string())?;
    Ok(format!("{published}, {} other issuers", config.issuers.len()))
}

fn parameters(home: &Home) -> String {
    let released = Shape::catalogue().iter().filter(|shape| shape.purpose == Purpose::Release);
    let kept = released.filter(|shape| home.has_parameters::<Ledger>(shape));
    let disclosure = home.has_parameters::<Disclosure>(&SHAPE).then_some(SHAPE.name);
    let names: Vec<_> = kept.map(|shape| shape.name).chain(disclosure).collect();
    if names.is_empty() {
        return "none cached yet; the first proof with a shape derives them".to_owned();
    }
    format!("cached for {}", names.join(", "))
}

fn database(config: &Config) -> Result<String, String> {
    let Some(url) = &config.database_url else {
        let found = Cluster::find_programs().map_err(|e| e.to_string())?;
        return Ok(format!("private, with {}", found.display()));
    };
    let runtime = runtime(config).map_err(|f| f.sentence)?;
    let looked = runtime.block_on(async {
        let store = Store::connect(url.expose_secret(), 1).await?;
        store.check().await
    });
    looked.map(|()| "answers and has the required schema".to_owned()).map_err(|e| e.to_string())
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
