//! Writes a snapshot directory atomically: the files go to a hidden directory beside the final one, are synced to disk, and then
//! get the final name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::accounts::ACCOUNTS_HEADER;
use super::assets::{ASSETS_HEADER, Asset};
use super::balances::BALANCES_HEADER;
use super::classes::CLASSES_HEADER;
use super::collateral::COLLATERAL_HEADER;
use super::directory::is_ledger;
use super::finding::Environment;
use super::instruments::INSTRUMENTS_HEADER;
use super::manifest::{Manifest, Rows};
use super::manifest_form::MANIFEST;
use super::position_limits::LIMITS_HEADER;
use super::positions::POSITIONS_HEADER;
use super::reserve_lines::SHORT_COLUMNS;
use super::tiers::{TIERS_BY_KIND_HEADER, TIERS_HEADER};
use crate::{
    durable::{self, Access},
    files,
};
use assay_core::lines::LINE_COLUMNS;

/// Why no snapshot directory was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The directory exists already; nothing is overwritten.
    #[error("{} exists already; choose another name or move the existing directory", .0.display())]
    Exists(PathBuf),
    /// The directory would be inside a ledger, which has files only.
    #[error("{} is inside the ledger {}; choose a place outside", .0.display(), .1.display())]
    InLedger(PathBuf, PathBuf),
    /// The hidden directory of another run exists.
    #[error("{} exists: another run is writing it, or a run was interrupted; remove it if no run is active", .0.display())]
    Unfinished(PathBuf),
    /// An argument is not valid.
    #[error("{0}")]
    Argument(String),
    /// The environment failed.
    #[error(transparent)]
    Environment(#[from] Environment),
}

type CsvFile = csv::Writer<BufWriter<File>>;

/// Writes a snapshot directory. If dropped before [`finish`](Self::finish), it leaves nothing behind.
#[derive(Debug)]
pub struct SnapshotWriter {
    out: PathBuf,
    staging: PathBuf,
    accounts: CsvFile,
    balances: CsvFile,
    /// The optional files, each with its number of rows so far.
    others: BTreeMap<&'static str, (CsvFile, u64)>,
    rows: Rows,
    finished: bool,
}

