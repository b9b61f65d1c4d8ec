//! The files of a snapshot directory. An unknown file is an error: a version that does not read position limits must not call a
//! ledger with position limits valid.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Environment, Findings};
use super::manifest::{Manifest, is_key_file};
use super::manifest_form::MANIFEST;
use super::source::Source;

/// The files that were found. A missing file is `None`; a missing required file is a finding.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) manifest: Option<PathBuf>,
    pub(crate) assets: Option<Source>,
    pub(crate) accounts: Option<Source>,
    pub(crate) balances: Option<Source>,
    pub(crate) reserves: Option<Source>,
    pub(crate) classes: Option<Source>,
    pub(crate) instruments: Option<Source>,
    pub(crate) limits: Option<Source>,
    pub(crate) tiers: Option<Source>,
    pub(crate) positions: Option<Source>,
    pub(crate) collateral: Option<Source>,
    /// Names of files that may be the one of keys that the manifest names.
    key_files: Vec<String>,
}

impl Files {
    /// Reports files of which the manifest, unless it cannot be read, says nothing.
    pub(crate) fn report_unknown(&self, manifest: Option<&Manifest>, findings: &mut Findings) {
        let Some(manifest) = manifest else { return };
        let named = manifest.reserves.as_ref().and_then(|rules| rules.custodians.as_deref());
        for name in self.key_files.iter().filter(|name| Some(name.as_str()) != named) {
            findings.add(name, None, UNKNOWN);
        }
    }
}

const UNKNOWN: &str = "is not a known file of a snapshot";

/// The tables of a ledger, without the manifest.
const TABLES: [&str; 10] = [
    "assets",
    "accounts",
    "balances",
    "reserves",
    "classes",
    "instruments",
    "limits",
    "tiers",
    "positions",
    "collateral",
];

/// The table of a file name, compressed or not.
pub(crate) fn table_of(name: &str) -> Option<&'static str> {
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let stem = plain.strip_suffix(".csv")?;
    TABLES.into_iter().find(|table| *table == stem)
}

/// Whether a directory looks like a ledger: it has a manifest and a table of accounts or balances.
pub fn is_ledger(dir: &Path) -> bool {
    let there = |name: &str| dir.join(name).is_file();
    let table = |name: &str| ["", ".gz", ".zst"].iter().any(|end| there(&format!("{name}.csv{end}")));
    there(MANIFEST) && (table("accounts") || table("balances"))
}

pub(crate) fn list(dir: &Path, findings: &mut Findings) -> Result<Files, Environment> {
    let mut files = Files::default();
    let mut paths = fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(Environment::at(dir))?;
    // the operating system lists files in any order; findings need a fixed order
    paths.sort();
    for path in paths {
        let source = Source::new(&path);
        let name = source.name.as_str();
        if name.starts_with('.') || ["README", "README.md", "README.txt"].contains(&name) {
            continue;
        }
        if !fs::metadata(&path).map_err(Environment::at(&path))?.is_file() {
            findings.add(name, None, "is not a regular file; a snapshot contains only files");
            continue;
        }
        if name == MANIFEST {
            files.manifest = Some(path);
            continue;
        }
        let slot = match table_of(name) {
            Some("assets") => &mut files.assets,
            Some("accounts") => &mut files.accounts,
            Some("balances") => &mut files.balances,
            Some("reserves") => &mut files.reserves,
            Some("classes") => &mut files.classes,
            Some("instruments") => &mut files.instruments,
            Some("limits") => &mut files.limits,
            Some("tiers") => &mut files.tiers,
            Some("positions") => &mut files.positions,
            Some("collateral") => &mut files.collateral,
            None if is_key_file(name) => {
                files.key_files.push(source.name);
                continue;
            }
            _ => {
                findings.add(name, None, UNKNOWN);
                continue;
            }
        };
        match slot {
            Some(first) => {
                findings.add(name, None, format_args!("contains the same table as {}; remove one of them", first.name))
            }
            None => *slot = Some(source),
        }
    }
    for (name, missing) in [
        (MANIFEST, files.manifest.is_none()),
        ("assets.csv", files.assets.is_none()),
        ("accounts.csv", files.accounts.is_none()),
        ("balances.csv", files.balances.is_none()),
    ] {
        if missing {
            findings.add(name, None, "is missing");
        }
    }
    for (file, needed, there) in [
        (&files.limits, "instruments.csv", files.instruments.is_some()),
        (&files.positions, "instruments.csv", files.instruments.is_some()),
        (&files.collateral, "tiers.csv", files.tiers.is_some()),
    ] {
        if let Some(file) = file
            && !there
        {
            findings.add(&file.name, None, format_args!("needs {needed}, which is missing"));
        }
    }
    Ok(files)
}
