//! Published files for the tests of adapters.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use super::{Columns, Format, Identity, ImportError, ImportSummary, Options, import};
use crate::ledger::{Limits, Snapshot, check};
use crate::progress::Silent;

/// Units and prices of two assets.
pub(super) const ASSETS: &str = "symbol,scale,price,quote\nBTC,8,65000,USD\nUSDT,6,1,USD\n";

/// A directory with files, and how they are imported.
pub(super) struct Files {
    pub(super) dir: tempfile::TempDir,
    pub(super) options: Options,
    /// Name of the file of assets; used if it is there.
    pub(super) assets: Option<&'static str>,
}

pub(super) fn options() -> Options {
    Options {
        exchange: Identity { name: "Example".to_owned(), domain: "exchange.example".to_owned(), lei: None },
        snapshot_id: "s-1".to_owned(),
        taken_at: "2023-10-01T00:00:00Z".to_owned(),
        assets: None,
        decimals: None,
        columns: Columns::default(),
        limits: Limits::default(),
    }
}

impl Files {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), options: options(), assets: Some("assets.csv") }
    }

    pub(super) fn with(self, name: &str, content: &str) -> Self {
        fs::write(self.dir.path().join(name), content).unwrap();
        self
    }

    pub(super) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub(super) fn import(&self, format: Format, names: &[&str]) -> Result<ImportSummary, ImportError> {
        let paths: Vec<_> = names.iter().map(|name| self.dir.path().join(name)).collect();
        let assets = self.assets.map(|name| self.dir.path().join(name)).filter(|path| path.exists());
        import(format, &paths, &self.out(), &Options { assets, ..self.options.clone() }, &Silent)
    }

    /// The ledger that was written.
    pub(super) fn checked(&self) -> Snapshot {
        check(&self.out(), &Limits::default(), &Silent).unwrap()
    }

    /// All findings; nothing may be left on the disk.
    pub(super) fn refused(&self, format: Format, names: &[&str]) -> String {
        let before = fs::read_dir(self.dir.path()).unwrap().count();
        let refused = match self.import(format, names) {
            Err(ImportError::NotValid(findings)) => findings.to_string(),
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(fs::read_dir(self.dir.path()).unwrap().count(), before);
        refused
    }
}