impl SnapshotWriter {
    /// Starts writing the directory `out`. A parent that does not exist is made.
    ///
    /// # Errors
    /// If `out` or the hidden directory beside it exists or cannot be written.
    pub fn create(out: &Path) -> Result<Self, WriteError> {
        let exists = out.try_exists().map_err(Environment::at(out))?;
        let Some(name) = out.file_name().filter(|_| !exists) else {
            return Err(WriteError::Exists(out.to_owned()));
        };
        if let Some(ledger) = files::enclosing(out, is_ledger) {
            return Err(WriteError::InLedger(out.to_owned(), ledger));
        }
        if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(Environment::at(parent))?;
        }
        let staging = out.with_file_name(format!(".{}.partial", name.to_string_lossy()));
        fs::create_dir(&staging).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Unfinished(staging.clone()),
            _ => Environment { path: staging.clone(), source }.into(),
        })?;
        let opened = open(&staging, "accounts.csv", &ACCOUNTS_HEADER)
            .and_then(|accounts| Ok((accounts, open(&staging, "balances.csv", &BALANCES_HEADER)?)));
        match opened {
            Ok((accounts, balances)) => Ok(Self {
                out: out.to_owned(),
                staging,
                accounts,
                balances,
                others: BTreeMap::new(),
                rows: Rows { accounts: Some(0), balances: Some(0), ..Rows::default() },
                finished: false,
            }),
            Err(error) => {
                // keep the first error
                let _ = fs::remove_dir_all(&staging);
                Err(error)
            }
        }
    }

    /// Adds a row to accounts.csv.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn account(&mut self, account: &str, class: u8) -> Result<(), WriteError> {
        count(&mut self.rows.accounts);
        let row = [account, &class.to_string()];
        put(&mut self.accounts, &self.staging.join("accounts.csv"), &row)
    }

    /// Adds a row to balances.csv; equity and debt are decimal text.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn balance(&mut self, account: &str, symbol: &str, equity: &str, debt: &str) -> Result<(), WriteError> {
        count(&mut self.rows.balances);
        let row = [account, symbol, equity, debt];
        put(&mut self.balances, &self.staging.join("balances.csv"), &row)
    }

    /// Adds a row to reserves.csv: asset, chain, address, amount, height, message, signature. Without rows, the file is
    /// not written; the same applies to the files below.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn reserve(&mut self, fields: &[&str; 7]) -> Result<(), WriteError> {
        self.add("reserves.csv", &LINE_COLUMNS[..SHORT_COLUMNS], fields)
    }

    /// Adds a row to classes.csv: class, name, kyc_level, jurisdiction.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn class(&mut self, fields: &[&str; 4]) -> Result<(), WriteError> {
        self.add("classes.csv", &CLASSES_HEADER, fields)
    }

    /// Adds a row to instruments.csv: symbol, contract_size, mark_price, maintenance_margin_bps.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn instrument(&mut self, fields: &[&str; 4]) -> Result<(), WriteError> {
        self.add("instruments.csv", &INSTRUMENTS_HEADER, fields)
    }

    /// Adds a row to limits.csv: instrument, class, side, limit.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn limit(&mut self, fields: &[&str; 4]) -> Result<(), WriteError> {
        self.add("limits.csv", &LIMITS_HEADER, fields)
    }

    /// Adds a row to tiers.csv of a ledger with one kind of collateral: asset, from, to, percent.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn tier(&mut self, fields: &[&str; 4]) -> Result<(), WriteError> {
        self.add("tiers.csv", &TIERS_HEADER, fields)
    }

    /// Adds a row to tiers.csv of a ledger with several kinds: asset, kind, from, to, percent. A ledger has rows of one form.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn tier_by_kind(&mut self, fields: &[&str; 5]) -> Result<(), WriteError> {
        self.add("tiers.csv", &TIERS_BY_KIND_HEADER, fields)
    }

    /// Adds a row to positions.csv: account, instrument, quantity.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn position(&mut self, fields: &[&str; 3]) -> Result<(), WriteError> {
        self.add("positions.csv", &POSITIONS_HEADER, fields)
    }

    /// Adds a row to collateral.csv: account, asset, kind, amount.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn collateral(&mut self, fields: &[&str; 4]) -> Result<(), WriteError> {
        self.add("collateral.csv", &COLLATERAL_HEADER, fields)
    }

    /// Writes collateral.csv even without rows: then nothing is collateral. Without the file, all equity would be.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin_collateral(&mut self) -> Result<(), WriteError> {
        self.begin("collateral.csv", &COLLATERAL_HEADER).map(|_| ())
    }

    fn begin(&mut self, name: &'static str, header: &[&str]) -> Result<&mut (CsvFile, u64), WriteError> {
        match self.others.entry(name) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert((open(&self.staging, name, header)?, 0))),
        }
    }

    fn add(&mut self, name: &'static str, header: &[&str], row: &[&str]) -> Result<(), WriteError> {
        let path = self.staging.join(name);
        let (file, rows) = self.begin(name, header)?;
        *rows += 1;
        put(file, &path, row)
    }

    /// Rows of an optional file.
    fn rows_of(&self, name: &str) -> Option<u64> {
        self.others.get(name).map(|(_, rows)| *rows)
    }

    /// Writes the assets and the manifest with its row counts, syncs everything and gives the directory its name.
    ///
    /// # Errors
    /// If the disk refuses it, or something took the name in the meantime.
    pub fn finish(mut self, assets: &[Asset], manifest: Manifest) -> Result<(), WriteError> {
        self.stage(assets, manifest)?;
        self.publish()
    }

    /// Where the files are until the directory has its name.
    pub(crate) fn staging(&self) -> &Path {
        &self.staging
    }

    /// Writes the assets and the manifest with its row counts, and syncs everything.
    pub(crate) fn stage(&mut self, assets: &[Asset], mut manifest: Manifest) -> Result<(), WriteError> {
        manifest.rows = Some(Rows {
            reserves: self.rows_of("reserves.csv"),
            classes: self.rows_of("classes.csv"),
            instruments: self.rows_of("instruments.csv"),
            limits: self.rows_of("limits.csv"),
            tiers: self.rows_of("tiers.csv"),
            positions: self.rows_of("positions.csv"),
            collateral: self.rows_of("collateral.csv"),
            ..self.rows
        });
        let mut file = open(&self.staging, "assets.csv", &ASSETS_HEADER)?;
        let path = self.staging.join("assets.csv");
        for asset in assets {
            let price = asset.price.map(|price| price.to_string()).unwrap_or_default();
            put(&mut file, &path, &[&asset.symbol, &asset.scale.to_string(), &price, &asset.quote])?;
        }
        sync(&mut file, &path)?;
        sync(&mut self.accounts, &self.staging.join("accounts.csv"))?;
        sync(&mut self.balances, &self.staging.join("balances.csv"))?;
        for (name, (file, _)) in &mut self.others {
            sync(file, &self.staging.join(name))?;
        }
        let path = self.staging.join(MANIFEST);
        let text = toml::to_string(&manifest)
            .map_err(|error| WriteError::Argument(format!("the manifest cannot be written as TOML: {error}")))?;
        durable::create_new(&path, Access::Public, text.as_bytes()).map_err(Environment::at(&path))?;
        Ok(())
    }

    /// Gives the directory its name.
    pub(crate) fn publish(mut self) -> Result<(), WriteError> {
        durable::name_directory(&self.staging, &self.out).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Exists(self.out.clone()),
            _ => Environment { path: self.out.clone(), source }.into(),
        })?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody is left to tell; the next run says so if the folder is still there.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

