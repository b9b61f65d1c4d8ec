//! Any CSV table with a row for each account and a column for each asset. One column has the account reference; all others are assets,
//! named by their symbols. An amount is what the account holds, or what it owes if it is negative; an empty cell is nothing.

use std::path::{Path, PathBuf};

use super::adapter::{ImportError, ImportSummary, Options};
use super::table::{Header, LINE_BYTES, Seen, note_end, wide_row};
use super::target::Target;
use crate::ledger::finding::Findings;
use crate::ledger::lines::Table;
use crate::ledger::source::Source;
use crate::progress::Progress;
use assay_core::text::shown;

pub(super) fn import(
    paths: &[PathBuf],
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<ImportSummary, ImportError> {
    let mut findings = Findings::new(options.limits.max_errors_kept);
    let mut target = Target::create(out, options, &mut findings, progress)?;
    let mut seen = Seen::default();
    for path in paths {
        let source = Source::new(path);
        let file = source.name.as_str();
        let mut table = Table::open(&source, LINE_BYTES, &options.limits, progress)?;
        table.allow_unterminated();
        target.begin_file(&source);
        let Some(header) = Header::read(&mut table, file, &mut findings)? else { continue };
        let account = match header.find(&options.columns.account, "--account-column NAME") {
            Ok(account) => account,
            Err(reason) => {
                findings.add(file, Some(1), reason);
                continue;
            }
        };
        let mut columns = Vec::new();
        for (place, name) in header.names().iter().enumerate().filter(|(place, _)| *place != account) {
            match target.asset(name) {
                Ok(asset) if columns.iter().any(|(_, other)| *other == asset) => findings.add(
                    file,
                    Some(1),
                    format_args!("column {}, {}, is an asset that another column names too", place + 1, shown(name)),
                ),
                Ok(asset) => columns.push((place, asset)),
                Err(reason) => findings.add(file, Some(1), format_args!("column {}: {reason}", place + 1)),
            }
        }
        while let Some(line) = table.next(&mut findings)? {
            let fields = table.fields();
            let name = fields.get(account);
            match seen.note(name, target.place_at(line)) {
                Ok(true) => {}
                Ok(false) => findings.add(file, Some(line), format_args!("account {} has a second row", shown(name))),
                Err(reason) => findings.add(file, Some(line), reason),
            }
            let read =
                |target: &mut Target<'_>, _, text: &str| target.net_amount(text).map(|(equity, debt)| [equity, debt]);
            wide_row(fields, name, &columns, read, (file, line), &mut target, &mut findings)?;
        }
        note_end(&table, file, &mut target);
    }
    target.finish(findings, progress)
}

#[cfg(test)]
mod tests {
    use crate::ledger::import::Format;
    use crate::ledger::import::testing::{ASSETS, Files};

    #[test]
    fn each_column_but_one_is_an_asset_and_a_negative_amount_is_a_debt() {
        let mut files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.csv", "user,btc,USDT\nalice,0.5,-12.25\nbob,,1e3\n")
            .with("b.csv", "USDT,user,BTC\n0,carol,0.25");
        files.options.columns.account = "user".to_owned();
        let summary = files.import(Format::Wide, &["a.csv", "b.csv"]).unwrap();
        assert_eq!((summary.accounts, summary.balances, summary.assets), (3, 4, 2));
        assert_eq!(summary.notes, ["b.csv ends without a line end; if it is incomplete, its last amount is wrong"]);
        let snapshot = files.checked();
        let held: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity, h.debt)).collect();
        assert_eq!(
            held,
            [(0, 0, 50_000_000, 0), (0, 1, 0, 12_250_000), (1, 1, 1_000_000_000, 0), (2, 0, 25_000_000, 0)]
        );
        assert_eq!(snapshot.assets()[0].symbol, "BTC");
    }

    #[test]
    fn every_row_that_cannot_be_read_is_named() {
        let mut files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.csv", "user,BTC,USDT\nalice,0.5,x\nAlice,1,0\nbob,1\nalice,0,0\ncarol,1,0.1234567\n");
        assert_eq!(
            files.refused(Format::Wide, &["a.csv"]),
            "a.csv line 1: has no column \"account\". The columns are \"user,BTC,USDT\"; --account-column NAME names another one"
        );
        files.options.columns.account = "user".to_owned();
        assert_eq!(
            files.refused(Format::Wide, &["a.csv"]),
            "a.csv line 2: USDT amount \"x\" is not a plain decimal number\n\
             a.csv line 3: account \"Alice\" differs from account \"alice\" in line 2 only in capital and small letters\n\
             a.csv line 4: has 2 fields, the header has 3\n\
             a.csv line 5: account \"alice\" has a second row"
        );
        let files = files.with("a.csv", "user,BTC,USDT\nalice,0.5,1\ncarol,1,0.1234567\n");
        assert_eq!(
            files.refused(Format::Wide, &["a.csv"]),
            "a.csv line 3: USDT quantity 0.1234567 has 7 decimals, at most 6 are allowed"
        );
    }
}
