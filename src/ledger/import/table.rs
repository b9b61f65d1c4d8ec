//! What the adapters for CSV tables have in common.

use std::collections::HashMap;
use std::path::PathBuf;

use super::adapter::ImportError;
use super::origins::Place;
use super::target::{Import, Target};
use crate::ledger::finding::{Environment, Findings};
use crate::ledger::limits::MAX_ACCOUNT_BYTES;
use crate::ledger::lines::Table;
use crate::ledger::source::Source;
use assay_core::text::{difference, fold, name_defect, shown};

/// Maximum length of a line.
const LINE_BYTES: usize = 1 << 20;

/// The columns of a header, each with its number.
pub(super) struct Header(Vec<String>);

impl Header {
    /// Reads the header of a table; `None`, with a finding, if it cannot be read or names a column twice.
    pub(super) fn read(
        table: &mut Table<'_>,
        file: &str,
        findings: &mut Findings,
    ) -> Result<Option<Self>, Environment> {
        if !table.read_header(findings)? {
            return Ok(None);
        }
        let columns: Vec<String> = table.fields().iter().map(str::to_owned).collect();
        let twice = columns.iter().enumerate().find(|(place, name)| columns[..*place].contains(name));
        if let Some((place, name)) = twice {
            findings.add(file, Some(1), format_args!("column {}, {}, is there twice", place + 1, shown(name)));
            return Ok(None);
        }
        table.expect_columns(columns.len());
        Ok(Some(Self(columns)))
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    /// The number of a column.
    ///
    /// # Errors
    /// That there is none of this name, with the columns there are and the option that names another.
    pub(super) fn find(&self, name: &str, option: &str) -> Result<usize, String> {
        if let Some(place) = self.0.iter().position(|column| column == name) {
            return Ok(place);
        }
        let near = self.0.iter().find(|column| fold(column) == fold(name));
        let near = near.map(|near| format!("; {} differs from it only in {}", shown(near), difference(near, name)));
        Err(format!(
            "has no column {}{}. The columns are {}; {option} names another one",
            shown(name),
            near.unwrap_or_default(),
            shown(&self.0.join(","))
        ))
    }
}

/// The accounts of all files, each with the place where it first stands.
#[derive(Default)]
pub(super) struct Seen(HashMap<String, (String, Place)>);

impl Seen {
    /// Notes an account. `Ok(true)` if it is new.
    ///
    /// # Errors
    /// Why it cannot be an account, or that it reads like another one.
    pub(super) fn note(&mut self, account: &str, line: u64, target: &Target<'_>) -> Result<bool, String> {
        if let Some(defect) = name_defect(account, MAX_ACCOUNT_BYTES) {
            return Err(format!("account {} {defect}", shown(account)));
        }
        match self.0.get(fold(account).as_ref()) {
            Some((other, _)) if other == account => Ok(false),
            Some((other, first)) => Err(format!(
                "account {} differs from account {} in {} only in {}",
                shown(account),
                shown(other),
                target.named(*first),
                difference(account, other)
            )),
            None => {
                self.0.insert(fold(account).into_owned(), (account.to_owned(), target.place_at(line)));
                Ok(true)
            }
        }
    }

    /// Notes an account that has one row in all files.
    ///
    /// # Errors
    /// As [`note`](Self::note), or that it has a second row.
    pub(super) fn only_row(&mut self, account: &str, line: u64, target: &Target<'_>) -> Result<(), String> {
        match self.note(account, line, target) {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("account {} has a second row", shown(account))),
            Err(reason) => Err(reason),
        }
    }
}

/// A table whose header was read.
pub(super) struct OpenTable<'t> {
    pub(super) table: Table<'t>,
    pub(super) header: Header,
    /// Name of the file.
    pub(super) file: &'t str,
}

/// Hands each file that has a header to `read`, whose rows then come from it.
pub(super) fn each_table(
    paths: &[PathBuf],
    import: &mut Import<'_>,
    mut read: impl FnMut(&mut OpenTable<'_>, &mut Import<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    for path in paths {
        let source = Source::new(path);
        let mut table = Table::open(&source, LINE_BYTES, &import.options.limits, import.progress)?;
        table.allow_unterminated();
        import.target.begin_file(&source);
        let Some(header) = Header::read(&mut table, &source.name, &mut import.findings)? else { continue };
        let mut open = OpenTable { table, header, file: &source.name };
        read(&mut open, import)?;
        note_end(&open.table, open.file, &mut import.target);
    }
    Ok(())
}

/// Says that a file ends without a line end, so that its last amount may be cut off.
fn note_end(table: &Table<'_>, file: &str, target: &mut Target<'_>) {
    if table.unterminated() {
        target.note(format!("{file} ends without a line end; if it is incomplete, its last amount is wrong"));
    }
}