fn count(rows: &mut Option<u64>) {
    *rows = Some(rows.unwrap_or(0) + 1);
}

fn open(folder: &Path, name: &str, header: &[&str]) -> Result<CsvFile, WriteError> {
    let path = folder.join(name);
    let file = File::create_new(&path).map_err(Environment::at(&path))?;
    let mut file = csv::Writer::from_writer(BufWriter::with_capacity(1 << 16, file));
    put(&mut file, &path, header)?;
    Ok(file)
}

fn put(file: &mut CsvFile, path: &Path, row: &[&str]) -> Result<(), WriteError> {
    file.write_record(row).map_err(|error| Environment::at(path)(error.into()).into())
}

fn sync(file: &mut CsvFile, path: &Path) -> Result<(), WriteError> {
    file.flush()
        .and_then(|()| file.get_ref().get_ref().sync_all())
        .map_err(|source| Environment::at(path)(source).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_writer_that_is_dropped_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = SnapshotWriter::create(&dir.path().join("out")).unwrap();
        writer.account("alice", 0).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_writer_does_not_touch_the_first_one_s_files() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let first = SnapshotWriter::create(&out).unwrap();
        let refused = SnapshotWriter::create(&out).unwrap_err();
        assert!(matches!(refused, WriteError::Unfinished(_)), "{refused}");
        assert!(first.staging.join("accounts.csv").exists());
    }

    #[test]
    fn whatever_stands_at_the_name_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let refused = SnapshotWriter::create(dir.path()).unwrap_err();
        assert!(matches!(refused, WriteError::Exists(_)), "{refused}");
        let nowhere = Path::new("/dev/null/missing/out");
        let refused = SnapshotWriter::create(nowhere).unwrap_err();
        assert!(matches!(refused, WriteError::Environment(_)), "{refused}");
    }

    #[test]
    fn a_parent_that_does_not_exist_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let writer = SnapshotWriter::create(&dir.path().join("new/below/out")).unwrap();
        assert!(writer.staging().join("accounts.csv").exists());
    }
}
