//! `accounts.csv`: `account,class`, or only `account`. It lists every account exactly once, with or without balances. An account
//! without a class has class 0.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::classes::{Classes, known_class, parse_class};
use super::finding::{Environment, Findings};
use super::limits::{Limits, MAX_ACCOUNT_BYTES};
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::names::Refused;
use super::source::Source;
use crate::progress::Progress;
use assay_core::text::{difference, fold, latin_twin, name_defect, shown};

pub(crate) const ACCOUNTS_HEADER: [&str; 2] = ["account", "class"];
const WITHOUT_CLASSES: [&str; 1] = ["account"];

/// All accounts in file order: the concatenated references with their end offsets, and an index by reference. It needs about 15
/// bytes for each account in addition to the references.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    text: String,
    ends: Vec<usize>,
    classes: Vec<u8>,
    /// Account numbers, hashed by folded reference. The same table finds accounts and look-alikes. The operating system seeds the
    /// hash, so that nobody can prepare colliding references; no result depends on it.
    index: HashTable<u32>,
    hasher: RandomState,
    refused: Refused,
}

impl Accounts {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, account: u32) -> &str {
        reference(&self.text, &self.ends, account)
    }

    pub(crate) fn class(&self, account: u32) -> u8 {
        self.classes[account as usize]
    }

    pub(crate) fn find(&self, wanted: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(fold(wanted).as_ref());
        self.index.find(hash, |account| self.get(*account) == wanted).copied()
    }

    /// What is wrong with a reference to an account that is not there; `None` if its own row was refused.
    pub(crate) fn unknown(&self, name: &str) -> Option<String> {
        let alike = |name: &str| {
            let folded = fold(name);
            let hash = self.hasher.hash_one(folded.as_ref());
            self.index.find(hash, |account| fold(self.get(*account)) == folded)
        };
        let near = alike(name).or_else(|| alike(&latin_twin(name)?));
        self.refused.unknown("account", name, "accounts.csv", near.map(|account| self.get(*account)))
    }

    /// The line of accounts.csv on which an account stands; not known after a line that was refused.
    pub(crate) fn line_of(&self, account: u32) -> Option<u64> {
        self.refused.is_empty().then_some(u64::from(account) + 2)
    }

    /// As [`find`](Self::find), but tries the `last` found account first, because most files keep the rows of an account together.
    pub(crate) fn find_near(&self, last: Option<u32>, wanted: &str) -> Option<u32> {
        last.filter(|last| self.get(*last) == wanted).or_else(|| self.find(wanted))
    }

    /// Adds an account, or returns the existing one with an equal folded reference.
    fn add(&mut self, account: &str, class: u8) -> Result<(), AddError> {
        let folded = fold(account);
        let hash = self.hasher.hash_one(folded.as_ref());
        let alike = |other: &u32| fold(self.get(*other)) == folded;
        if let Some(other) = self.index.find(hash, alike) {
            return Err(AddError::Duplicate(*other));
        }
        let number = u32::try_from(self.len()).ok().filter(|number| *number < u32::MAX).ok_or(AddError::TooMany)?;
        self.text.push_str(account);
        self.ends.push(self.text.len());
        self.classes.push(class);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.index.insert_unique(hash, number, |other| hasher.hash_one(fold(reference(text, ends, *other)).as_ref()));
        Ok(())
    }
}

enum AddError {
    Duplicate(u32),
    TooMany,
}

fn reference<'a>(text: &'a str, ends: &[usize], account: u32) -> &'a str {
    let account = account as usize;
    let start = if account == 0 { 0 } else { ends[account - 1] };
    &text[start..ends[account]]
}

/// Reads the accounts and the number of rows. If there are `classes`, every account's class must be among them. `None`, with
/// findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    classes: Option<&Classes>,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<(Accounts, u64)>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    let Some(columns) = table.expect_one_header(&[&ACCOUNTS_HEADER, &WITHOUT_CLASSES], findings)? else {
        return Ok(None);
    };
    let mut accounts = Accounts::default();
    while let Some(line) = table.next(findings)? {
        let fields = table.fields();
        let (account, class_text) = (fields.get(0), if columns == 1 { "" } else { fields.get(1) });
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        let class = match class_text {
            "" => known_class(0, classes).map_err(|reason| {
                reason.map(|reason| format!("{reason}, which is that of an account without a class"))
            }),
            _ => parse_class(class_text, classes),
        };
        let class = class.unwrap_or_else(|reason| {
            if let Some(reason) = reason {
                add(reason);
            }
            // keep an account with a wrong class, so that its balances are not errors too
            0
        });
        if let Some(defect) = name_defect(account, MAX_ACCOUNT_BYTES) {
            add(format!("account {} {defect}", shown(account)));
            accounts.refused.add(account);
            continue;
        }
        match accounts.add(account, class) {
            Ok(()) => {}
            Err(AddError::TooMany) => {
                add("too many accounts: a snapshot has at most 2^32 - 1".to_owned());
                break;
            }
            Err(AddError::Duplicate(other)) => {
                let other = accounts.get(other);
                add(if other == account {
                    format!("account {} is listed twice", shown(account))
                } else {
                    format!(
                        "account {} differs from account {} only in {}",
                        shown(account),
                        shown(other),
                        difference(account, other)
                    )
                });
                accounts.refused.add(account);
            }
        }
    }
    accounts.refused.unread(table.unread());
    accounts.text.shrink_to_fit();
    accounts.ends.shrink_to_fit();
    accounts.classes.shrink_to_fit();
    let rows = table.rows();
    if rows == 0 {
        findings.add(&source.name, None, "lists no account: an empty snapshot attests nothing");
    }
    Ok(Some((accounts, rows)))
}
