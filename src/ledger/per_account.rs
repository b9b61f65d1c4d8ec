//! Rows of a file, sorted by account, without duplicate keys.

use super::finding::Findings;
use super::source::Source;

/// Rows sorted by account, with the index where each account's rows end.
#[derive(Debug)]
pub(crate) struct PerAccount<T> {
    rows: Vec<T>,
    /// For each account, the number of rows of this account and all before it; empty without rows.
    ends: Vec<usize>,
}

impl<T> Default for PerAccount<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), ends: Vec::new() }
    }
}

impl<T> PerAccount<T> {
    /// Makes an index of rows that are sorted by account.
    pub(crate) fn new(rows: Vec<T>, account: impl Fn(&T) -> u32, accounts: usize) -> Self {
        let ends = if rows.is_empty() { Vec::new() } else { ends(rows.iter().map(account), accounts) };
        Self { rows, ends }
    }

    pub(crate) fn rows(&self) -> &[T] {
        &self.rows
    }

    pub(crate) fn of(&self, account: u32) -> &[T] {
        let account = account as usize;
        match self.ends.get(account) {
            Some(end) if account == 0 => &self.rows[..*end],
            Some(end) => &self.rows[self.ends[account - 1]..*end],
            None => &[],
        }
    }
}

/// For each account, the number of rows of this account and all before it.
pub(crate) fn ends(row_accounts: impl Iterator<Item = u32>, accounts: usize) -> Vec<usize> {
    let mut ends = vec![0usize; accounts];
    for account in row_accounts {
        ends[account as usize] += 1;
    }
    let mut end = 0;
    for count in &mut ends {
        end += *count;
        *count = end;
    }
    ends
}

/// Sorts rows (with their line numbers) by key, and reports every line that repeats the key of an earlier one.
pub(crate) fn sort_once_each<T, K: Ord>(
    rows: &mut [(u64, T)],
    key: impl Fn(&T) -> K,
    reason: impl Fn(&T) -> String,
    source: &Source,
    findings: &mut Findings,
) {
    rows.sort_unstable_by_key(|(line, row)| (key(row), *line));
    let mut again: Vec<_> =
        rows.windows(2).filter(|pair| key(&pair[0].1) == key(&pair[1].1)).map(|pair| &pair[1]).collect();
    again.sort_unstable_by_key(|(line, _)| *line);
    for (line, row) in again {
        findings.add(&source.name, Some(*line), reason(row));
    }
}
